// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IConsortium} from "./interfaces/IConsortium.sol";
import {IMaskBoard} from "./interfaces/IMaskBoard.sol";
import {IRoundLedger} from "./interfaces/IRoundLedger.sol";
import {Bits, MARK} from "./libraries/Bits.sol";

/// @title MaskBoard
/// @notice The masks of one ledger's rounds.
/// @dev Each job keeps the state of the latest round with a set only, in words that the next one uses again. The log keeps
/// the rest.
contract MaskBoard is IMaskBoard {
    /// @dev What a key was found to be in an epoch: the member that it spoke for.
    struct Party {
        uint8 index;
        uint32 epoch;
    }

    /// @dev `set`, `agreed`, `silent` and `lapsed` are bitmaps by member index, all but the set with `MARK`. `silent` has
    /// the members of the fixed set that did not unmask; `lapsed` the proposers before this one, from the second on.
    struct Job {
        Masking terms;
        Masked masked;
        uint256 set;
        uint256 agreed;
        uint256 silent;
        uint256 lapsed;
    }

    uint8 private constant PARTICIPANT = 1;
    uint8 private constant AGGREGATOR = 2;
    uint256 private constant SMALLEST = 3;
    uint256 private constant MAXIMUM_SECONDS = 365 days;
    uint256 private constant SHARE = 33;

    IConsortium private immutable _consortium;
    IRoundLedger private immutable _ledger;

    mapping(uint32 number => Job) private _jobs;
    mapping(address key => Party) private _parties;

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
        if (terms.segment == 0 || terms.smallest < SMALLEST) revert MaskBoard_InvalidTerms();
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
        _consortium.membership(msg.sender);
        emit MaskKeyRegistered(msg.sender, key);
    }

    /// @inheritdoc IMaskBoard
    function setUp(uint32 job, uint32 segment, bytes32 digest, bytes32 cid) external {
        _requireOrigin();
        if (segment == 0) revert MaskBoard_ZeroSegment();
        if (digest == 0 || cid == 0) revert MaskBoard_ZeroDigest();
        _requireRole(_consortium.membership(msg.sender), PARTICIPANT);
        emit SegmentSetUp(job, segment, msg.sender, digest, cid);
    }

    /// @inheritdoc IMaskBoard
    function proposeSet(uint32 job, uint32 round, uint256 set) external {
        _requireOrigin();
        Job storage state = _jobs[job];
        Masking memory terms = state.terms;
        if (terms.segment == 0) revert MaskBoard_NotMasked(job);
        IRoundLedger.Present memory present = _ledger.presentOf(job);
        _requireUnderWay(job, round, present);
        uint8 index = _requireAggregator(present.epoch);
        uint8 proposals = _takeTurn(job, state, present, index, terms.setSeconds);
        _requireFit(set, terms.smallest, present);

        uint40 deadline = _after(terms.setSeconds);
        state.masked = Masked({
            round: present.round,
            epoch: present.epoch,
            deadline: deadline,
            shareDeadline: 0,
            majority: present.members / 2 + 1,
            proposer: index,
            proposals: proposals,
            unmaskSeconds: terms.unmaskSeconds,
            shareSeconds: terms.shareSeconds
        });
        state.set = set;
        state.agreed = MARK | 1 << index;
        emit SetProposed(job, round, msg.sender, set, deadline);
    }

    /// @inheritdoc IMaskBoard
    function agreeSet(uint32 job, uint32 round, uint256 set) external {
        _requireOrigin();
        Job storage state = _jobs[job];
        Masked memory masked = state.masked;
        _requireRound(job, round, masked);
        if (masked.shareDeadline != 0) revert MaskBoard_SetFixed(job, round);
        _requireInTime(masked.deadline);
        uint256 bit = 1 << _requireElectorate(masked.epoch);
        uint256 proposed = state.set;
        if (set != proposed) revert MaskBoard_WrongSet(set, proposed);
        uint256 agreed = state.agreed;
        if (agreed & bit != 0) revert MaskBoard_AlreadyAgreed(job, round, msg.sender);

        agreed |= bit;
        state.agreed = agreed;
        emit SetAgreed(job, round, msg.sender);
        if (Bits.ones(agreed & ~MARK) < masked.majority) return;
        masked.deadline = _after(masked.unmaskSeconds);
        masked.shareDeadline = masked.deadline + masked.shareSeconds;
        state.masked = masked;
        state.silent = MARK | set;
        emit SetFixed(job, round, set, masked.deadline, masked.shareDeadline);
    }

    /// @inheritdoc IMaskBoard
    function unmask(uint32 job, uint32 round, bytes32 seed, bytes calldata shares) external {
        _requireOrigin();
        Job storage state = _jobs[job];
        Masked memory masked = state.masked;
        _requireFixed(job, round, masked);
        _requireInTime(masked.deadline);
        uint256 bit = 1 << _requireElectorate(masked.epoch);
        uint256 silent = state.silent;
        if (silent & bit == 0) _refuse(job, round, state.set & bit != 0);
        if (shares.length != 0) _requireShares(shares, ~state.set);

        state.silent = silent ^ bit;
        emit Unmasked(job, round, msg.sender, seed, shares);
    }

    /// @inheritdoc IMaskBoard
    function giveShares(uint32 job, uint32 round, bytes calldata shares) external {
        _requireOrigin();
        Job storage state = _jobs[job];
        Masked memory masked = state.masked;
        _requireFixed(job, round, masked);
        if (block.timestamp <= masked.deadline) revert MaskBoard_DeadlineNotPassed(masked.deadline, block.timestamp);
        _requireInTime(masked.shareDeadline);
        _requireElectorate(masked.epoch);
        if (shares.length == 0) revert MaskBoard_InvalidShares(0);
        _requireShares(shares, state.silent);
        emit SharesGiven(job, round, msg.sender, shares);
    }

    /// @inheritdoc IMaskBoard
    function open(uint32 job, uint32 round, bytes32 key) external {
        _requireOrigin();
        Job storage state = _jobs[job];
        Masked memory masked = state.masked;
        _requireFixed(job, round, masked);
        IRoundLedger.Present memory present = _ledger.presentOf(job);
        if (present.round == round && present.phase < IRoundLedger.Phase.Finalised) {
            revert MaskBoard_WrongPhase(job, round);
        }
        if (_ledger.modelOf(job, round) != 0) revert MaskBoard_HasModel(job, round);
        if (key == 0) revert MaskBoard_ZeroKey();
        uint256 bit = 1 << _requireElectorate(masked.epoch);
        if (state.set & bit == 0) _refuse(job, round, false);
        emit UpdateUnmasked(job, round, msg.sender, key);
    }

    /// @inheritdoc IMaskBoard
    function termsOf(uint32 job) external view returns (Masking memory) {
        return _jobs[job].terms;
    }

    /// @inheritdoc IMaskBoard
    function maskedOf(uint32 job)
        external
        view
        returns (Masked memory masked, uint256 set, uint256 agreed, uint256 silent)
    {
        Job storage state = _jobs[job];
        masked = state.masked;
        if (masked.shareDeadline != 0) silent = state.silent & ~MARK;
        return (masked, state.set, state.agreed & ~MARK, silent);
    }

    /// @inheritdoc IMaskBoard
    function ledger() external view returns (address) {
        return address(_ledger);
    }

    /// @inheritdoc IMaskBoard
    function consortium() external view returns (address) {
        return address(_consortium);
    }

    /// @dev The caller may propose a set now: its number in the round.
    function _takeTurn(
        uint32 job,
        Job storage state,
        IRoundLedger.Present memory present,
        uint8 index,
        uint32 setSeconds
    ) private returns (uint8 proposals) {
        Masked memory last = state.masked;
        uint24 round = present.round;
        if (last.round != round) {
            uint256 until = uint256(present.since) + setSeconds;
            bool early = present.since != 0 && block.timestamp <= until;
            if (early && index != present.opener) revert MaskBoard_NotYourTurn(msg.sender, present.opener, until);
            return 1;
        }
        if (last.shareDeadline != 0) revert MaskBoard_SetFixed(job, round);
        if (block.timestamp <= last.deadline) revert MaskBoard_ProposalOpen(job, round, last.deadline);
        uint256 lapsed = (last.proposals == 1 ? MARK : state.lapsed) | 1 << last.proposer;
        if (lapsed & (1 << index) != 0) revert MaskBoard_ProposalLapsed(job, round, msg.sender);
        state.lapsed = lapsed;
        return last.proposals + 1;
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

    /// @dev A delegated key, or a contract, would act in a transaction that somebody else signed.
    function _requireOrigin() private view {
        if (msg.sender != tx.origin) revert MaskBoard_NotOrigin(msg.sender, tx.origin);
    }

    /// @dev Opening is over and the round is not. A false aggregate, published before there is a set, ends no round.
    function _requireUnderWay(uint32 job, uint32 round, IRoundLedger.Present memory present) private view {
        if (round != present.round) revert MaskBoard_WrongRound(job, round, present.round);
        bool attesting = present.phase == IRoundLedger.Phase.Attesting;
        if (!attesting && present.phase != IRoundLedger.Phase.Aggregating) revert MaskBoard_WrongPhase(job, round);
        if (!attesting) _requireInTime(present.deadline);
    }

    function _requireFixed(uint32 job, uint32 round, Masked memory masked) private pure {
        _requireRound(job, round, masked);
        if (masked.shareDeadline == 0) revert MaskBoard_SetNotFixed(job, round);
    }

    function _requireRound(uint32 job, uint32 round, Masked memory masked) private pure {
        if (round != masked.round || round == 0) revert MaskBoard_WrongRound(job, round, masked.round);
    }

    function _requireInTime(uint40 deadline) private view {
        if (block.timestamp > deadline) revert MaskBoard_DeadlinePassed(deadline, block.timestamp);
    }

    function _requireFit(uint256 set, uint8 smallest, IRoundLedger.Present memory present) private pure {
        uint256 members = Bits.ones(set & ~MARK);
        if (members < smallest) revert MaskBoard_SetTooSmall(members, smallest);
        if (set & ~present.open != 0 || members > present.opened) revert MaskBoard_NotOpened(set & ~present.open);
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
