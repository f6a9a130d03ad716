// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Consortium} from "../../../contracts/Consortium.sol";
import {RoundLedger} from "../../../contracts/RoundLedger.sol";
import {IConsortium} from "../../../contracts/interfaces/IConsortium.sol";
import {IRoundLedger} from "../../../contracts/interfaces/IRoundLedger.sol";
import {Base} from "./Base.sol";

/// @dev Members, former keys and a stranger do anything at any time. Every call may fail; what succeeds is noted, and
/// checked at once against what was before.
contract Actors is Base {
    uint256 public constant MEMBERS = 5;

    Consortium public consortium;
    RoundLedger public ledger;

    address[] public keys; // every key ever used, and last a stranger's
    mapping(address key => uint256 index) public memberOf;
    mapping(address key => bytes28 head) public heads;
    mapping(uint32 round => mapping(uint256 member => uint256 count)) public updates;
    mapping(uint32 round => mapping(uint8 attempt => mapping(uint256 member => uint256 count))) public attestations;
    mapping(uint32 round => mapping(uint8 attempt => uint256 count)) public agreeing;
    mapping(uint32 round => mapping(uint8 attempt => uint256 count)) public disagreeing;
    mapping(uint32 round => mapping(uint8 attempt => bytes32 root)) public roots;
    mapping(uint32 round => mapping(uint256 member => bool refuted)) public refuted;
    mapping(uint32 round => IRoundLedger.Phase terminal) public ends;
    mapping(IRoundLedger.Phase phase => uint256 count) public reached;
    uint256 public recoveries;
    uint256 private aggregator;
    uint160 private fresh = 0x20000;

    constructor() {
        (consortium, ledger) = found(MEMBERS);
        for (uint256 i = 0; i < MEMBERS; ++i) {
            keys.push(keyOf(i));
            memberOf[keyOf(i)] = i;
        }
        keys.push(address(0xbad));
    }

    function wait(uint16 time) external {
        vm.warp(block.timestamp + time % 60);
    }

    function submitAll(bytes32 root) external {
        for (uint256 i = 0; i < MEMBERS; ++i) {
            submit(_current(i), 1, root, root);
        }
    }

    function publishAny(uint256 first, bytes32 root) external {
        for (uint256 i = 0; i < MEMBERS; ++i) {
            publish(_current((first % MEMBERS + i) % MEMBERS), root);
        }
    }

    function attestAll(uint256 lies) external {
        if (lies % 4 == 0) lies = type(uint256).max;
        for (uint256 i = 0; i < MEMBERS; ++i) {
            attest(_current(i), lies & (1 << i) == 0);
        }
    }

    function open(uint256 who) external {
        IRoundLedger.Round memory was = ledger.roundOf(1);
        if (!_as(who, abi.encodeCall(ledger.openRound, (1)))) return;
        IRoundLedger.Round memory now_ = ledger.roundOf(1);
        check(was.phase == IRoundLedger.Phase.None || _terminal(was.phase), "opened beside another");
        check(now_.round == was.round + 1 && now_.phase == IRoundLedger.Phase.Collecting, "opened");
        check(now_.epoch == consortium.epoch() && now_.since <= now_.round && now_.since >= was.since, "epoch");
    }

    function submit(uint256 who, uint32 weight, bytes32 root, bytes32 cid) public {
        IRoundLedger.Round memory was = ledger.roundOf(1);
        address key = _key(who);
        if (!_as(who, abi.encodeCall(ledger.submitUpdate, (1, was.round, weight, root, cid)))) return;
        check(was.phase == IRoundLedger.Phase.Collecting && block.timestamp <= was.deadline, "submitted late");
        _requireNotRetiredBefore(key, was);
        heads[key] = bytes28(keccak256(abi.encode(heads[key], uint32(1), was.round, weight, root, cid)));
        ++updates[was.round][memberOf[key]];
        _requireUnchanged(was);
    }

    function publish(uint256 who, bytes32 root) public {
        IRoundLedger.Round memory was = ledger.roundOf(1);
        root = uint256(root) % 4 == 0 ? bytes32(0) : root;
        if (!_as(who, abi.encodeCall(ledger.publishAggregate, (1, was.round, root, root, "")))) return;
        uint256 member = memberOf[_key(who)];
        IRoundLedger.Round memory now_ = ledger.roundOf(1);
        check(
            was.phase == IRoundLedger.Phase.Collecting || was.phase == IRoundLedger.Phase.Aggregating,
            "published out of phase"
        );
        check(now_.phase == IRoundLedger.Phase.Attesting && now_.attempt == was.attempt + 1, "published");
        check(!refuted[was.round][member], "published again");
        _requireElectorate(_key(who), was.epoch);
        aggregator = member;
        roots[was.round][now_.attempt] = root;
        ++attestations[was.round][now_.attempt][member];
        ++agreeing[was.round][now_.attempt];
        ++reached[now_.phase];
    }

    function attest(uint256 who, bool agrees) public {
        IRoundLedger.Round memory was = ledger.roundOf(1);
        bytes32 root = roots[was.round][was.attempt];
        bytes32 claim = ledger.claimOf(1, was.round, root, root, "");
        if (!_as(who, abi.encodeCall(ledger.attest, (1, was.round, was.attempt, agrees ? claim : ~claim)))) return;
        check(was.phase == IRoundLedger.Phase.Attesting && block.timestamp <= was.deadline, "attested late");
        _requireElectorate(_key(who), was.epoch);
        ++attestations[was.round][was.attempt][memberOf[_key(who)]];
        if (agrees) ++agreeing[was.round][was.attempt];
        else ++disagreeing[was.round][was.attempt];
        _note(was);
    }

    function abandon(uint256 who) external {
        IRoundLedger.Round memory was = ledger.roundOf(1);
        if (!_as(who, abi.encodeCall(ledger.abandonRound, (1, was.round)))) return;
        check(!_terminal(was.phase) && block.timestamp > was.deadline, "abandoned early");
        check(ledger.roundOf(1).phase == IRoundLedger.Phase.Abandoned, "abandoned");
        _note(was);
    }

    function rotate(uint256 who, uint8 rarely) external {
        if (rarely % 8 != 0) return;
        uint32 epoch = consortium.epoch();
        address oldKey = _key(who);
        address newKey = address(++fresh);
        prank(oldKey);
        try consortium.rotateKey(newKey) {
            memberOf[newKey] = memberOf[oldKey];
            keys.push(newKey);
            check(consortium.epoch() == epoch + 1, "epoch");
        } catch {}
    }

    function recover(uint256 who, uint8 index) external {
        if (who % 3 != 0) return;
        address newKey = address(uint160(0x30000) + consortium.epoch());
        index %= uint8(MEMBERS);
        uint32 epoch = consortium.epoch();
        prank(_key(who));
        try consortium.approveRotation(index, newKey) {
            if (consortium.epoch() == epoch) return;
            memberOf[newKey] = index;
            keys.push(newKey);
            ++recoveries;
        } catch {}
    }

    function count() external view returns (uint256) {
        return keys.length;
    }

    /// @dev Mostly a current key, else any that ever was, or the stranger's.
    function _key(uint256 who) private view returns (address) {
        return who % 8 == 0 ? keys[who / 8 % keys.length] : consortium.keyOf(uint8(who / 8 % MEMBERS));
    }

    function _current(uint256 index) private pure returns (uint256 who) {
        return index * 8 + 1;
    }

    function _as(uint256 who, bytes memory call) private returns (bool succeeded) {
        prank(_key(who));
        (succeeded,) = address(ledger).call(call);
        check(!succeeded || _key(who) != address(0xbad), "a stranger changed something");
    }

    function _terminal(IRoundLedger.Phase phase) private pure returns (bool) {
        return phase >= IRoundLedger.Phase.Finalised;
    }

    function _requireElectorate(address key, uint32 epoch) private view {
        check(consortium.membership(key).since <= epoch, "outside the electorate");
    }

    /// @dev A retired key may finish the round that was open, and no later one.
    function _requireNotRetiredBefore(address key, IRoundLedger.Round memory round) private view {
        if (consortium.epoch() == round.epoch) _requireElectorate(key, round.epoch);
        try consortium.membership(key) returns (IConsortium.Membership memory member) {
            check(member.since <= round.epoch, "a new key in an old round");
        } catch {}
    }

    function _requireUnchanged(IRoundLedger.Round memory was) private view {
        check(keccak256(abi.encode(was)) == keccak256(abi.encode(ledger.roundOf(1))), "the round changed");
    }

    /// @dev After a call that may end an attempt or a round.
    function _note(IRoundLedger.Round memory was) private {
        IRoundLedger.Round memory now_ = ledger.roundOf(1);
        ++reached[now_.phase];
        if (now_.phase == IRoundLedger.Phase.Aggregating || now_.phase == IRoundLedger.Phase.Refuted) {
            refuted[was.round][aggregator] = true;
            check(disagreeing[was.round][was.attempt] > MEMBERS - consortium.majority(), "refuted by too few");
        }
        if (!_terminal(now_.phase)) return;
        check(ends[was.round] == IRoundLedger.Phase.None, "ended twice");
        ends[was.round] = now_.phase;
    }
}

