// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Consortium} from "../../../contracts/Consortium.sol";
import {MaskBoard} from "../../../contracts/MaskBoard.sol";
import {RoundLedger} from "../../../contracts/RoundLedger.sol";
import {IMaskBoard} from "../../../contracts/interfaces/IMaskBoard.sol";
import {IRoundLedger} from "../../../contracts/interfaces/IRoundLedger.sol";
import {Base} from "./Base.sol";

/// @dev A masked job, and rounds of it in which some updates are open.
abstract contract Masked is Base {
    Consortium public consortium;
    RoundLedger public ledger;
    MaskBoard public board;

    function masking() internal pure returns (IMaskBoard.Masking memory) {
        return IMaskBoard.Masking({
            segment: 4,
            smallest: 3,
            threshold: 0,
            setUpSeconds: 6,
            setSeconds: 8,
            unmaskSeconds: 10,
            shareSeconds: 12
        });
    }

    function foundMasked(uint256 members) internal {
        address[] memory keys = new address[](members);
        for (uint256 i = 0; i < members; ++i) {
            keys[i] = keyOf(i);
        }
        (consortium, ledger,,) = deploy(keys);
        board = MaskBoard(create("MaskBoard", abi.encode(ledger)));
        prank(keys[0]);
        ledger.proposeJob("job", terms(), model());
        prank(keys[0]);
        board.configure(1, masking());
        for (uint256 i = 1; i < consortium.majority(); ++i) {
            prank(keys[i]);
            ledger.approveJob(1, "job");
        }
    }

    /// @dev All members have mask keys, and these are the first segment's cast.
    function fixCast(uint256 members, uint256 cast) internal {
        for (uint256 i = 0; i < members; ++i) {
            prank(keyOf(i));
            board.registerKey(bytes32(i + 1));
        }
        prank(keyOf(0));
        board.openSegment(1, 1);
        vm.warp(vm.getBlockTimestamp() + masking().setUpSeconds + 1);
        prank(keyOf(0));
        board.proposeCast(1, 1, cast);
        for (uint256 i = 1; board.castOf(1, 1) == 0; ++i) {
            prank(keyOf(i));
            board.agreeCast(1, 1, cast);
        }
    }

    /// @dev Another round, by this member: the members in `parties` commit, and those of them in `showing` are open.
    function openRound(uint8 opener, uint256 members, uint256 parties, uint256 showing)
        internal
        returns (uint32 round)
    {
        prank(consortium.keyOf(opener));
        ledger.openRound(1);
        round = ledger.roundOf(1).round;
        bytes memory openings;
        for (uint8 i = 0; i < members; ++i) {
            if (parties >> i & 1 == 0) continue;
            Update memory update = updateOf(consortium.keyOf(i), keccak256(abi.encode(round, i)));
            prank(update.party);
            ledger.commitUpdate(1, round, sealOf(ledger, 1, round, update));
            if (showing >> i & 1 == 1) openings = bytes.concat(openings, opening(update));
        }
        if (ledger.roundOf(1).phase == IRoundLedger.Phase.Collecting) vm.warp(ledger.roundOf(1).deadline + 1);
        if (openings.length != 0) ledger.openUpdates(1, round, openings);
        IRoundLedger.Present memory present = ledger.presentOf(1);
        if (present.phase == IRoundLedger.Phase.Opening) vm.warp(uint256(present.deadline) + 1);
    }

    function sharesOf(uint256 members) internal pure returns (bytes memory shares) {
        for (uint256 i = 0; i < 256; ++i) {
            if (members >> i & 1 == 1) shares = bytes.concat(shares, bytes1(uint8(i)), keccak256(abi.encode(i)));
        }
    }
}

