// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MaskBoard} from "../../../contracts/MaskBoard.sol";
import {IMaskBoard} from "../../../contracts/interfaces/IMaskBoard.sol";
import {Base} from "./Base.sol";
import {Maskers} from "./Maskers.sol";

contract MaskingInvariantsTest is Base {
    Maskers private maskers;
    MaskBoard private board;

    function setUp() public {
        maskers = new Maskers();
        board = maskers.board();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(maskers);
    }

    /// @dev The invariants below say something: the maskers get everywhere.
    function test_MaskersReachEveryStep() external {
        for (uint256 i = 0; i < 6000; ++i) {
            uint256 random = uint256(keccak256(abi.encode(i)));
            uint256 choice = random % 34;
            uint256 who = random >> 8;
            if (choice == 0) maskers.nextRound(uint8(who), random >> 64);
            else if (choice < 5) maskers.wait(uint16(who));
            else if (choice < 8) maskers.propose(who % 5, random >> 64);
            else if (choice == 8) maskers.lie(uint8(who));
            else if (choice < 11) maskers.agree(who, uint8(random >> 64));
            else if (choice < 14) maskers.agreeAll();
            else if (choice < 16) maskers.unmask(who % 5, random >> 64);
            else if (choice < 18) maskers.unmaskMost(who);
            else if (choice < 23) maskers.give(who % 5, random >> 64);
            else if (choice < 25) maskers.open(who % 5);
            else if (choice == 25) maskers.rotate(who, uint8(random >> 64));
            else if (choice < 28) maskers.openSegment(who % 5, uint8(random >> 64));
            else if (choice == 28) maskers.castAll(who);
            else if (choice < 31) maskers.proposeCast(who % 5, random >> 64);
            else maskers.agreeCast(who, uint8(random >> 64));
        }
        string[10] memory steps = [
            "open a segment again",
            "fix a cast",
            "propose",
            "propose again",
            "fix",
            "unmask",
            "share a key",
            "give a key's share",
            "share a seed",
            "open"
        ];
        for (uint8 step = 0; step < steps.length; ++step) {
            check(maskers.reached(Maskers.Step(step)) > 2, string.concat("they did not ", steps[step]));
        }
    }

    function invariant_ARoundHasOneSet() external view {
        (IMaskBoard.Agreement memory masked, uint256 set,, uint256 silent) = board.setOf(1);
        if (!masked.isFixed) return;
        check(set == maskers.sets(masked.number), "set");
        check(silent == set & ~maskers.seeds(masked.number), "silent");
    }

    function invariant_ASegmentHasOneCast() external view {
        for (uint32 segment = 1; segment <= maskers.lastCast() + 1; ++segment) {
            check(board.castOf(1, segment) == maskers.casts(segment), "cast");
        }
    }

    function invariant_NobodyGivesBothSecretsOfAMember() external view {
        for (uint32 round = 1; round <= maskers.ledger().roundOf(1).round; ++round) {
            uint256 seeds = maskers.seeds(round) | maskers.sharedSeeds(round);
            check(seeds & maskers.roundKeys(round) == 0, "both");
            check(seeds & ~maskers.sets(round) == 0, "a seed from outside");
            check(maskers.roundKeys(round) & maskers.sets(round) == 0, "a round key from inside");
        }
    }
}