contract InvariantsTest is Base {
    Actors private actors;
    Consortium private consortium;
    RoundLedger private ledger;

    function setUp() public {
        actors = new Actors();
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
            uint256 choice = random % 11;
            uint256 who = random >> 8;
            if (choice == 0) actors.wait(uint16(who));
            else if (choice == 1) actors.open(who);
            else if (choice == 2) actors.submitAll(bytes32(random));
            else if (choice == 3) actors.submit(who, 1, bytes32(random), bytes32(random));
            else if (choice == 4) actors.publish(who, bytes32(random));
            else if (choice == 5) actors.attestAll(who);
            else if (choice == 6) actors.attest(who, random & 128 == 0);
            else if (choice == 7) actors.abandon(who);
            else if (choice == 8) actors.publishAny(who, bytes32(random));
            else if (choice == 9) actors.rotate(who, uint8(random >> 128));
            else actors.recover(who, uint8(random >> 128));
        }
        for (uint8 phase = uint8(IRoundLedger.Phase.Attesting); phase <= uint8(IRoundLedger.Phase.Abandoned); ++phase) {
            check(actors.reached(IRoundLedger.Phase(phase)) > 2, "a phase was not reached");
        }
        check(actors.recoveries() > 0, "no key was recovered");
    }

    function invariant_AnEndedRoundStaysEnded() external view {
        IRoundLedger.Round memory round = ledger.roundOf(1);
        bool ended = round.phase >= IRoundLedger.Phase.Finalised;
        check(actors.ends(round.round) == (ended ? round.phase : IRoundLedger.Phase.None), "left its end");
    }

    function invariant_OneUpdateAndOneAttestationOfEachMember() external view {
        for (uint32 round = 1; round <= ledger.roundOf(1).round; ++round) {
            for (uint256 member = 0; member < actors.MEMBERS(); ++member) {
                check(actors.updates(round, member) <= 1, "two updates");
                for (uint8 attempt = 1; attempt <= 2; ++attempt) {
                    check(actors.attestations(round, attempt, member) <= 1, "two attestations");
                }
            }
        }
    }

    function invariant_OnlyAPublishedModelOfAMajorityIsFinal() external view {
        for (uint32 round = 1; round <= ledger.roundOf(1).round; ++round) {
            bytes32 model = ledger.modelOf(1, round);
            bool finalised = actors.ends(round) == IRoundLedger.Phase.Finalised;
            check(finalised == (model != 0), "a model of a round that has none");
            if (!finalised) continue;
            uint8 attempt = actors.roots(round, 1) == model && actors.agreeing(round, 1) >= 3 ? 1 : 2;
            check(actors.roots(round, attempt) == model, "never published");
            check(actors.agreeing(round, attempt) >= consortium.majority(), "without a majority");
        }
    }

    function invariant_HeadsAreRecomputable() external view {
        for (uint256 i = 0; i < actors.count(); ++i) {
            (bytes28 head,) = ledger.headOf(1, actors.keys(i));
            check(head == actors.heads(actors.keys(i)), "head");
        }
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

    /// @dev After anything that happened, time alone lets any member end the round and an aggregator open the next.
    function invariant_NoRoundIsStuck() external {
        IRoundLedger.Round memory round = ledger.roundOf(1);
        if (round.phase != IRoundLedger.Phase.None && round.phase < IRoundLedger.Phase.Finalised) {
            vm.warp(uint256(round.deadline) + 101);
            prank(consortium.keyOf(4));
            ledger.abandonRound(1, round.round);
        }
        prank(consortium.keyOf(3));
        ledger.openRound(1);
    }
}
