// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IConsortium} from "./interfaces/IConsortium.sol";
import {IMaskBoard} from "./interfaces/IMaskBoard.sol";
import {IRoundLedger} from "./interfaces/IRoundLedger.sol";
import {Agreements, Matter} from "./libraries/Agreements.sol";
import {Bits, MARK} from "./libraries/Bits.sol";

/// @title MaskBoard
/// @notice The masks of one ledger's rounds.
/// @dev Each job keeps the state of the segment opened last and of the latest round with a set only, in words that the
/// next one uses again, and each segment's cast. The log keeps the rest.
contract MaskBoard is IMaskBoard {
    /// @dev What a key was found to be in an epoch: the member that it spoke for.
    struct Party {
        uint8 index;
        uint32 epoch;
    }

    /// @dev `silent` has the members of the fixed set that did not unmask, `dropped` those of the cast outside the set:
    /// bitmaps by member index with `MARK`. `roster` is that of the segment opened last. `gave` has the latest round
    /// of which a member gave shares: no word of each round, and none that is reset where nobody gives any.
    struct Job {
        Masking terms;
        Matter set;
        Matter cast;
        uint256 silent;
        uint256 dropped;
        uint256 roster;
        mapping(uint32 segment => uint256 members) casts;
        mapping(uint8 index => uint32 round) gave;
    }

    uint8 private constant PARTICIPANT = 1;
    uint8 private constant AGGREGATOR = 2;
    uint256 private constant SMALLEST = 3;
    uint256 private constant LONGEST = 256;
    uint256 private constant MAXIMUM_SECONDS = 365 days;
    uint256 private constant SHARE = 33;

    IConsortium private immutable _consortium;
    IRoundLedger private immutable _ledger;

    mapping(uint32 number => Job) private _jobs;
    mapping(address key => Party) private _parties;
    uint256 private _keyed;

    /// @notice Opens an empty board for the rounds of `ledger_`.
    constructor(IRoundLedger ledger_) {
        _consortium = IConsortium(ledger_.consortium());
        _ledger = ledger_;
    }

    /// @inheritdoc IMaskBoard
    function configure(uint32 job, Masking calldata terms) external {
        _requireOrigin();
        address proposer = _ledger.proposerOf(job);
        if (msg.sender != proposer) revert MaskBoard_NotProposer(msg.sender, proposer);
        (,, bool isOpen) = _ledger.jobOf(job);
        if (isOpen) revert MaskBoard_JobOpen(job);
        if (_jobs[job].terms.segment != 0) revert MaskBoard_AlreadyConfigured(job);
        bool isSegment = terms.segment != 0 && terms.segment <= LONGEST;
        if (!isSegment || terms.smallest < SMALLEST) revert MaskBoard_InvalidTerms();
        _requireDuration(terms.setUpSeconds);
        _requireDuration(terms.setSeconds);
        _requireDuration(terms.unmaskSeconds);
        _requireDuration(terms.shareSeconds);

        _jobs[job].terms = terms;
        emit MaskingConfigured(job, terms);
    }

    /// @inheritdoc IMaskBoard
    function registerKey(bytes32 key) external {
        _requireOrigin();
        if (key == 0) revert MaskBoard_ZeroKey();
        uint256 bit = 1 << _consortium.membership(msg.sender).index;
        uint256 keys = _keyed;
        if (keys & bit == 0) _keyed = keys | bit;
        emit MaskKeyRegistered(msg.sender, key);
    }

    /// @inheritdoc IMaskBoard
    function openSegment(uint32 job, uint32 segment) external {
        _requireOrigin();
        _requireRole(_consortium.membership(msg.sender), AGGREGATOR);
        Job storage state = _jobs[job];
        Masking memory terms = _requireMasked(job, state);
        uint32 next = _segment(uint32(_ledger.presentOf(job).round) + 1, terms.segment);
        bool isEarly = segment == next + 1 && state.casts[next] != 0;
        if (segment != next && !isEarly) revert MaskBoard_WrongSegment(job, segment, next);
        if (state.casts[segment] != 0) revert MaskBoard_AlreadyFixed(segment);
        Agreement memory last = state.cast.agreement;
        uint256 until = uint256(last.deadline) + terms.setSeconds;
        if (!last.isFixed && last.number != 0 && block.timestamp <= until) {
            revert MaskBoard_SegmentOpen(last.number, until);
        }
        uint256 roster = _consortium.active() & _keyed;
        _requireEnough(Bits.ones(roster), _least(terms, roster));

        IConsortium.Census memory census = _consortium.census();
        uint40 deadline = _after(terms.setUpSeconds);
        state.cast.agreement = state.cast.begin(last.isFixed, segment, census.epoch, census.members, deadline);
        state.roster = roster;
        emit SegmentOpened(job, segment, msg.sender, roster, deadline);
    }

    /// @inheritdoc IMaskBoard
    function setUp(uint32 job, uint32 segment, uint40 deadline, bytes32 cid) external {
        _requireOrigin();
        if (cid == 0) revert MaskBoard_ZeroDigest();
        _requireInTime(deadline);
        (, uint8 roles,) = _consortium.standingOf(msg.sender);
        if (roles & PARTICIPANT == 0) revert MaskBoard_RoleMissing(msg.sender, PARTICIPANT);
        emit SegmentSetUp(job, segment, msg.sender, deadline, cid);
    }

    /// @inheritdoc IMaskBoard
    function proposeCast(uint32 job, uint32 segment, uint256 cast) external {
        _requireOrigin();
        Job storage state = _jobs[job];
        Agreement memory agreement = state.cast.agreement;
        _requireSegment(job, segment, agreement);
        uint8 index = _requireAggregator(agreement.epoch);
        uint256 roster = state.roster;
        if (cast & ~roster != 0) revert MaskBoard_NotInRoster(cast & ~roster);
        Masking memory terms = state.terms;
        _requireEnough(Bits.ones(cast), _least(terms, roster));

        uint40 deadline = _after(terms.setSeconds);
        if (deadline < agreement.deadline) deadline = agreement.deadline;
        state.cast.propose(agreement, index, cast, deadline);
        emit CastProposed(job, segment, msg.sender, cast, deadline);
    }

    /// @inheritdoc IMaskBoard
    function agreeCast(uint32 job, uint32 segment, uint256 cast) external {
        _requireOrigin();
        Job storage state = _jobs[job];
        Agreement memory agreement = state.cast.agreement;
        _requireSegment(job, segment, agreement);
        Agreements.requireOpen(agreement);
        bool isFixed = state.cast.agree(agreement, _requireElectorate(agreement.epoch), cast);
        emit CastAgreed(job, segment, msg.sender);
        if (!isFixed) return;
        state.cast.agreement = agreement;
        state.casts[segment] = cast;
        emit CastFixed(job, segment, cast);
    }

    /// @inheritdoc IMaskBoard
    function proposeSet(uint32 job, uint32 round, uint256 set, bytes32 receipts) external {
        _requireOrigin();
        if (receipts == 0) revert MaskBoard_ZeroDigest();
        Job storage state = _jobs[job];
        Masking memory terms = _requireMasked(job, state);
        IRoundLedger.Present memory present = _ledger.presentOf(job);
        _requireUnderWay(job, round, present);
        uint8 index = _requireAggregator(present.epoch);
        Agreement memory agreement = state.set.agreement;
        if (agreement.number != round) {
            _requireTurn(present, index, terms, _requireOpeningOver(present, agreement, terms));
            agreement = state.set.begin(agreement.isFixed, round, present.epoch, present.members, 0);
        }
        _requireFit(job, state, terms, set, present);

        uint40 deadline = _after(terms.setSeconds);
        state.set.propose(agreement, index, set, deadline);
        emit SetProposed(job, round, msg.sender, set, receipts, deadline);
    }

    /// @inheritdoc IMaskBoard
    function agreeSet(uint32 job, uint32 round, uint256 set) external {
        _requireOrigin();
        Job storage state = _jobs[job];
        Agreement memory agreement = state.set.agreement;
        _requireRound(job, round, agreement);
        Agreements.requireOpen(agreement);
        bool isFixed = state.set.agree(agreement, _requireElectorate(agreement.epoch), set);
        emit SetAgreed(job, round, msg.sender);
        if (!isFixed) return;
        Masking memory terms = state.terms;
        agreement.deadline = _after(terms.unmaskSeconds);
        state.set.agreement = agreement;
        state.silent = MARK | set;
        state.dropped = MARK | state.casts[_segment(round, terms.segment)] & ~set;
        emit SetFixed(job, round, set, agreement.deadline, agreement.deadline + terms.shareSeconds);
    }

    /// @inheritdoc IMaskBoard
    function unmask(uint32 job, uint32 round, bytes32 seed, bytes calldata shares) external {
        _requireOrigin();
        Job storage state = _jobs[job];
        Agreement memory agreement = state.set.agreement;
        _requireFixed(job, round, agreement);
        _requireInTime(agreement.deadline);
        uint256 bit = 1 << _requireElectorate(agreement.epoch);
        uint256 silent = state.silent;
        if (silent & bit == 0) _refuse(job, round, state.set.proposed & bit != 0);
        if (shares.length != 0) _requireShares(shares, state.dropped);

        state.silent = silent ^ bit;
        emit Unmasked(job, round, msg.sender, seed, shares);
    }

    /// @inheritdoc IMaskBoard
    function giveShares(uint32 job, uint32 round, bytes calldata shares) external {
        _requireOrigin();
        Job storage state = _jobs[job];
        Agreement memory agreement = state.set.agreement;
        _requireFixed(job, round, agreement);
        if (block.timestamp <= agreement.deadline) {
            revert MaskBoard_DeadlineNotPassed(agreement.deadline, block.timestamp);
        }
        _requireInTime(agreement.deadline + state.terms.shareSeconds);
        uint8 index = _requireElectorate(agreement.epoch);
        if (state.gave[index] == round) revert MaskBoard_AlreadyGave(job, round, msg.sender);
        if (shares.length == 0) revert MaskBoard_InvalidShares(0);
        _requireShares(shares, state.set.proposed | state.dropped);
        state.gave[index] = round;
        emit SharesGiven(job, round, msg.sender, shares);
    }

    /// @inheritdoc IMaskBoard
    function open(uint32 job, uint32 round, bytes32 key) external {
        _requireOrigin();
        Job storage state = _jobs[job];
        Agreement memory agreement = state.set.agreement;
        _requireFixed(job, round, agreement);
        IRoundLedger.Present memory present = _ledger.presentOf(job);
        if (present.round == round && present.phase < IRoundLedger.Phase.Finalised) {
            revert MaskBoard_WrongPhase(job, round);
        }
        if (_ledger.modelOf(job, round) != 0) revert MaskBoard_HasModel(job, round);
        if (key == 0) revert MaskBoard_ZeroKey();
        uint256 bit = 1 << _requireElectorate(agreement.epoch);
        if (state.set.proposed & bit == 0) _refuse(job, round, false);
        emit UpdateUnmasked(job, round, msg.sender, key);
    }

    /// @inheritdoc IMaskBoard
    function termsOf(uint32 job) external view returns (Masking memory) {
        return _jobs[job].terms;
    }

    /// @inheritdoc IMaskBoard
    function keyed() external view returns (uint256) {
        return _keyed;
    }

    /// @inheritdoc IMaskBoard
    function castOf(uint32 job, uint32 segment) external view returns (uint256) {
        return _jobs[job].casts[segment];
    }

    /// @inheritdoc IMaskBoard
    function segmentOf(uint32 job)
        external
        view
        returns (Agreement memory agreement, uint256 roster, uint256 cast, uint256 agreed)
    {
        Job storage state = _jobs[job];
        agreement = state.cast.agreement;
        if (agreement.proposals != 0) cast = state.cast.proposed;
        return (agreement, state.roster, cast, state.cast.agreeing(agreement));
    }

    /// @inheritdoc IMaskBoard
    function setOf(uint32 job)
        external
        view
        returns (Agreement memory agreement, uint256 set, uint256 agreed, uint256 silent)
    {
        Job storage state = _jobs[job];
        agreement = state.set.agreement;
        if (agreement.isFixed) silent = state.silent & ~MARK;
        return (agreement, state.set.proposed, state.set.agreeing(agreement), silent);
    }

    /// @inheritdoc IMaskBoard
    function ledger() external view returns (address) {
        return address(_ledger);
    }

    /// @inheritdoc IMaskBoard
    function consortium() external view returns (address) {
        return address(_consortium);
    }

    /// @dev Remembers, for an epoch, which member the caller spoke for when its rounds were opened.
    function _requireElectorate(uint32 epoch) private returns (uint8 index) {
        Party memory party = _parties[msg.sender];
        if (party.epoch == epoch) return party.index;
        IConsortium.Membership memory member = _consortium.membership(msg.sender);
        if (member.since > epoch) revert MaskBoard_NotInElectorate(msg.sender, member.since, epoch);
        _parties[msg.sender] = Party(member.index, epoch);
        return member.index;
    }

    /// @dev The caller is an aggregator, was one in `epoch`, and its key spoke for it then.
    function _requireAggregator(uint32 epoch) private view returns (uint8 index) {
        IConsortium.Membership memory member = _consortium.membership(msg.sender);
        _requireRole(member, AGGREGATOR);
        uint32 since = member.since > member.rolesSince ? member.since : member.rolesSince;
        if (since > epoch) revert MaskBoard_NotInElectorate(msg.sender, since, epoch);
        return member.index;
    }

    function _requireRole(IConsortium.Membership memory member, uint8 role) private view {
        if (member.roles & role == 0) revert MaskBoard_RoleMissing(msg.sender, role);
    }

    /// @dev A contract, or a key with delegated code, would act in a transaction that shows no call of this contract.
    function _requireOrigin() private view {
        if (msg.sender != tx.origin || msg.sender.code.length != 0) revert MaskBoard_NotOrigin(msg.sender, tx.origin);
    }

    /// @dev Opening is over and the round is not. A false aggregate, published before there is a set, ends no round.
    function _requireUnderWay(uint32 job, uint32 round, IRoundLedger.Present memory present) private view {
        if (round != present.round) revert MaskBoard_WrongRound(job, round, present.round);
        bool attesting = present.phase == IRoundLedger.Phase.Attesting;
        if (!attesting && present.phase != IRoundLedger.Phase.Aggregating) revert MaskBoard_WrongPhase(job, round);
        if (!attesting) _requireInTime(present.deadline);
    }

    function _requireFixed(uint32 job, uint32 round, Agreement memory agreement) private pure {
        _requireRound(job, round, agreement);
        if (!agreement.isFixed) revert MaskBoard_SetNotFixed(job, round);
    }

    function _requireRound(uint32 job, uint32 round, Agreement memory agreement) private pure {
        if (round != agreement.number || round == 0) revert MaskBoard_WrongRound(job, round, agreement.number);
    }

    function _requireSegment(uint32 job, uint32 segment, Agreement memory agreement) private pure {
        if (segment != agreement.number || segment == 0) revert MaskBoard_WrongSegment(job, segment, agreement.number);
    }

    function _requireMasked(uint32 job, Job storage state) private view returns (Masking memory terms) {
        terms = state.terms;
        if (terms.segment == 0) revert MaskBoard_NotMasked(job);
    }

    function _requireInTime(uint40 deadline) private view {
        if (block.timestamp > deadline) revert MaskBoard_DeadlinePassed(deadline, block.timestamp);
    }

    /// @dev Members may open the last round that has a set for so long after it ended without a model, or, where
    /// others followed that have none, after the last of these: until then there is no other set. The end of that time;
    /// 0 where there is none.
    function _requireOpeningOver(
        IRoundLedger.Present memory present,
        Agreement memory last,
        Masking memory terms
    ) private view returns (uint40 until) {
        if (!last.isFixed || present.latest == last.number) return 0;
        until = present.endedAt + terms.unmaskSeconds;
        if (block.timestamp <= until) revert MaskBoard_DeadlineNotPassed(until, block.timestamp);
    }

    /// @dev The first set of a round is its opener's to propose, alone, for so long from when it may.
    function _requireTurn(
        IRoundLedger.Present memory present,
        uint8 index,
        Masking memory terms,
        uint40 openedUntil
    ) private view {
        uint256 until = uint256(present.since > openedUntil ? present.since : openedUntil) + terms.setSeconds;
        bool early = present.since != 0 && block.timestamp <= until;
        if (early && index != present.opener) revert MaskBoard_NotYourTurn(msg.sender, present.opener, until);
    }

    function _requireFit(
        uint32 job,
        Job storage state,
        Masking memory terms,
        uint256 set,
        IRoundLedger.Present memory present
    ) private view {
        uint256 members = Bits.ones(set & ~MARK);
        _requireEnough(members, terms.smallest);
        if (set & ~present.open != 0 || members > present.opened) revert MaskBoard_NotOpened(set & ~present.open);
        uint32 segment = _segment(present.round, terms.segment);
        uint256 cast = state.casts[segment];
        if (cast == 0) revert MaskBoard_NoCast(job, segment);
        if (set & ~cast != 0) revert MaskBoard_NotInCast(set & ~cast);
    }

    function _requireEnough(uint256 members, uint256 least) private pure {
        if (members < least) revert MaskBoard_TooFew(members, least);
    }

    /// @dev How many members a cast out of this roster has at least: as many as a set, and as rebuild a secret.
    function _least(Masking memory terms, uint256 roster) private pure returns (uint256 least) {
        uint256 members = Bits.ones(roster);
        uint256 half = members / 2 + 1;
        least = terms.threshold == 0 ? 2 * members / 3 + 1 : terms.threshold < half ? half : terms.threshold;
        if (least < terms.smallest) least = terms.smallest;
    }

    /// @dev The segment that a round, from 1, is of.
    function _segment(uint32 round, uint16 length) private pure returns (uint32) {
        return (round - 1) / length + 1;
    }

    /// @dev Shares of secrets of members in `allowed`, by ascending index.
    function _requireShares(bytes calldata shares, uint256 allowed) private pure {
        if (shares.length % SHARE != 0) revert MaskBoard_InvalidShares(shares.length);
        allowed &= ~MARK;
        for (uint256 start = 0; start < shares.length; start += SHARE) {
            uint8 index = uint8(shares[start]);
            if (allowed >> index & 1 == 0) revert MaskBoard_WrongShare(start / SHARE, index);
            // Only later ones may follow.
            allowed &= ~((2 << index) - 1);
        }
    }

    function _refuse(uint32 job, uint32 round, bool isInSet) private view {
        if (isInSet) revert MaskBoard_AlreadyUnmasked(job, round, msg.sender);
        revert MaskBoard_NotInSet(job, round, msg.sender);
    }

    function _after(uint32 duration) private view returns (uint40) {
        return uint40(block.timestamp + duration);
    }

    function _requireDuration(uint32 duration) private pure {
        if (duration == 0 || duration > MAXIMUM_SECONDS) revert MaskBoard_InvalidTerms();
    }
}
