// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ballots} from "../../../contracts/Ballots.sol";
import {Consortium} from "../../../contracts/Consortium.sol";
import {ReleaseBoard} from "../../../contracts/ReleaseBoard.sol";
import {IAggregateCourt} from "../../../contracts/interfaces/IAggregateCourt.sol";
import {IReleaseBoard} from "../../../contracts/interfaces/IReleaseBoard.sol";
import {IRoundLedger} from "../../../contracts/interfaces/IRoundLedger.sol";
import {Courts} from "./Courts.sol";

/// @dev Rounds with true and false models, refuted, rewound and released by anybody at any time. Every call may fail; what
/// succeeds must be allowed, and what is allowed must succeed.
contract Convicts is Courts {
    uint256 private constant MEMBERS = 3;
    uint256 private constant VALUES = 2;
    bytes32 public constant NAME = "model";

    /// @param refutation the arguments of `refute`, encoded
    struct Played {
        uint32 before;
        bytes32 claim;
        bytes refutation;
        bool lies;
        bool finalised;
        bool void_;
    }

    ReleaseBoard public releases;
    mapping(uint32 round => Played) public played_;
    mapping(uint32 round => int32[] stream) private models;
    uint32[] public lineage; // the rounds that the job stands on, ascending
    uint32 public convicted; // the lowest round that stands convicted
    bool public closed;
    uint32[] public released; // the round of each version, from 1
    uint256 public current; // the version named last
    uint256 public convictions;
    uint256 public failures;
    uint256 public rewinds;
    uint256 public rollbacks;

    address private immutable _ballots;

    constructor() {
        Game memory game = _game(0);
        game.base = new int32[](VALUES);
        begin(game);
        models[0] = game.base;
        _ballots = Consortium(ledger.consortium()).ballots();
        releases = ReleaseBoard(Ballots(_ballots).releases());
        released.push(0);
    }

    function theLedger() external view returns (IRoundLedger) {
        return ledger;
    }

    function latest() public view returns (uint32) {
        return lineage.length == 0 ? 0 : lineage[lineage.length - 1];
    }

    function standing() external view returns (uint256) {
        return lineage.length;
    }

    function versions() external view returns (uint256) {
        return released.length;
    }

    /// @dev Whether a round's model is convicted, stands on such a one, or was left out.
    function isFalse(uint32 round) public view returns (bool) {
        return played_[round].void_ || (convicted != 0 && round >= convicted);
    }

    /// @dev The next round, published; on a convicted model none opens.
    function play(uint256 seed) public {
        if (!_ended()) return;
        vm.warp(vm.getBlockTimestamp() + 8 * terms().aggregateSeconds + 1);
        if (convicted != 0 || closed) {
            prank(keyOf(seed % MEMBERS));
            (bool opened,) = address(ledger).call(abi.encodeCall(ledger.openRound, (1)));
            return check(!opened, "opened on a convicted model, or in a closed job");
        }
        Game memory game = _game(seed);
        game.base = models[latest()];
        (int32[] memory made, bool fits) = honest(game);
        check(fits, "out of range");
        bool lies = (seed >> 64) % 3 == 0;
        if (lies) made[seed % VALUES] += int32(int256(1 + seed % 5));
        (IAggregateCourt.Claimed memory claimed, bytes32 claim) = played(game, made);
        check(claimed.before == latest() && claimed.aggregate.base == rootOf(game.base), "built on another model");
        check(latest() == 0 || !ledger.isConvicted(1, latest()), "built on a convicted model");
        Played storage one = played_[claimed.round];
        (one.before, one.claim, one.lies) = (claimed.before, claim, lies);
        one.refutation = abi.encode(claimed, pointOf(game, made, seed % VALUES));
        models[claimed.round] = made;
        if (seed % 5 != 0) agree(seed);
    }

    /// @dev With the aggregator it is a majority.
    function agree(uint256 who) public {
        IRoundLedger.Round memory round = ledger.roundOf(1);
        bool attesting = round.phase == IRoundLedger.Phase.Attesting;
        if (!attesting || vm.getBlockTimestamp() > round.deadline) return;
        prank(keyOf(1 + who % (MEMBERS - 1)));
        ledger.attest(1, round.round, round.attempt, IRoundLedger.Form.Agree, played_[round.round].claim, 0);
        check(ledger.roundOf(1).phase == IRoundLedger.Phase.Finalised, "no majority");
        played_[round.round].finalised = true;
        lineage.push(round.round);
    }

    /// @dev The round that is open runs out.
    function end(uint256 who) external {
        for (uint256 i = 0; i < 4 && !_ended(); ++i) {
            vm.warp(vm.getBlockTimestamp() + 1000);
            uint32 round = ledger.roundOf(1).round;
            prank(keyOf(who % MEMBERS));
            ledger.advance(1, round);
        }
        check(_ended(), "has no end");
    }

    /// @dev Anybody refutes any round's aggregate, mostly the last one's, sometimes of another base.
    function refute(uint256 which) public {
        uint32 last = ledger.roundOf(1).round;
        if (last == 0) return;
        uint32 round = which % 3 != 0 ? last : uint32(1 + (which >> 8) % last);
        Played memory one = played_[round];
        (IAggregateCourt.Claimed memory claimed, IAggregateCourt.Point memory point) =
            abi.decode(one.refutation, (IAggregateCourt.Claimed, IAggregateCourt.Point));
        if (which % 11 == 0) claimed.before = uint24(which >> 32) % uint24(last + 1);
        bool attested = round == last && ledger.roundOf(1).phase == IRoundLedger.Phase.Attesting;
        bool finalised = one.finalised && !isFalse(round);
        bool expected = one.lies && claimed.before == one.before && (attested || finalised);
        bool underWay = !_ended();
        prank(address(uint160(0x90000 + which % 7)));
        (bool succeeded,) = address(court).call(abi.encodeCall(court.refute, (claimed, point)));
        check(succeeded == expected, "convicted without a cause, or not with one");
        if (!succeeded) return;
        if (!finalised) {
            ++failures;
            return check(ledger.roundOf(1).phase == IRoundLedger.Phase.Aggregating, "the attempt stands");
        }
        ++convictions;
        convicted = round;
        bool abandoned = ledger.roundOf(1).phase == IRoundLedger.Phase.Abandoned;
        check(_ended() && (!underWay || abandoned), "goes on on a convicted model");
    }

    /// @dev Mostly of the conviction that stands, else of any.
    function rewind(uint256 which) public {
        uint32 last = ledger.roundOf(1).round;
        uint32 round = which % 3 == 0 ? uint32((which >> 8) % (last + 2)) : convicted;
        vm.prank(_ballots);
        (bool succeeded,) = address(ledger).call(abi.encodeCall(ledger.rewindJob, (1, round)));
        check(succeeded == (!closed && convicted != 0 && round == convicted), "lifted, or not lifted");
        if (!succeeded) return;
        ++rewinds;
        for (uint32 i = convicted; i <= last; ++i) {
            played_[i].void_ = true;
        }
        while (latest() >= convicted) {
            lineage.pop();
        }
        convicted = 0;
    }

    function close(uint256 rarely) external {
        if (rarely % 64 != 0 || closed) return;
        vm.prank(_ballots);
        ledger.closeJob(1);
        closed = true;
    }

    function release(uint256 which) public {
        uint32 round = uint32(which % (ledger.roundOf(1).round + 1));
        if (released.length > 900) return;
        IReleaseBoard.Release memory made;
        (made.name, made.version, made.job) = (NAME, versionOf(released.length), 1);
        (made.round, made.root) = (round, ledger.modelOf(1, round));
        vm.prank(_ballots);
        (bool succeeded,) = address(releases).call(abi.encodeCall(releases.publish, (made)));
        check(succeeded == (played_[round].finalised && !isFalse(round)), "released a false model, or not a true one");
        if (!succeeded) return;
        current = released.length;
        released.push(round);
    }

    function rollBack(uint256 which) public {
        uint256 version = 1 + which % released.length;
        vm.prank(_ballots);
        (bool succeeded,) =
            address(releases).call(abi.encodeCall(releases.rollBack, (NAME, versionOf(version))));
        bool known = version < released.length;
        check(succeeded == (known && version != current && !isFalse(released[version])), "rolled back, or not");
        if (!succeeded) return;
        ++rollbacks;
        current = version;
    }

    /// @dev Three digits.
    function versionOf(uint256 number) public pure returns (bytes32) {
        return bytes32(
            bytes.concat(bytes1(uint8(48 + number / 100)), bytes1(uint8(48 + number / 10 % 10)), bytes1(uint8(48 + number % 10)))
        );
    }

    function _ended() private view returns (bool) {
        IRoundLedger.Phase phase = ledger.roundOf(1).phase;
        return phase == IRoundLedger.Phase.None || phase >= IRoundLedger.Phase.Finalised;
    }

    function _game(uint256 seed) private pure returns (Game memory game) {
        (game.weights, game.streams) = (new uint32[](MEMBERS), new int32[][](MEMBERS));
        game.verdicts = new bytes(MEMBERS);
        for (uint256 i = 0; i < MEMBERS; ++i) {
            game.weights[i] = uint32(1 + (seed >> 8 * i) % 9);
            game.streams[i] = new int32[](VALUES);
            for (uint256 j = 0; j < VALUES; ++j) {
                game.streams[i][j] = int32(int256(uint256(keccak256(abi.encode(seed, i, j))) % 2000)) - 1000;
            }
        }
    }
}
