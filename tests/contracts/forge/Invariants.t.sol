// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Consortium} from "../../../contracts/Consortium.sol";
import {RoundLedger} from "../../../contracts/RoundLedger.sol";
import {IConsortium} from "../../../contracts/interfaces/IConsortium.sol";
import {IRoundLedger} from "../../../contracts/interfaces/IRoundLedger.sol";
import {Actors} from "./Actors.sol";
import {Base} from "./Base.sol";

/// @dev What holds after any calls of `Actors`. Each call is compared with the rules by `Actors` itself.
contract InvariantsTest is Base {
    Actors private actors;
    Consortium private consortium;
    RoundLedger private ledger;

    /// @dev The job's.
    function buffer() internal pure virtual returns (uint8) {
        return 0;
    }

    function setUp() public {
        actors = new Actors(buffer());
        (consortium, ledger) = (actors.consortium(), actors.ledger());
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(actors);
    }

    /// @dev The invariants below say something: the actors get everywhere.
    function test_ActorsReachEveryPhase() external {
        for (uint256 i = 0; i < 4000; ++i) {
            uint256 random = uint256(keccak256(abi.encode(i)));
            uint256 choice = random % 12;
            uint256 who = random >> 8;
            if (choice == 0) actors.wait(uint16(who));
            else if (choice == 1) actors.open(who);
            else if (choice == 2) actors.commitAll(bytes32(random));
            else if (choice == 3) actors.commit(who, bytes32(random));
            else if (choice == 4) actors.publish(who, bytes32(random));
            else if (choice == 5) actors.attestAll(who);
            else if (choice == 6) actors.attest(who, uint8(random >> 128));
            else if (choice == 7) actors.advance(who);
            else if (choice == 8) actors.publishAny(who, bytes32(random));
            else if (choice == 9) actors.rotate(who, uint8(random >> 128));
            else if (choice == 10) actors.reveal(who);
            else actors.recover(who, uint8(random >> 128));
            if (i % 50 == 0) _requireNoWedge();
        }
        for (uint8 phase = uint8(IRoundLedger.Phase.Opening); phase <= uint8(IRoundLedger.Phase.Abandoned); ++phase) {
            bytes memory which = abi.encodePacked(bytes1(0x30 + phase));
            check(actors.reached(IRoundLedger.Phase(phase)) > 2, string.concat("never in phase ", string(which)));
        }
        check(actors.recoveries() > 0 && actors.late() > 0, "no key was recovered, or nobody agreed late");
        check(actors.full() > 2, "no round had all updates that it takes");
    }

    /// @dev Nothing is counted that was not said, nothing twice, and nothing is lost.
    function invariant_CountsAreWhatWasDone() external view {
        IRoundLedger.Round memory round = ledger.roundOf(1);
        bool ended = round.phase >= IRoundLedger.Phase.Finalised;
        check(actors.ends(round.round) == (ended ? round.phase : IRoundLedger.Phase.None), "left its end");
        check(round.committed == ones(actors.committed(round.round)), "committed");
        check(round.round == 0 || round.committed <= round.target && round.target == actors.most(), "more than a buffer");
        check(round.opened == ones(actors.opened(round.round)) && round.opened <= round.committed, "opened");
        bool voting = round.attempt != 0 && round.phase != IRoundLedger.Phase.Finalised;
        uint256 agreeing = actors.agreeing(round.round, round.attempt);
        uint256 against = actors.against(round.round, round.attempt);
        check(!voting || round.agreeing == ones(agreeing) && round.against == ones(against), "votes");
        check(agreeing & against == 0, "both ways");
        IRoundLedger.Course memory course = ledger.courseOf(1);
        check(course.finalised == actors.finalised() && course.latest == actors.latest(), "course");
        for (uint8 i = 0; i < actors.MEMBERS(); ++i) {
            check(ledger.strikesOf(1, i) == actors.strikes(i), "strikes");
        }
        uint32 before = 0;
        for (uint32 past = 1; past <= round.round; ++past) {
            bool finalised = _requireModelOfAMajority(past);
            check((ledger.claimAfter(1, finalised ? before : past) != 0) == finalised, "claim");
            if (finalised) before = past;
        }
        check(ledger.claimAfter(1, before) == 0, "claim of no round");
    }

    function invariant_EachMemberHasOneKey() external view {
        address[] memory keys = consortium.keysWith(0);
        check(keys.length == actors.MEMBERS() && consortium.count() == keys.length, "members");
        uint256 active = 0;
        for (uint256 i = 0; i < actors.count(); ++i) {
            try consortium.membership(actors.keys(i)) returns (IConsortium.Membership memory member) {
                check(keys[member.index] == actors.keys(i) && member.since <= consortium.epoch(), "key");
                ++active;
            } catch {}
        }
        check(active == keys.length, "active keys");
    }

    function invariant_TheCensusCountsWhatIsThere() external view {
        IConsortium.Census memory census = consortium.census();
        check(census.members == ones(consortium.active()) && census.members == consortium.count(), "members");
        check(census.epoch == consortium.epoch() && census.recoveries == actors.recoveries(), "epoch, recoveries");
        check(census.participants == consortium.keysWith(1).length, "participants");
        check(census.aggregators == consortium.keysWith(2).length, "aggregators");
        check(census.scorers == consortium.keysWith(4).length, "scorers");
    }

    /// @dev After anything that happened members 2, 3 and 4 of 5 alone end the round in time, and finalise the next.
    function invariant_NoWedge() external {
        _requireNoWedge();
    }

    function _requireModelOfAMajority(uint32 round) private view returns (bool finalised) {
        bytes32 root = ledger.modelOf(1, round);
        finalised = actors.ends(round) == IRoundLedger.Phase.Finalised;
        check(finalised == (root != 0), "model");
        if (!finalised) return false;
        uint8 attempt = ones(actors.agreeing(round, 2)) >= actors.MAJORITY() ? 2 : 1;
        check(actors.roots(round, attempt) == root, "never published");
        check(ones(actors.agreeing(round, attempt)) >= actors.MAJORITY(), "without a majority");
    }

    /// @dev What it does is undone.
    function _requireNoWedge() private {
        uint256 state = vm.snapshotState();
        _endWithinTheBound();
        _finaliseTheNext();
        check(vm.revertToState(state), "not undone");
    }

    function _endWithinTheBound() private {
        IRoundLedger.Terms memory t = terms();
        uint256 turns = t.attempts * (t.attestSeconds + t.aggregateSeconds) + 2 * t.aggregateSeconds;
        uint256 until = vm.getBlockTimestamp() + t.updateSeconds + t.openSeconds + turns + 8;
        IRoundLedger.Round memory round = actors.live();
        for (uint256 step = 0; round.phase < IRoundLedger.Phase.Finalised && round.round != 0; ++step) {
            check(step < 8, "wedged");
            if (vm.getBlockTimestamp() <= round.deadline) vm.warp(uint256(round.deadline) + 1);
            prank(consortium.keyOf(uint8(2 + step % 3)));
            try ledger.advance(1, round.round) {} catch {}
            round = actors.live();
        }
        check(vm.getBlockTimestamp() <= until, "too late");
    }

    function _finaliseTheNext() private {
        IRoundLedger.Terms memory t = terms();
        uint8 opener = 2;
        for (uint8 i = 3; i < 5; ++i) {
            if (ledger.strikesOf(1, i) < ledger.strikesOf(1, opener)) opener = i;
        }
        uint256 ready = ledger.courseOf(1).endedAt + 8 * uint256(t.aggregateSeconds);
        if (vm.getBlockTimestamp() < ready) vm.warp(ready);
        prank(consortium.keyOf(opener));
        ledger.openRound(1);
        uint32 round = ledger.roundOf(1).round;
        bytes memory openings;
        for (uint8 i = 2; i < 5; ++i) {
            Update memory update = updateOf(consortium.keyOf(i), keccak256(abi.encode(round, i)));
            prank(update.party);
            ledger.commitUpdate(1, round, sealOf(ledger, 1, round, update));
            openings = bytes.concat(openings, opening(update));
        }
        IRoundLedger.Round memory collected = ledger.roundOf(1);
        if (collected.phase == IRoundLedger.Phase.Collecting) vm.warp(uint256(collected.deadline) + 1);
        prank(STRANGER);
        ledger.openUpdates(1, round, openings);
        vm.roll(vm.getBlockNumber() + 1);
        IRoundLedger.Aggregate memory aggregate = aggregateOf(ledger, 1, "honest");
        bytes32 claim = claimNow(ledger, 1, aggregate);
        prank(consortium.keyOf(opener));
        ledger.publishAggregate(1, round, aggregate, claim);
        for (uint8 i = 2; i < 5; ++i) {
            if (i == opener) continue;
            prank(consortium.keyOf(i));
            ledger.attest(1, round, 1, IRoundLedger.Form.Agree, claim, 0);
        }
        check(ledger.modelOf(1, round) == "honest", "not finalised");
    }
}

/// @dev The same of a job whose rounds take three of five updates.
contract BufferedInvariantsTest is InvariantsTest {
    function buffer() internal pure override returns (uint8) {
        return 3;
    }
}
