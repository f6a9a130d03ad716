// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMaskBoard} from "../../../contracts/interfaces/IMaskBoard.sol";
import {IRoundLedger} from "../../../contracts/interfaces/IRoundLedger.sol";
import {Masked} from "./Masked.sol";

/// @dev Members, former keys and a stranger propose, agree, unmask and give shares in any order, in rounds that end in
/// any way. Every call may fail; what succeeds is noted, and checked at once against what was before.
contract Maskers is Masked {
    uint256 private constant MEMBERS = 5;
    uint256 private constant MAJORITY = 3;
    uint256 private constant EVERYONE = 31;

    enum Step {
        Reopened,
        Cast,
        Proposed,
        ProposedAgain,
        Fixed,
        Unmasked,
        KeyShared,
        KeyGiven,
        SeedShared,
        Opened
    }

    address[] public keys; // every key ever used, and last a stranger's
    mapping(uint32 segment => uint256 cast) public casts;
    uint32 public lastCast;
    mapping(uint32 round => uint256 set) public sets;
    mapping(uint32 round => uint256 bitmap) public shown;
    mapping(uint32 round => uint256 bitmap) public seeds;
    mapping(uint32 round => uint256 bitmap) public sharedSeeds;
    mapping(uint32 round => uint256 bitmap) public roundKeys;
    mapping(uint32 round => uint256 bitmap) private proposers;
    mapping(uint32 round => uint256 bitmap) private gave;
    mapping(Step step => uint256 count) public reached;
    mapping(uint32 segment => uint256 bitmap) private casters;
    uint256 private agreed;
    uint256 private agreedCast;
    uint160 private fresh = 0x20000;

    constructor() {
        foundMasked(MEMBERS);
        fixCast(MEMBERS, EVERYONE);
        (casts[1], lastCast) = (EVERYONE, 1);
        for (uint256 i = 0; i < MEMBERS; ++i) {
            keys.push(keyOf(i));
        }
        keys.push(address(0xbad));
    }

    /// @dev Segments are opened at any time; mostly that of the latest round.
    function openSegment(uint256 who, uint8 next) public {
        (IMaskBoard.Agreement memory was,,,) = board.segmentOf(1);
        uint32 current = segmentNow();
        uint32 segment = next % 2 == 0 ? current + 1 : next % 16 == 1 ? current + 2 : current;
        if (!_as(who, abi.encodeCall(board.openSegment, (1, segment)))) return;
        uint32 following = segmentOf(ledger.roundOf(1).round + 1);
        check(segment == following || (segment == following + 1 && casts[following] != 0), "opened out of turn");
        check(casts[segment] == 0, "opened again");
        bool over = vm.getBlockTimestamp() > uint256(was.deadline) + masking().setSeconds;
        check(was.isFixed || over, "interrupted");
        if (was.number == segment) ++reached[Step.Reopened];
        (agreedCast, casters[segment]) = (0, 0);
    }

    /// @dev All of a cast at once, where nobody interferes: so that most rounds have one.
    function castAll(uint256 who) external {
        openSegment(who % MEMBERS, 3);
        (IMaskBoard.Agreement memory now_,,,) = board.segmentOf(1);
        if (vm.getBlockTimestamp() <= now_.deadline) vm.warp(uint256(now_.deadline) + 1);
        proposeCast(who % MEMBERS, 2);
        for (uint256 i = 0; i < MEMBERS; ++i) {
            agreeCast(i, 1);
        }
    }

    function proposeCast(uint256 who, uint256 cast) public {
        (IMaskBoard.Agreement memory was, uint256 roster,,) = board.segmentOf(1);
        cast = cast % 3 == 0 ? cast & EVERYONE : roster & ~(cast % 4 == 1 ? 1 << who % MEMBERS : 0);
        if (!_as(who, abi.encodeCall(board.proposeCast, (1, was.number, cast)))) return;
        uint256 bit = _bit(who, was.epoch);
        check(!was.isFixed && (was.proposals == 0 || vm.getBlockTimestamp() > was.deadline), "cast beside another");
        (IMaskBoard.Agreement memory is_,,,) = board.segmentOf(1);
        check(is_.deadline >= was.deadline, "no time to set up");
        check(cast & ~roster == 0 && ones(cast) >= 2 * ones(roster) / 3 + 1, "cast");
        check(casters[was.number] & bit == 0, "cast twice");
        casters[was.number] |= bit;
        agreedCast = bit;
    }

    function agreeCast(uint256 who, uint8 other) public {
        (IMaskBoard.Agreement memory was,, uint256 cast,) = board.segmentOf(1);
        uint256 said = other % 8 == 0 ? cast ^ 1 : cast;
        if (!_as(who, abi.encodeCall(board.agreeCast, (1, was.number, said)))) return;
        check(said == cast && !was.isFixed && vm.getBlockTimestamp() <= was.deadline, "agreed with a cast");
        uint256 bit = _bit(who, was.epoch);
        check(agreedCast & bit == 0, "agreed with a cast twice");
        agreedCast |= bit;
        (IMaskBoard.Agreement memory is_,,,) = board.segmentOf(1);
        check(is_.isFixed == (ones(agreedCast) >= MAJORITY), "cast fixed");
        if (!is_.isFixed) return;
        check(casts[was.number] == 0, "cast fixed twice");
        casts[was.number] = cast;
        if (was.number > lastCast) lastCast = was.number;
        ++reached[Step.Cast];
    }

    function segmentNow() public view returns (uint32) {
        uint32 round = ledger.roundOf(1).round;
        return round == 0 ? 1 : segmentOf(round);
    }

    function segmentOf(uint32 round) public pure returns (uint32) {
        return round == 0 ? 0 : (round - 1) / masking().segment + 1;
    }

    function wait(uint16 time) external {
        vm.warp(vm.getBlockTimestamp() + time % 14);
    }

    /// @dev Ends the round without a model, and opens the next; some neither commit nor show what they committed to.
    function nextRound(uint8 opener, uint256 dropped) external {
        IRoundLedger.Round memory round = ledger.roundOf(1);
        for (uint256 i = 0; i < 8 && round.round != 0 && round.phase < IRoundLedger.Phase.Finalised; ++i) {
            vm.warp(vm.getBlockTimestamp() + 2 * terms().updateSeconds);
            prank(consortium.keyOf(0));
            ledger.advance(1, round.round);
            round = ledger.roundOf(1);
        }
        vm.warp(vm.getBlockTimestamp() + 8 * terms().aggregateSeconds);
        uint256 parties = EVERYONE & ~(dropped % 4 == 0 ? 1 << dropped / 4 % MEMBERS : 0);
        uint256 showing = parties & ~(dropped % 3 == 0 ? 1 << dropped / 64 % MEMBERS : 0);
        uint32 number = openRound(uint8(opener % MEMBERS), MEMBERS, parties, showing);
        shown[number] = showing;
    }

    /// @dev A false aggregate, which the others oppose.
    function lie(uint8 who) external {
        address liar = consortium.keyOf(uint8(who % MEMBERS));
        uint32 round = ledger.roundOf(1).round;
        vm.roll(vm.getBlockNumber() + 1);
        IRoundLedger.Aggregate memory aggregate = aggregateOf(ledger, 1, "lie");
        bytes32 claim = claimNow(ledger, 1, aggregate);
        prank(liar);
        try ledger.publishAggregate(1, round, aggregate, claim) {}
        catch {
            return;
        }
        uint8 attempt = ledger.roundOf(1).attempt;
        for (uint8 i = 0; i < MEMBERS; ++i) {
            prank(consortium.keyOf(i));
            try ledger.attest(1, round, attempt, IRoundLedger.Form.Other, "truth", 0) {} catch {}
        }
    }

    function propose(uint256 who, uint256 set) external {
        uint32 round = ledger.roundOf(1).round;
        uint256 cast = casts[segmentNow()];
        set = set % 3 == 0 ? set & EVERYONE : shown[round] & (set % 9 == 1 ? EVERYONE : cast);
        (IMaskBoard.Agreement memory was,,,) = board.setOf(1);
        IRoundLedger.Present memory present = ledger.presentOf(1);
        if (!_as(who, abi.encodeCall(board.proposeSet, (1, round, set, "receipts")))) return;
        (uint8 index,, uint32 since) = consortium.standingOf(_key(who));
        check(since <= present.epoch && set & ~shown[round] == 0 && ones(set) >= 3 && sets[round] == 0, "proposed");
        check(set & ~cast == 0, "not in the cast");
        bool again = was.number == round;
        check(!again || vm.getBlockTimestamp() > was.deadline, "beside another");
        check(proposers[round] >> index & 1 == 0, "proposed twice");
        bool turn = present.since == 0 || vm.getBlockTimestamp() > uint256(present.since) + masking().setSeconds;
        check(again || turn || index == present.opener, "not its turn");
        bool opening = !again && was.isFixed && vm.getBlockTimestamp() <= uint256(present.endedAt) + masking().unmaskSeconds;
        check(!opening, "while members may open the round before");
        proposers[round] |= 1 << index;
        agreed = 1 << index;
        ++reached[again ? Step.ProposedAgain : Step.Proposed];
    }

    function agree(uint256 who, uint8 other) public {
        (IMaskBoard.Agreement memory was, uint256 set,,) = board.setOf(1);
        uint256 said = other % 8 == 0 ? set ^ 1 : set;
        if (!_as(who, abi.encodeCall(board.agreeSet, (1, was.number, said)))) return;
        check(said == set && !was.isFixed && vm.getBlockTimestamp() <= was.deadline, "agreed");
        uint256 bit = _bit(who, was.epoch);
        check(agreed & bit == 0, "agreed twice");
        agreed |= bit;
        (IMaskBoard.Agreement memory is_,,,) = board.setOf(1);
        check(is_.isFixed == (ones(agreed) >= MAJORITY), "fixed");
        if (!is_.isFixed) return;
        check(sets[was.number] == 0, "fixed twice");
        sets[was.number] = set;
        ++reached[Step.Fixed];
    }

    function agreeAll() external {
        for (uint256 i = 0; i < MEMBERS; ++i) {
            agree(i, 1);
        }
    }

    function unmask(uint256 who, uint256 of_) public {
        (IMaskBoard.Agreement memory was,,, uint256 silent) = board.setOf(1);
        uint32 round = was.number;
        of_ = of_ % 4 == 0 ? 0 : of_ % 4 == 1 ? of_ >> 2 & EVERYONE : casts[segmentOf(round)] & ~sets[round];
        if (!_as(who, abi.encodeCall(board.unmask, (1, round, "seed", sharesOf(of_))))) return;
        uint256 bit = _bit(who, was.epoch);
        check(was.isFixed && vm.getBlockTimestamp() <= was.deadline, "unmasked late");
        check(sets[round] & bit != 0 && seeds[round] & bit == 0, "unmasked twice, or from outside");
        check(silent & bit != 0, "unmasked, and not silent");
        seeds[round] |= bit;
        roundKeys[round] |= of_;
        ++reached[Step.Unmasked];
        if (of_ != 0) ++reached[Step.KeyShared];
    }

    function unmaskMost(uint256 who) external {
        for (uint256 i = 0; i < MEMBERS; ++i) {
            if (i != who % 8) unmask(i, 2);
        }
    }

    function give(uint256 who, uint256 of_) external {
        (IMaskBoard.Agreement memory was,,, uint256 silent) = board.setOf(1);
        uint256 outside = casts[segmentOf(was.number)] & ~sets[was.number];
        of_ = of_ % 4 == 0 ? silent : of_ % 4 != 1 ? silent | outside : of_ >> 2 & EVERYONE;
        if (!_as(who, abi.encodeCall(board.giveShares, (1, was.number, sharesOf(of_))))) return;
        uint256 late = vm.getBlockTimestamp() - was.deadline;
        check(late > 0 && late <= masking().shareSeconds, "given in time");
        check(gave[was.number] & _bit(who, was.epoch) == 0, "given twice");
        gave[was.number] |= _bit(who, was.epoch);
        check(of_ != 0 && of_ & ~outside & ~sets[was.number] == 0, "of others than the cast");
        sharedSeeds[was.number] |= of_ & sets[was.number];
        roundKeys[was.number] |= of_ & outside;
        if (of_ & outside != 0) ++reached[Step.KeyGiven];
        if (of_ & silent != 0) ++reached[Step.SeedShared];
    }

    function open(uint256 who) external {
        (IMaskBoard.Agreement memory was,,,) = board.setOf(1);
        if (!_as(who, abi.encodeCall(board.open, (1, was.number, "key")))) return;
        IRoundLedger.Round memory round = ledger.roundOf(1);
        check(round.round > was.number || round.phase > IRoundLedger.Phase.Finalised, "opened while it goes on");
        check(sets[was.number] & _bit(who, was.epoch) != 0, "opened from outside");
        ++reached[Step.Opened];
    }

    function rotate(uint256 who, uint8 rarely) external {
        if (rarely % 8 != 0) return;
        address newKey = address(++fresh);
        prank(_key(who));
        try consortium.rotateKey(newKey) {
            keys.push(newKey);
        } catch {}
    }

    /// @dev The member that the key speaks for, which it did in that epoch.
    function _bit(uint256 who, uint32 epoch) private view returns (uint256) {
        (uint8 index,, uint32 since) = consortium.standingOf(_key(who));
        check(since != 0 && since <= epoch, "not in the electorate");
        return 1 << index;
    }

    function _key(uint256 who) private view returns (address) {
        return who < MEMBERS ? consortium.keyOf(uint8(who)) : keys[who % keys.length];
    }

    function _as(uint256 who, bytes memory call) private returns (bool succeeded) {
        prank(_key(who));
        (succeeded,) = address(board).call(call);
    }
}