contract MaskBoardTest is Masked {
    function test_AContractSaysNothing() public {
        foundMasked(3);
        bytes[] memory calls = new bytes[](11);
        calls[0] = abi.encodeCall(board.configure, (1, masking()));
        calls[1] = abi.encodeCall(board.registerKey, ("key"));
        calls[2] = abi.encodeCall(board.setUp, (1, 0, "digest", "cid"));
        calls[3] = abi.encodeCall(board.proposeSet, (1, 1, 7, "receipts"));
        calls[4] = abi.encodeCall(board.agreeSet, (1, 1, 7));
        calls[5] = abi.encodeCall(board.unmask, (1, 1, "seed", ""));
        calls[6] = abi.encodeCall(board.giveShares, (1, 1, ""));
        calls[7] = abi.encodeCall(board.open, (1, 1, "key"));
        calls[8] = abi.encodeCall(board.openSegment, (1, 1));
        calls[9] = abi.encodeCall(board.proposeCast, (1, 1, 7));
        calls[10] = abi.encodeCall(board.agreeCast, (1, 1, 7));
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(keyOf(0), keyOf(1));
            (bool succeeded, bytes memory reason) = address(board).call(calls[i]);
            bytes memory expected = abi.encodeWithSelector(IMaskBoard.MaskBoard_NotOrigin.selector, keyOf(0), keyOf(1));
            check(!succeeded && keccak256(reason) == keccak256(expected), "said");
        }
    }

    /// @dev For any cast, commitments, openings and set: what is proposed is open, in the cast and large enough, and
    /// nothing else is refused.
    function testFuzz_ASetIsOfOpenUpdatesOfTheCast(
        uint8 size,
        uint256 cast,
        uint256 parties,
        uint256 showing,
        uint256 set
    ) public {
        uint256 members = 3 + uint256(size) % 6;
        uint256 all = (1 << members) - 1;
        foundMasked(members);
        (parties, set) = (parties & all, set & all);
        (showing, cast) = (showing & parties, cast & all);
        if (ones(cast) < 2 * members / 3 + 1) cast = all;
        fixCast(members, cast);
        uint32 round = openRound(0, members, parties, showing);
        prank(keyOf(0));
        (bool succeeded,) = address(board).call(abi.encodeCall(board.proposeSet, (1, round, set, "receipts")));
        check(succeeded == (set & ~showing == 0 && set & ~cast == 0 && ones(set) >= 3), "set");
    }

    /// @dev For any roster, threshold, smallest set and cast: it is out of the roster, and as many as rebuild a secret.
    function testFuzz_ACastIsOutOfTheRoster(uint256 keyed, uint8 threshold, uint256 cast) public {
        uint256 members = 9;
        foundMasked(members);
        (keyed, cast, threshold) = (keyed & 0x1ff, cast & 0x1ff, threshold % 10);
        IMaskBoard.Masking memory terms_ = masking();
        terms_.threshold = threshold;
        prank(keyOf(0));
        ledger.proposeJob("another", terms(), model());
        prank(keyOf(0));
        board.configure(2, terms_);
        for (uint256 i = 0; i < members; ++i) {
            if (keyed >> i & 1 == 0) continue;
            prank(keyOf(i));
            board.registerKey("key");
        }
        uint256 least = threshold == 0 ? 2 * ones(keyed) / 3 + 1 : threshold;
        if (2 * least <= ones(keyed)) least = ones(keyed) / 2 + 1;
        if (least < 3) least = 3;
        prank(keyOf(1));
        (bool succeeded,) = address(board).call(abi.encodeCall(board.openSegment, (2, 1)));
        check(succeeded == (ones(keyed) >= least), "roster");
        if (!succeeded) return;
        vm.warp(vm.getBlockTimestamp() + terms_.setUpSeconds + 1);
        prank(keyOf(1));
        (succeeded,) = address(board).call(abi.encodeCall(board.proposeCast, (2, 1, cast)));
        check(succeeded == (cast & ~keyed == 0 && ones(cast) >= least), "cast");
    }

    /// @dev For any set, shares of round keys are of the cast's members outside it, by ascending index.
    function testFuzz_SharesAreOfOneKind(uint256 set, uint256 of_, bytes32 noise) public {
        foundMasked(9);
        set = set & 0x1ff | 7;
        uint256 cast = set | uint8(noise[1]) | 0x7f;
        fixCast(9, cast);
        if (noise[0] < 0x50) of_ &= cast & ~set;
        else if (noise[0] < 0xa0) of_ &= cast;
        uint32 round = openRound(0, 9, set, set);
        prank(keyOf(0));
        board.proposeSet(1, round, set, "receipts");
        for (uint256 i = 1; i < 5; ++i) {
            prank(keyOf(i));
            board.agreeSet(1, round, set);
        }
        prank(keyOf(1));
        (bool succeeded,) = address(board).call(abi.encodeCall(board.unmask, (1, round, noise, sharesOf(of_))));
        check(succeeded == (of_ & ~(cast & ~set) == 0), "round keys");
        vm.warp(vm.getBlockTimestamp() + masking().unmaskSeconds + 1);
        (,,, uint256 silent) = board.setOf(1);
        check(silent == (succeeded ? set & ~uint256(2) : set), "silent");
        prank(keyOf(2));
        (succeeded,) = address(board).call(abi.encodeCall(board.giveShares, (1, round, sharesOf(of_))));
        check(succeeded == (of_ & ~(silent | cast & ~set) == 0 && of_ != 0), "shares");
    }
}

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
        check(!was.isFixed && vm.getBlockTimestamp() > was.deadline, "cast beside another");
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
        prank(liar);
        try ledger.publishAggregate(1, round, aggregateOf(ledger, 1, "lie")) {}
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
