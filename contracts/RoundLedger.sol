// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IConsortium} from "./interfaces/IConsortium.sol";
import {IRoundLedger} from "./interfaces/IRoundLedger.sol";

/// @title RoundLedger
/// @notice Jobs, rounds, updates, aggregates and attestations of one consortium.
/// @dev Each job keeps the state of its current round only; the log keeps the history.
contract RoundLedger is IRoundLedger {
    /// @dev One word for each party of a job: all that a steady-state `submitUpdate` writes.
    struct Party {
        bytes28 head;
        uint32 round;
    }

    /// @dev The aggregation of a job's current round. `attested` and `refuted` are bitmaps by member index: who attested
    /// the latest aggregate, whose aggregates of this round were refuted.
    struct Aggregation {
        address opener;
        address aggregator;
        uint8 index;
        uint8 agreeing;
        uint8 disagreeing;
        bytes32 claim;
        bytes32 root;
        bytes32 cid;
        uint256 attested;
        uint256 refuted;
    }

    struct Job {
        Round round;
        bytes32 digest;
        Terms terms;
        bool open;
        bool closed;
        Aggregation aggregation;
        mapping(address key => bool) approved;
        mapping(address key => Party) parties;
        mapping(uint32 round => bytes32 root) models;
        mapping(uint32 round => bytes32 claim) claims;
    }

    uint8 private constant PARTICIPANT = 1;
    uint8 private constant AGGREGATOR = 2;
    uint256 private constant MAXIMUM_SECONDS = 365 days;
    uint256 private constant MAXIMUM_VERDICTS = 255;

    IConsortium private immutable _consortium;

    uint32 private _jobCount;
    mapping(uint32 number => Job) private _jobs;

    /// @notice Opens an empty ledger for the members of `consortium_`.
    constructor(IConsortium consortium_) {
        _consortium = consortium_;
    }

    /// @inheritdoc IRoundLedger
    function proposeJob(bytes32 digest, Terms calldata terms) external returns (uint32 job) {
        _requireOrigin();
        _consortium.membership(msg.sender);
        if (digest == 0 || terms.rounds == 0 || terms.attempts == 0) revert RoundLedger_InvalidTerms();
        _requireDuration(terms.updateSeconds);
        _requireDuration(terms.aggregateSeconds);
        _requireDuration(terms.attestSeconds);
        if (terms.scoreSeconds | terms.revealSeconds | terms.scorers != 0) {
            _requireDuration(terms.scoreSeconds);
            _requireDuration(terms.revealSeconds);
            if (terms.scorers == 0) revert RoundLedger_InvalidTerms();
        }

        job = ++_jobCount;
        _jobs[job].digest = digest;
        _jobs[job].terms = terms;
        emit JobProposed(job, digest, msg.sender, terms);
        _approve(job);
    }

    /// @inheritdoc IRoundLedger
    function approveJob(uint32 job, bytes32 digest) external {
        _requireOrigin();
        _consortium.membership(msg.sender);
        _requireKnown(job);
        if (_jobs[job].digest != digest) revert RoundLedger_WrongDigest(job, _jobs[job].digest, digest);
        _requireNotClosed(job);
        _approve(job);
    }

    /// @inheritdoc IRoundLedger
    function closeJob(uint32 job) external {
        if (msg.sender != _consortium.ballots()) revert RoundLedger_NotBallots(msg.sender);
        _requireKnown(job);
        _requireNotClosed(job);
        _jobs[job].open = false;
        _jobs[job].closed = true;
        emit JobClosed(job);
    }

    /// @inheritdoc IRoundLedger
    function openRound(uint32 job) external {
        Round memory last = _jobs[job].round;
        uint32 epoch = _consortium.epoch();
        _requireKnown(job);
        _requireElectorate(AGGREGATOR, epoch);
        if (!_jobs[job].open) revert RoundLedger_JobNotOpen(job);
        if (last.phase != Phase.None && last.phase < Phase.Finalised) revert RoundLedger_WrongPhase(job, last.phase);
        Terms memory terms = _jobs[job].terms;
        if (last.round == terms.rounds) revert RoundLedger_JobComplete(job, terms.rounds);

        uint32 round = last.round + 1;
        uint32 since = last.epoch == epoch ? last.since : round;
        uint40 deadline = _after(terms.updateSeconds);
        _jobs[job].round = Round(round, epoch, since, deadline, Phase.Collecting, _consortium.count(), 0);
        _jobs[job].aggregation.opener = msg.sender;
        _jobs[job].aggregation.refuted = 0;
        emit RoundOpened(job, round, msg.sender, epoch, deadline);
    }

    /// @inheritdoc IRoundLedger
    function submitUpdate(uint32 job, uint32 round, uint32 weight, bytes32 root, bytes32 cid) external {
        Round storage current = _jobs[job].round;
        Party storage party = _jobs[job].parties[msg.sender];
        uint32 last = party.round;
        if (round != current.round) revert RoundLedger_WrongRound(job, round, current.round);
        if (current.phase != Phase.Collecting) revert RoundLedger_WrongPhase(job, current.phase);
        if (block.timestamp > current.deadline) revert RoundLedger_DeadlinePassed(current.deadline, block.timestamp);
        if (weight == 0) revert RoundLedger_ZeroWeight();
        if (last == round) revert RoundLedger_AlreadySubmitted(job, round, msg.sender);
        // A key that submitted in this epoch was checked then.
        if (last < current.since) _requireElectorate(PARTICIPANT, current.epoch);

        bytes28 head = bytes28(keccak256(abi.encode(party.head, job, round, weight, root, cid)));
        party.head = head;
        party.round = round;
        emit UpdateSubmitted(job, round, msg.sender, weight, root, cid);
    }

    /// @inheritdoc IRoundLedger
    function publishAggregate(uint32 job, uint32 round, bytes32 root, bytes32 cid, bytes calldata verdicts) external {
        Round memory current = _requireRound(job, round);
        uint8 index = _requireElectorate(AGGREGATOR, current.epoch);
        _requireTurn(job, current);
        Aggregation storage aggregation = _jobs[job].aggregation;
        if (_has(aggregation.refuted, index)) revert RoundLedger_AggregatorRefuted(msg.sender);
        if ((root == 0) != (cid == 0) || verdicts.length > MAXIMUM_VERDICTS) revert RoundLedger_InvalidAggregate();

        current.phase = Phase.Attesting;
        current.deadline = _after(_jobs[job].terms.attestSeconds);
        ++current.attempt;
        _jobs[job].round = current;
        aggregation.aggregator = msg.sender;
        aggregation.index = index;
        aggregation.agreeing = 1;
        aggregation.disagreeing = 0;
        aggregation.claim = claimOf(job, round, root, cid, verdicts);
        aggregation.root = root;
        aggregation.cid = cid;
        aggregation.attested = 1 << index;
        emit AggregatePublished(job, round, msg.sender, current.attempt, root, cid, verdicts, current.deadline);
    }

    /// @inheritdoc IRoundLedger
    function attest(uint32 job, uint32 round, uint8 attempt, bytes32 claim) external {
        Round memory current = _requireRound(job, round);
        if (current.phase != Phase.Attesting) revert RoundLedger_WrongPhase(job, current.phase);
        if (attempt != current.attempt) revert RoundLedger_WrongAttempt(job, attempt, current.attempt);
        _requireInTime(current.deadline);
        uint8 index = _requireElectorate(0, current.epoch);
        Aggregation storage aggregation = _jobs[job].aggregation;
        if (_has(aggregation.attested, index)) {
            revert RoundLedger_AlreadyAttested(job, round, attempt, msg.sender);
        }

        bool agrees = claim == aggregation.claim;
        aggregation.attested |= 1 << index;
        uint8 agreeing = aggregation.agreeing;
        uint8 disagreeing = aggregation.disagreeing;
        if (agrees) aggregation.agreeing = ++agreeing;
        else aggregation.disagreeing = ++disagreeing;
        emit Attested(job, round, msg.sender, attempt, claim, agrees);

        uint8 majority = current.members / 2 + 1;
        if (agreeing >= majority) _conclude(job, round, attempt);
        else if (disagreeing > current.members - majority) _refute(job, round, attempt);
    }

    /// @inheritdoc IRoundLedger
    function abandonRound(uint32 job, uint32 round) external {
        _consortium.membership(msg.sender);
        Round memory current = _requireRound(job, round);
        if (current.phase >= Phase.Finalised) revert RoundLedger_WrongPhase(job, current.phase);
        uint40 deadline = current.deadline;
        if (current.phase == Phase.Collecting) deadline += 2 * uint40(_jobs[job].terms.aggregateSeconds);
        if (block.timestamp <= deadline) revert RoundLedger_DeadlineNotPassed(deadline, block.timestamp);

        _abandon(job, round, current.phase == Phase.Attesting ? Reason.NoQuorum : Reason.NoAggregate);
    }

    /// @inheritdoc IRoundLedger
    function claimOf(uint32 job, uint32 round, bytes32 root, bytes32 cid, bytes calldata verdicts)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(job, round, root, cid, keccak256(verdicts)));
    }

    /// @inheritdoc IRoundLedger
    function consortium() external view returns (address) {
        return address(_consortium);
    }

    /// @inheritdoc IRoundLedger
    function jobs() external view returns (uint32) {
        return _jobCount;
    }

    /// @inheritdoc IRoundLedger
    function jobOf(uint32 job) external view returns (bytes32 digest, Terms memory terms, bool open) {
        _requireKnown(job);
        Job storage found = _jobs[job];
        return (found.digest, found.terms, found.open);
    }

    /// @inheritdoc IRoundLedger
    function roundOf(uint32 job) external view returns (Round memory) {
        return _jobs[job].round;
    }

    /// @inheritdoc IRoundLedger
    function modelOf(uint32 job, uint32 round) external view returns (bytes32 root) {
        return _jobs[job].models[round];
    }

    /// @inheritdoc IRoundLedger
    function finalClaimOf(uint32 job, uint32 round) external view returns (bytes32 claim) {
        return _jobs[job].claims[round];
    }

    /// @inheritdoc IRoundLedger
    function headOf(uint32 job, address party) external view returns (bytes28 head, uint32 round) {
        Party memory found = _jobs[job].parties[party];
        return (found.head, found.round);
    }

    /// @dev A delegated key, or a contract, would act in a transaction that somebody else signed.
    function _requireOrigin() private view {
        if (msg.sender != tx.origin) revert RoundLedger_NotOrigin(msg.sender, tx.origin);
    }

    function _approve(uint32 job) private {
        if (_jobs[job].approved[msg.sender]) revert RoundLedger_AlreadyApproved(job, msg.sender);
        _jobs[job].approved[msg.sender] = true;
        address[] memory keys = _consortium.keysWith(0);
        uint8 approvals = 0;
        for (uint256 i = 0; i < keys.length; ++i) {
            if (_jobs[job].approved[keys[i]]) ++approvals;
        }
        emit JobApproved(job, msg.sender, approvals);
        if (_jobs[job].open || approvals < _consortium.majority()) return;
        _jobs[job].open = true;
        emit JobOpened(job, _consortium.epoch());
    }

    /// @dev A majority agrees with the aggregate.
    function _conclude(uint32 job, uint32 round, uint8 attempt) private {
        bytes32 root = _jobs[job].aggregation.root;
        if (root == 0) return _abandon(job, round, Reason.TooFewUpdates);
        _jobs[job].round.phase = Phase.Finalised;
        _jobs[job].models[round] = root;
        _jobs[job].claims[round] = _jobs[job].aggregation.claim;
        emit RoundFinalised(job, round, attempt, root, _jobs[job].aggregation.cid);
    }

    /// @dev A majority can no longer agree with the aggregate.
    function _refute(uint32 job, uint32 round, uint8 attempt) private {
        Aggregation storage aggregation = _jobs[job].aggregation;
        Terms storage terms = _jobs[job].terms;
        aggregation.refuted |= 1 << aggregation.index;
        emit AggregateRefuted(job, round, aggregation.aggregator, attempt);
        if (attempt == terms.attempts) {
            _jobs[job].round.phase = Phase.Refuted;
            emit RoundRefuted(job, round);
        } else {
            _jobs[job].round.phase = Phase.Aggregating;
            _jobs[job].round.deadline = _after(terms.aggregateSeconds);
        }
    }

    function _abandon(uint32 job, uint32 round, Reason reason) private {
        _jobs[job].round.phase = Phase.Abandoned;
        emit RoundAbandoned(job, round, reason);
    }

    function _after(uint32 duration) private view returns (uint40) {
        return uint40(block.timestamp + duration);
    }

    function _requireKnown(uint32 job) private view {
        if (_jobs[job].digest == 0) revert RoundLedger_UnknownJob(job);
    }

    function _requireNotClosed(uint32 job) private view {
        if (_jobs[job].closed) revert RoundLedger_JobClosed(job);
    }

    function _requireRound(uint32 job, uint32 round) private view returns (Round memory current) {
        current = _jobs[job].round;
        if (round != current.round) revert RoundLedger_WrongRound(job, round, current.round);
        if (round == 0) revert RoundLedger_WrongPhase(job, Phase.None);
    }

    /// @dev The caller is a member, holds `role`, and did so with this key when the round was opened.
    function _requireElectorate(uint8 role, uint32 epoch) private view returns (uint8 index) {
        IConsortium.Membership memory member = _consortium.membership(msg.sender);
        if (member.roles & role != role) revert RoundLedger_RoleMissing(msg.sender, role);
        if (member.since > epoch) revert RoundLedger_NotInElectorate(msg.sender, member.since, epoch);
        return member.index;
    }

    function _requireInTime(uint40 deadline) private view {
        if (block.timestamp > deadline) revert RoundLedger_DeadlinePassed(deadline, block.timestamp);
    }

    /// @dev After a refutation every aggregator may publish; before, the opener first.
    function _requireTurn(uint32 job, Round memory current) private view {
        if (current.phase == Phase.Aggregating) return _requireInTime(current.deadline);
        if (current.phase != Phase.Collecting) revert RoundLedger_WrongPhase(job, current.phase);
        uint32 duration = _jobs[job].terms.aggregateSeconds;
        address opener = _jobs[job].aggregation.opener;
        uint40 until = current.deadline + duration;
        if (msg.sender != opener && block.timestamp <= until) {
            revert RoundLedger_NotYourTurn(msg.sender, opener, until);
        }
        _requireInTime(until + duration);
        if (block.timestamp <= current.deadline) _requireAllSubmitted(job, current);
    }

    /// @dev With an unchanged electorate nobody else can submit once every participant has.
    function _requireAllSubmitted(uint32 job, Round memory current) private view {
        if (_consortium.epoch() != current.epoch) {
            revert RoundLedger_DeadlineNotPassed(current.deadline, block.timestamp);
        }
        address[] memory participants = _consortium.keysWith(PARTICIPANT);
        for (uint256 i = 0; i < participants.length; ++i) {
            if (_jobs[job].parties[participants[i]].round != current.round) {
                revert RoundLedger_UpdatesMissing(job, current.round, participants[i]);
            }
        }
    }

    function _requireDuration(uint32 duration) private pure {
        if (duration == 0 || duration > MAXIMUM_SECONDS) revert RoundLedger_InvalidTerms();
    }

    function _has(uint256 bitmap, uint8 index) private pure returns (bool) {
        return bitmap & (1 << index) != 0;
    }
}
