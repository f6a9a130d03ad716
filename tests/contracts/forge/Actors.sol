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
    uint256 public constant MAJORITY = 3;

    Consortium public consortium;
    RoundLedger public ledger;

    address[] public keys; // every key ever used, and last a stranger's
    mapping(address key => uint256 index) public memberOf;
    mapping(uint32 round => mapping(uint256 member => Update update)) private updates;
    mapping(uint32 round => uint256 bitmap) public committed;
    mapping(uint32 round => uint256 bitmap) public opened;
    mapping(uint32 round => mapping(uint8 attempt => uint256 bitmap)) public agreeing;
    mapping(uint32 round => mapping(uint8 attempt => uint256 bitmap)) public against;
    mapping(uint32 round => mapping(uint8 attempt => bytes32 root)) public roots;
    mapping(uint32 round => uint256 bitmap) public failed;
    mapping(uint32 round => IRoundLedger.Phase terminal) public ends;
    mapping(IRoundLedger.Phase phase => uint256 count) public reached;
    mapping(uint256 member => uint256 count) public strikes;
    uint256 public full;
    uint256 public late;
    uint8 public buffer;
    uint256 public recoveries;
    uint32 public latest;
    uint256 public finalised;
    bytes32 private claim;
    uint256 private opener;
    uint160 private fresh = 0x20000;

    /// @param buffer_ after how many commitments a round collects no more; 0 for all
    constructor(uint8 buffer_) {
        buffer = buffer_;
        (consortium, ledger) = found(MEMBERS);
        for (uint256 i = 0; i < MEMBERS; ++i) {
            keys.push(keyOf(i));
            memberOf[keyOf(i)] = i;
        }
        keys.push(address(0xbad));
    }

    function terms() internal view override returns (IRoundLedger.Terms memory made) {
        made = super.terms();
        made.buffer = buffer;
    }

    /// @dev How many commitments a round takes.
    function most() public view returns (uint256) {
        return buffer != 0 && buffer < MEMBERS ? buffer : MEMBERS;
    }

    function wait(uint16 time) external {
        vm.warp(vm.getBlockTimestamp() + time % 60);
        vm.roll(vm.getBlockNumber() + 1 + time % 3);
    }

    function commitAll(bytes32 root) external {
        for (uint256 i = 0; i < MEMBERS; ++i) {
            commit(_current(i), root);
        }
    }

    function publishAny(uint256 first, bytes32 root) external {
        for (uint256 i = 0; i < MEMBERS; ++i) {
            publish(_current((first % MEMBERS + i) % MEMBERS), root);
        }
    }

    function attestAll(uint256 lies) external {
        if (lies % 4 == 0) lies = type(uint256).max;
        else if (lies % 4 == 1) lies = 0;
        for (uint256 i = 0; i < MEMBERS; ++i) {
            attest(_current(i), lies & (1 << i) == 0 ? 0 : uint8(1 + (lies >> (8 + i)) % 2));
        }
    }

    /// @dev Mostly when nobody has to wait any more.
    function open(uint256 who) external {
        IRoundLedger.Round memory was = ledger.roundOf(1);
        uint256 ready = ledger.courseOf(1).endedAt;
        if (_terminal(was.phase) && (who >> 64) % 4 != 0) vm.warp(vm.getBlockTimestamp() + 8 * terms().aggregateSeconds);
        if (!_as(who, abi.encodeCall(ledger.openRound, (1)))) return;
        IRoundLedger.Round memory now_ = ledger.roundOf(1);
        check(was.phase == IRoundLedger.Phase.None || _terminal(was.phase), "opened beside another");
        check(now_.round == was.round + 1 && now_.phase == IRoundLedger.Phase.Collecting, "opened");
        check(now_.epoch == consortium.epoch() && now_.since <= now_.round && now_.since >= was.since, "epoch");
        check(now_.members == MEMBERS && now_.participants == MEMBERS && now_.aggregators == MEMBERS, "counted");
        check(now_.target == most(), "target");
        check(now_.deadline == vm.getBlockTimestamp() + terms().updateSeconds, "deadline");
        opener = memberOf[_key(who)];
        uint256 turns = strikes[opener] < 8 ? strikes[opener] : 8;
        check(vm.getBlockTimestamp() >= ready + turns * terms().aggregateSeconds, "did not wait");
    }

    function commit(uint256 who, bytes32 root) public {
        IRoundLedger.Round memory was = live();
        address key = _key(who);
        Update memory update = updateOf(key, root);
        bytes28 commitment = sealOf(ledger, 1, was.round, update);
        if (!_as(who, abi.encodeCall(ledger.commitUpdate, (1, was.round, commitment)))) return;
        check(was.phase == IRoundLedger.Phase.Collecting, "committed late");
        _requireNotRetiredBefore(key, was);
        uint256 bit = 1 << memberOf[key];
        check(committed[was.round] & bit == 0, "committed twice");
        committed[was.round] |= bit;
        updates[was.round][memberOf[key]] = update;
        ++was.committed;
        if (was.committed == most()) {
            _move(was, IRoundLedger.Phase.Opening, terms().openSeconds);
            ++full;
        }
        _requireNow(was);
    }

    /// @dev Bit i: member i's update is among them, bit 8 + i: twice. Mostly all, and sometimes one was changed.
    function reveal(uint256 which) external {
        IRoundLedger.Round memory was = live();
        bytes memory openings;
        uint256 bits = 0;
        bool wrong = which % 7 == 0;
        if (which % 3 != 0) which |= 0x1f;
        for (uint256 i = 0; i < MEMBERS; ++i) {
            if (which & (1 << i) == 0 || committed[was.round] & (1 << i) == 0) continue;
            bits |= 1 << i;
            Update memory update = updates[was.round][i];
            openings = bytes.concat(openings, opening(update));
            if (which & (0x100 << i) != 0) openings = bytes.concat(openings, opening(update));
        }
        if (wrong && openings.length != 0) openings[which % openings.length] ^= 0x01;
        if (!_as(which >> 32, abi.encodeCall(ledger.openUpdates, (1, was.round, openings)))) return;
        check(!wrong && was.phase == IRoundLedger.Phase.Opening, "opened out of phase");
        uint256 open_ = opened[was.round] | bits;
        if (open_ == opened[was.round]) return;
        opened[was.round] = open_;
        was.opened = uint8(ones(open_));
        was.openedIn = uint40(vm.getBlockNumber());
        if (was.opened == was.committed) {
            _move(was, IRoundLedger.Phase.Aggregating, 2 * terms().aggregateSeconds);
            ++reached[IRoundLedger.Phase.Aggregating];
        }
        ++reached[IRoundLedger.Phase.Opening];
        _requireNow(was);
    }

    function publish(uint256 who, bytes32 root) public {
        IRoundLedger.Round memory was = live();
        root = uint256(root) % 8 == 0 ? bytes32(0) : root;
        IRoundLedger.Aggregate memory aggregate = aggregateOf(ledger, 1, root);
        bytes32 said = claimNow(ledger, 1, aggregate);
        bool wrong = uint256(root) % 11 == 3;
        if (wrong) said = ~said;
        if (!_as(who, abi.encodeCall(ledger.publishAggregate, (1, was.round, aggregate, said)))) return;
        check(!wrong, "another claim than the ledger's");
        uint256 member = memberOf[_key(who)];
        check(was.phase == IRoundLedger.Phase.Aggregating && was.opened != 0, "published out of phase");
        check(vm.getBlockTimestamp() <= was.deadline, "published late");
        check(failed[was.round] & (1 << member) == 0, "published again");
        _requireElectorate(_key(who), was.epoch);
        if (was.attempt == 0 && member != opener) {
            check(vm.getBlockTimestamp() > was.deadline - terms().aggregateSeconds, "took the turn early");
            _strike(opener);
        }
        ++was.attempt;
        (was.agreeing, was.against, was.aggregator) = (1, 0, uint8(member));
        _move(was, IRoundLedger.Phase.Attesting, terms().attestSeconds);
        _requireNow(was);
        claim = said;
        roots[was.round][was.attempt] = root;
        agreeing[was.round][was.attempt] = 1 << member;
        ++reached[IRoundLedger.Phase.Attesting];
    }

    function attest(uint256 who, uint8 kind) public {
        IRoundLedger.Round memory was = live();
        IRoundLedger.Form form = IRoundLedger.Form(kind % 3);
        bytes32 said = form == IRoundLedger.Form.Other ? ~claim : claim;
        if (!_as(who, abi.encodeCall(ledger.attest, (1, was.round, was.attempt, form, said, 0)))) return;
        check(vm.getBlockTimestamp() <= was.deadline, "attested late");
        _requireElectorate(_key(who), was.epoch);
        uint256 bit = 1 << memberOf[_key(who)];
        check((agreeing[was.round][was.attempt] | against[was.round][was.attempt]) & bit == 0, "attested twice");
        bool agrees = form == IRoundLedger.Form.Agree;
        if (agrees) agreeing[was.round][was.attempt] |= bit;
        else against[was.round][was.attempt] |= bit;
        if (was.phase == IRoundLedger.Phase.Finalised && agrees) {
            ++late;
            return _requireNow(was);
        }
        check(was.phase == IRoundLedger.Phase.Attesting, "attested out of phase");
        if (agrees) ++was.agreeing;
        else ++was.against;
        if (was.agreeing == MAJORITY) _conclude(was);
        else if (was.against > MEMBERS - MAJORITY) _fail(was, true);
        _requireNow(was);
    }

    function advance(uint256 who) external {
        IRoundLedger.Round memory was = live();
        if (!_as(who, abi.encodeCall(ledger.advance, (1, was.round)))) return;
        bool over = vm.getBlockTimestamp() > was.deadline;
        if (was.phase == IRoundLedger.Phase.Attesting) {
            check(over, "attesting was not over");
            _fail(was, was.agreeing + was.against >= MAJORITY);
        } else if (was.phase == IRoundLedger.Phase.Aggregating && was.opened != 0) {
            check(over, "aggregating was not over");
            if (was.attempt == 0) _strike(opener);
            _end(was, IRoundLedger.Phase.Abandoned);
        } else {
            bool nothing = was.phase == IRoundLedger.Phase.Opening ? was.committed == 0 : was.opened == 0;
            check(nothing && was.phase >= IRoundLedger.Phase.Opening && !_terminal(was.phase), "advanced early");
            _end(was, IRoundLedger.Phase.Abandoned);
        }
        _requireNow(was);
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

    /// @dev The round as it is now, by the terms: time alone ends Collecting and Opening.
    function live() public view returns (IRoundLedger.Round memory round) {
        round = ledger.roundOf(1);
        uint256 time = vm.getBlockTimestamp();
        if (round.phase == IRoundLedger.Phase.Collecting && time > round.deadline) {
            round.phase = IRoundLedger.Phase.Opening;
            round.deadline += terms().openSeconds;
        }
        if (round.phase == IRoundLedger.Phase.Opening && time > round.deadline) {
            round.phase = IRoundLedger.Phase.Aggregating;
            round.deadline += 2 * terms().aggregateSeconds;
        }
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
        bool anybodys = bytes4(call) == ledger.openUpdates.selector;
        check(!succeeded || anybodys || _key(who) != address(0xbad), "a stranger changed something");
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

    /// @dev The round is stored as the rules say it is now.
    function _requireNow(IRoundLedger.Round memory expected) private view {
        check(keccak256(abi.encode(expected)) == keccak256(abi.encode(ledger.roundOf(1))), "another round");
    }

    function _move(IRoundLedger.Round memory round, IRoundLedger.Phase phase, uint256 duration) private view {
        round.phase = phase;
        round.deadline = uint40(vm.getBlockTimestamp() + duration);
    }

    function _conclude(IRoundLedger.Round memory round) private {
        bytes32 root = roots[round.round][round.attempt];
        if (root == 0) return _end(round, IRoundLedger.Phase.Abandoned);
        if (strikes[round.aggregator] != 0) --strikes[round.aggregator];
        ++finalised;
        latest = round.round;
        _end(round, IRoundLedger.Phase.Finalised);
    }

    function _fail(IRoundLedger.Round memory round, bool spoke) private {
        failed[round.round] |= 1 << round.aggregator;
        if (spoke) _strike(round.aggregator);
        if (round.attempt < terms().attempts) {
            _move(round, IRoundLedger.Phase.Aggregating, terms().aggregateSeconds);
            ++reached[IRoundLedger.Phase.Aggregating];
        } else {
            _end(round, spoke ? IRoundLedger.Phase.Refuted : IRoundLedger.Phase.Abandoned);
        }
    }

    function _strike(uint256 member) private {
        if (strikes[member] < 255) ++strikes[member];
    }

    function _end(IRoundLedger.Round memory round, IRoundLedger.Phase phase) private {
        check(ends[round.round] == IRoundLedger.Phase.None, "ended twice");
        check(ledger.courseOf(1).endedAt == vm.getBlockTimestamp(), "ended at another time");
        round.phase = phase;
        round.deadline = ledger.roundOf(1).deadline; // of the phase that was stored last
        ends[round.round] = phase;
        ++reached[phase];
    }
}
