// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IReleaseBoard} from "../../../contracts/interfaces/IReleaseBoard.sol";
import {IRoundLedger} from "../../../contracts/interfaces/IRoundLedger.sol";
import {Base} from "./Base.sol";
import {Convicts} from "./Convicts.sol";

/// @dev What holds after any calls of `Convicts`. Each call is compared with the rules by `Convicts` itself.
contract ConvictionInvariantsTest is Base {
    Convicts private convicts;
    IRoundLedger private ledger;

    function setUp() public {
        convicts = new Convicts();
        ledger = convicts.theLedger();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(convicts);
    }

    /// @dev The invariants below say something: all of it happens, time and again.
    function test_ConvictsGetEverywhere() external {
        for (uint256 i = 0; i < 900; ++i) {
            uint256 random = uint256(keccak256(abi.encode(i)));
            uint256 choice = random % 9;
            uint256 what = random >> 8;
            if (choice < 3) convicts.play(what);
            else if (choice == 3) convicts.end(what);
            else if (choice == 4) convicts.refute(what);
            else if (choice == 5) convicts.rewind(what);
            else if (choice == 6) convicts.release(what);
            else if (choice == 7) convicts.rollBack(what);
            else convicts.agree(what);
            if (i % 10 == 0) _requireAll();
        }
        check(convicts.convictions() > 5 && convicts.rewinds() > 5, "too few convictions and rewinds");
        check(convicts.failures() > 1, "no attempt failed");
        check(convicts.rollbacks() > 1, "nothing was rolled back");
    }

    /// @dev A convicted model is the base of no round, the claims are those of the rounds that stand, and no release stands
    /// on a void round.
    function invariant_NothingStandsOnAConvictedModel() external view {
        _requireAll();
    }

    function _requireAll() private view {
        _requireFlags();
        _requireClaims();
        _requireReleases();
    }

    function _requireFlags() private view {
        uint32 last = ledger.roundOf(1).round;
        for (uint32 round = 1; round <= last + 1; ++round) {
            check(ledger.isConvicted(1, round) == convicts.isFalse(round), "another mark");
        }
        (uint24 convicted, uint24 sound) = ledger.convictionOf(1);
        check(convicted == convicts.convicted(), "another conviction");
        IRoundLedger.Round memory current = ledger.roundOf(1);
        bool ended = current.phase == IRoundLedger.Phase.None || current.phase >= IRoundLedger.Phase.Finalised;
        check(convicted == 0 || ended, "a round goes on on a convicted model");
        check(convicted != 0 || sound == 0, "a base of no conviction");
        check(ledger.courseOf(1).latest == convicts.latest(), "another model to build on");
        IRoundLedger.Void[] memory voids = ledger.voidOf(1);
        for (uint256 i = 0; i < voids.length; ++i) {
            check(voids[i].from <= voids[i].to && voids[i].before < voids[i].from, "no run");
            check(i == 0 || voids[i - 1].to < voids[i].from, "runs that overlap");
        }
    }

    /// @dev From the initial model on, each round that stands follows the one before; and after a void one comes what came
    /// after the rewind.
    function _requireClaims() private view {
        uint32 before = 0;
        for (uint256 i = 0; i < convicts.standing(); ++i) {
            uint32 round = convicts.lineage(i);
            (uint32 base, bytes32 claim,,, bool finalised, bool void_) = convicts.played_(round);
            check(finalised && !void_ && base == before, "another lineage");
            check(ledger.claimAfter(1, before) == claim, "another claim");
            before = round;
        }
        check(ledger.claimAfter(1, before) == 0, "a claim of no round");
        IRoundLedger.Void[] memory voids = ledger.voidOf(1);
        for (uint256 i = 0; i < voids.length; ++i) {
            bytes32 after_ = ledger.claimAfter(1, voids[i].before);
            check(ledger.claimAfter(1, voids[i].from) == after_ && ledger.claimAfter(1, voids[i].to) == after_, "led astray");
        }
    }

    function _requireReleases() private view {
        bytes32 current = convicts.releases().currentOf(convicts.NAME());
        uint256 version = convicts.current();
        bool stands = version != 0 && !convicts.isFalse(convicts.released(version));
        bytes32 expected = stands ? convicts.releases().idOf(convicts.NAME(), convicts.versionOf(version)) : bytes32(0);
        check(current == expected, "another release");
        if (current == 0) return;
        (IReleaseBoard.Release memory record,) = convicts.releases().releaseOf(current);
        check(!ledger.isConvicted(1, record.round) && ledger.modelOf(1, record.round) == record.root, "a void release");
    }
}
