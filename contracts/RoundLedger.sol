// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IConsortium} from "./interfaces/IConsortium.sol";
import {IRoundLedger} from "./interfaces/IRoundLedger.sol";
import {Bits, MARK} from "./libraries/Bits.sol";

/// @title RoundLedger
/// @notice Jobs, rounds, updates, aggregates and attestations of one consortium.
/// @dev Each job keeps the state of its current round only; the log keeps the history.
contract RoundLedger is IRoundLedger {
    /// @dev One word for each party of a job: all that a steady-state `commitUpdate` writes beside the round's.
    struct Party {
        bytes28 commitment;
        uint8 index;
        uint24 round;
    }

    /// @dev `openings`, `attested` and `failed` are bitmaps by member index, `MARK` always set, each begun again by its
    /// first use in a round or attempt. `approvals` has one for each count of recoveries, without the mark. `claims` is by
    /// the round that was finalised before: the list of final claims, in which no abandoned round stands.
    struct Job {
        Round round;
        Course course;
        Terms terms;
        Model model;
        bytes32 digest;
        bool open;
        bool closed;
        address proposer;
        bytes32 claim;
        bytes32 root;
        bytes32 opened;
        uint256 openings;
        uint256 attested;
        uint256 failed;
        mapping(uint256 recoveries => uint256 bitmap) approvals;
        mapping(uint256 index => uint8 strikes) strikes;
        mapping(address key => Party) parties;
        mapping(uint256 round => bytes32 root) models;
        mapping(uint256 before => bytes32 claim) claims;
        Conviction conviction;
        Void[] voids;
    }

    /// @dev Both 0 where nothing is convicted.
    struct Conviction {
        uint24 round;
        uint24 sound;
    }

    uint8 private constant PARTICIPANT = 1;
    uint8 private constant AGGREGATOR = 2;
    uint256 private constant MAXIMUM_SECONDS = 365 days;
    uint256 private constant MAXIMUM_SCORERS = 64;
    uint256 private constant MAXIMUM_WAIT = 8;
    uint256 private constant OPENING = 104;
    uint256 private constant ENTRY = 65;
    // Where parts of a `Round` begin in its word, in bits.
    uint256 private constant SINCE = 24;
    uint256 private constant DEADLINE = 80;
    uint256 private constant PHASE = 120;
    uint256 private constant PARTICIPANTS = 136;
    uint256 private constant COMMITTED = 152;
    uint256 private constant OPENED = 160;
    uint256 private constant OPENED_IN = 200;
    uint256 private constant TARGET = 240;
    bytes32 private constant UPDATE = keccak256("fedledger/update/3");
    bytes32 private constant CLAIM = keccak256("fedledger/claim/5");

    IConsortium private immutable _consortium;
    address private immutable _court;

    uint32 private _jobCount;
    mapping(uint32 number => Job) private _jobs;

    /// @notice Opens an empty ledger for the members of `consortium_`, which takes the convictions of `court_`.
    constructor(IConsortium consortium_, address court_) {
        _consortium = consortium_;
        _court = court_;
    }

    /// @inheritdoc IRoundLedger
    function proposeJob(bytes32 digest, Terms calldata terms, Model calldata model) external returns (uint32 job) {
        _requireOrigin();
        uint8 index = _consortium.membership(msg.sender).index;
        if (digest == 0 || terms.rounds == 0 || terms.attempts == 0) revert RoundLedger_InvalidTerms();
        _requireDuration(terms.updateSeconds);
        _requireDuration(terms.openSeconds);
        _requireDuration(terms.aggregateSeconds);
        _requireDuration(terms.attestSeconds);
        if (terms.scoreSeconds | terms.revealSeconds | terms.scorers != 0) {
            _requireDuration(terms.scoreSeconds);
            _requireDuration(terms.revealSeconds);
            if (terms.scorers == 0 || terms.scorers > MAXIMUM_SCORERS) revert RoundLedger_InvalidTerms();
        }
        if (model.initial == 0 || model.values == 0) revert RoundLedger_InvalidModel();

        job = ++_jobCount;
        (_jobs[job].digest, _jobs[job].proposer) = (digest, msg.sender);
        _jobs[job].terms = terms;
        _jobs[job].model = model;
        emit JobProposed(job, digest, msg.sender, terms, model);
        _approve(job, index);
    }

    /// @inheritdoc IRoundLedger
    function approveJob(uint32 job, bytes32 digest) external {
        _requireOrigin();
        uint8 index = _consortium.membership(msg.sender).index;
        _requireKnown(job);
        if (_jobs[job].digest != digest) revert RoundLedger_WrongDigest(job, _jobs[job].digest, digest);
        _requireNotClosed(job);
        _approve(job, index);
    }

    /// @inheritdoc IRoundLedger
    function closeJob(uint32 job) external {
        if (msg.sender != _consortium.ballots()) revert RoundLedger_NotBallots(msg.sender);
        _requireNotClosed(job);
        _jobs[job].open = false;
        _jobs[job].closed = true;
        emit JobClosed(job);
    }

    /// @inheritdoc IRoundLedger
    function rewindJob(uint32 job, uint32 round) external {
        if (msg.sender != _consortium.ballots()) revert RoundLedger_NotBallots(msg.sender);
        _requireNotClosed(job);
        Job storage state = _jobs[job];
        Conviction memory conviction = state.conviction;
        if (conviction.round == 0) revert RoundLedger_NotConvicted(job);
        if (round != conviction.round) revert RoundLedger_WrongConviction(job, round, conviction.round);
        Void[] storage voids = state.voids;
        while (voids.length != 0 && voids[voids.length - 1].from > conviction.round) voids.pop();
        voids.push(Void(conviction.round, state.round.round, conviction.sound));
        delete state.claims[conviction.sound];
        delete state.conviction;
        state.course.latest = conviction.sound;
        emit JobRewound(job, round, conviction.sound);
    }

    /// @inheritdoc IRoundLedger
    function convict(uint32 job, uint32 round, uint24 before, bytes32 claim) external {
        if (msg.sender != _court) revert RoundLedger_NotCourt(msg.sender);
        Job storage state = _jobs[job];
        if (claimBy(job) == claim && before == state.course.latest) return _fail(job, state, true);
        (bool isVoid,) = _voidOf(job, before);
        bytes32 finalised = isVoid ? bytes32(0) : state.claims[before];
        if (claim != finalised) revert RoundLedger_WrongClaim(claim, finalised);
        uint24 convicted = state.conviction.round;
        if (convicted != 0 && round >= convicted) revert RoundLedger_Convicted(job, convicted);
        state.conviction = Conviction(uint24(round), before);
        emit ModelConvicted(job, round, before);
        Phase phase = state.round.phase;
        if (phase != Phase.None && phase < Phase.Finalised) _abandon(job, state, Reason.BaseConvicted);
    }

    /// @inheritdoc IRoundLedger
    function openRound(uint32 job) external {
        _requireOrigin();
        _requireKnown(job);
        Job storage state = _jobs[job];
        IConsortium.Census memory census = _consortium.census();
        uint8 index = _requireElectorate(AGGREGATOR, census.epoch);
        if (!state.open) revert RoundLedger_JobNotOpen(job);
        uint24 convicted = state.conviction.round;
        if (convicted != 0) revert RoundLedger_Convicted(job, convicted);
        Round memory last = state.round;
        if (last.phase != Phase.None && last.phase < Phase.Finalised) revert RoundLedger_WrongPhase(job, last.phase);
        Terms memory terms = state.terms;
        Course memory course = state.course;
        if (course.finalised == terms.rounds) revert RoundLedger_JobComplete(job, terms.rounds);
        _requireWaited(course.endedAt, state.strikes[index], terms.aggregateSeconds);

        uint24 round = last.round + 1;
        uint40 deadline = _after(terms.updateSeconds);
        Round memory next;
        next.round = round;
        next.since = last.epoch == census.epoch ? last.since : round;
        next.epoch = census.epoch;
        next.deadline = deadline;
        next.phase = Phase.Collecting;
        (next.members, next.participants, next.aggregators) =
        (census.members, census.participants, census.aggregators);
        next.target = terms.buffer != 0 && terms.buffer < census.participants ? terms.buffer : census.participants;
        state.round = next;
        state.opened = state.digest;
        (course.opener, course.openerIndex) = (msg.sender, index);
        state.course = course;
        emit RoundOpened(job, round, msg.sender, census.epoch, deadline);
    }

    /// @inheritdoc IRoundLedger
    function commitUpdate(uint32 job, uint32 round, bytes28 commitment) external {
        _requireOrigin();
        Job storage state = _jobs[job];
        Round storage current = state.round;
        uint256 word = _wordOf(current);
        (uint24 number, uint24 since, uint40 deadline) = (uint24(word), uint24(word >> SINCE), uint40(word >> DEADLINE));
        if (round != number) revert RoundLedger_WrongRound(job, round, number);
        Phase phase = Phase(uint8(word >> PHASE));
        if (phase != Phase.Collecting) revert RoundLedger_WrongPhase(job, phase);
        _requireInTime(deadline);
        Party storage party = state.parties[msg.sender];
        uint24 last = party.round;
        if (last == number) revert RoundLedger_AlreadyCommitted(job, round, msg.sender);
        // A key that committed in this epoch was checked then.
        uint8 index = last < since ? _requireElectorate(PARTICIPANT, current.epoch) : party.index;

        (party.commitment, party.index, party.round) = (commitment, index, number);
        word += 1 << COMMITTED;
        if (uint8(word >> COMMITTED) == uint8(word >> TARGET)) {
            deadline = _after(state.terms.openSeconds);
            word = _moved(word, Phase.Opening, deadline);
        }
        _setWord(current, word);
        emit UpdateCommitted(job, round, msg.sender, commitment, deadline);
    }

    /// @inheritdoc IRoundLedger
    function openUpdates(uint32 job, uint32 round, bytes calldata openings) external {
        _requireOrigin();
        Job storage state = _jobs[job];
        Round storage current = state.round;
        (Phase phase, uint40 deadline) = _requireNow(job, round, state);
        if (phase != Phase.Opening) revert RoundLedger_WrongPhase(job, phase);
        uint256 length = openings.length;
        if (length == 0 || length % OPENING != 0) revert RoundLedger_InvalidOpenings(length);

        uint256 word = _wordOf(current);
        uint8 opened = uint8(word >> OPENED);
        (uint256 open, uint256 size, uint256 fresh, bytes32 digest) =
            _unopened(job, round, state, opened == 0, openings);
        if (size == 0) return;

        opened += uint8(size / OPENING);
        if (opened == uint8(word >> COMMITTED)) {
            (phase, deadline) = (Phase.Aggregating, _after(2 * state.terms.aggregateSeconds));
        }
        word = _moved(word, phase, deadline);
        word = word & ~(uint256(type(uint8).max) << OPENED | uint256(type(uint40).max) << OPENED_IN);
        _setWord(current, word | uint256(opened) << OPENED | block.number << OPENED_IN);
        state.opened = digest;
        if (opened != uint8(word >> PARTICIPANTS)) state.openings = open; // else every participant's is
        // The event, whose bytes stand where it is logged from: `emit` would copy them, at 190 gas for each opening.
        bytes32 topic = UpdatesOpened.selector;
        assembly ("memory-safe") {
            mstore(sub(fresh, 96), deadline)
            mstore(sub(fresh, 64), 64)
            mstore(sub(fresh, 32), size)
            log3(sub(fresh, 96), add(96, and(add(size, 31), not(31))), topic, job, round)
        }
    }

    /// @inheritdoc IRoundLedger
    function publishAggregate(uint32 job, uint32 round, Aggregate calldata aggregate, bytes32 claim) external {
        _requireOrigin();
        Job storage state = _jobs[job];
        Round storage current = state.round;
        (Phase phase, uint40 deadline) = _requireNow(job, round, state);
        if (phase != Phase.Aggregating) revert RoundLedger_WrongPhase(job, phase);
        if (current.opened == 0) revert RoundLedger_NothingOpened(job, round);
        _requireInTime(deadline);
        uint8 index = _requireElectorate(AGGREGATOR, current.epoch);
        uint8 attempt = current.attempt;
        if (attempt == 0) _takeTurn(state, index, deadline - state.terms.aggregateSeconds);
        else if (state.failed & (1 << index) != 0) revert RoundLedger_AggregatorFailed(msg.sender);
        _requireFit(state, current, aggregate);
        bytes32 computed = claimOf(job, round, state.opened, aggregate);
        if (claim != computed) revert RoundLedger_WrongClaim(claim, computed);

        deadline = _after(state.terms.attestSeconds);
        (current.phase, current.deadline) = (Phase.Attesting, deadline);
        (current.attempt, current.aggregator) = (++attempt, index);
        (current.agreeing, current.against) = (1, 0);
        state.claim = claim;
        state.root = aggregate.root;
        state.attested = MARK | 1 << index;
        emit AggregatePublished(job, round, msg.sender, attempt, aggregate, deadline);
    }

    /// @inheritdoc IRoundLedger
    function attest(uint32 job, uint32 round, uint8 attempt, Form form, bytes32 claim, bytes32 detail) external {
        _requireOrigin();
        Job storage state = _jobs[job];
        Round storage current = state.round;
        _requireCurrent(job, round, current);
        Phase phase = current.phase;
        bool late = phase == Phase.Finalised && form == Form.Agree;
        if (phase != Phase.Attesting && !late) revert RoundLedger_WrongPhase(job, phase);
        if (attempt != current.attempt) revert RoundLedger_WrongAttempt(job, attempt, current.attempt);
        _requireInTime(current.deadline);
        uint8 index = _requireElectorate(0, current.epoch);
        uint256 attested = state.attested;
        if (attested & (1 << index) != 0) revert RoundLedger_AlreadyAttested(job, round, attempt, msg.sender);
        bytes32 published = state.claim;
        if ((claim == published) == (form == Form.Other)) revert RoundLedger_WrongClaim(claim, published);

        state.attested = attested | 1 << index;
        emit Attested(job, round, msg.sender, attempt, form, claim, detail);
        if (late) return;
        uint8 majority = current.members / 2 + 1;
        if (form == Form.Agree) {
            if (++current.agreeing == majority) _conclude(job, state);
        } else if (++current.against > current.members - majority) {
            _fail(job, state, true);
        }
    }

    /// @inheritdoc IRoundLedger
    function advance(uint32 job, uint32 round) external {
        _requireOrigin();
        _consortium.membership(msg.sender);
        Job storage state = _jobs[job];
        Round storage current = state.round;
        (Phase phase, uint40 deadline) = _requireNow(job, round, state);
        if (phase == Phase.None || phase >= Phase.Finalised) revert RoundLedger_WrongPhase(job, phase);
        bool nothing = phase == Phase.Opening ? current.committed == 0 : phase == Phase.Aggregating && current.opened == 0;
        if (nothing) return _abandon(job, state, Reason.TooFewUpdates);
        if (block.timestamp <= deadline) revert RoundLedger_DeadlineNotPassed(deadline, block.timestamp);

        if (phase == Phase.Attesting) {
            return _fail(job, state, current.agreeing + uint256(current.against) > current.members / 2);
        }
        if (current.attempt == 0) _strike(state, state.course.openerIndex);
        _abandon(job, state, Reason.NoAggregate);
    }

    /// @inheritdoc IRoundLedger
    function claimOf(uint32 job, uint32 round, bytes32 opened, Aggregate calldata aggregate)
        public
        view
        returns (bytes32)
    {
        return keccak256(
            abi.encode(
                CLAIM,
                block.chainid,
                address(this),
                job,
                round,
                aggregate.base,
                opened,
                aggregate.root,
                aggregate.cid,
                aggregate.asOf,
                aggregate.anchor,
                aggregate.head,
                aggregate.receipts,
                aggregate.carried,
                keccak256(aggregate.verdicts)
            )
        );
    }

    /// @inheritdoc IRoundLedger
    function commitmentOf(
        uint32 job,
        uint32 round,
        address party,
        uint32 weight,
        bytes32 root,
        bytes32 cid,
        bytes16 salt
    ) external view returns (bytes28) {
        return bytes28(keccak256(abi.encode(_domain(UPDATE, job, round), party, weight, root, cid, salt)));
    }

    /// @inheritdoc IRoundLedger
    function consortium() external view returns (address) {
        return address(_consortium);
    }

    /// @inheritdoc IRoundLedger
    function court() external view returns (address) {
        return _court;
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
    function modelTermsOf(uint32 job) external view returns (Model memory) {
        Model memory model = _jobs[job].model;
        if (model.initial == 0) revert RoundLedger_UnknownJob(job);
        return model;
    }

    /// @inheritdoc IRoundLedger
    function roundOf(uint32 job) external view returns (Round memory) {
        return _jobs[job].round;
    }

    /// @inheritdoc IRoundLedger
    function proposerOf(uint32 job) external view returns (address) {
        return _jobs[job].proposer;
    }

    /// @inheritdoc IRoundLedger
    function presentOf(uint32 job) external view returns (Present memory present) {
        Job storage state = _jobs[job];
        Round memory current = state.round;
        Course memory course = state.course;
        (present.phase, present.deadline) = _requireNow(job, current.round, state);
        bool first = present.phase == Phase.Aggregating && current.attempt == 0;
        if (first) present.since = present.deadline - 2 * state.terms.aggregateSeconds;
        (present.round, present.epoch, present.members) = (current.round, current.epoch, current.members);
        (present.opener, present.opened) = (course.openerIndex, current.opened);
        (present.latest, present.endedAt) = (course.latest, course.endedAt);
        if (current.opened != 0) present.open = current.opened == current.participants ? ~MARK : state.openings & ~MARK;
    }

    /// @inheritdoc IRoundLedger
    function courseOf(uint32 job) external view returns (Course memory) {
        return _jobs[job].course;
    }

    /// @inheritdoc IRoundLedger
    function strikesOf(uint32 job, uint8 index) external view returns (uint8) {
        return _jobs[job].strikes[index];
    }

    /// @inheritdoc IRoundLedger
    function commitmentBy(uint32 job, address party) external view returns (bytes28 commitment, uint32 round) {
        Party memory found = _jobs[job].parties[party];
        return (found.commitment, found.round);
    }

    /// @inheritdoc IRoundLedger
    function modelOf(uint32 job, uint32 round) external view returns (bytes32 root) {
        return _jobs[job].models[round];
    }

    /// @inheritdoc IRoundLedger
    function claimAfter(uint32 job, uint32 round) public view returns (bytes32 claim) {
        (bool isVoid, uint24 before) = _voidOf(job, round);
        return _jobs[job].claims[isVoid ? before : round];
    }

    /// @inheritdoc IRoundLedger
    function openedOf(uint32 job) external view returns (bytes32) {
        return _jobs[job].opened;
    }

    /// @inheritdoc IRoundLedger
    function claimBy(uint32 job) public view returns (bytes32 claim) {
        if (_jobs[job].round.phase == Phase.Attesting) return _jobs[job].claim;
    }

    /// @inheritdoc IRoundLedger
    function isConvicted(uint32 job, uint32 round) external view returns (bool) {
        uint24 convicted = _jobs[job].conviction.round;
        if (convicted != 0 && round >= convicted) return true;
        (bool isVoid,) = _voidOf(job, round);
        return isVoid;
    }

    /// @inheritdoc IRoundLedger
    function convictionOf(uint32 job) external view returns (uint24 convicted, uint24 sound) {
        Conviction memory found = _jobs[job].conviction;
        return (found.round, found.sound);
    }

    /// @inheritdoc IRoundLedger
    function voidOf(uint32 job) external view returns (Void[] memory) {
        return _jobs[job].voids;
    }

    function _approve(uint32 job, uint8 index) private {
        Job storage state = _jobs[job];
        IConsortium.Census memory census = _consortium.census();
        uint256 bitmap = state.approvals[census.recoveries];
        if (bitmap & (1 << index) != 0) revert RoundLedger_AlreadyApproved(job, msg.sender);
        bitmap |= 1 << index;
        state.approvals[census.recoveries] = bitmap;
        uint256 approvals = Bits.ones(bitmap & _consortium.active());
        emit JobApproved(job, msg.sender, uint8(approvals));
        if (state.open || approvals <= census.members / 2) return;
        state.open = true;
        emit JobOpened(job, census.epoch);
    }

    /// @dev Whether a round is void, by the last run of void rounds that begins with it or before, and on which round the
    /// job went on after that.
    function _voidOf(uint32 job, uint32 round) private view returns (bool isVoid, uint24 before) {
        Void[] storage voids = _jobs[job].voids;
        for (uint256 i = voids.length; i > 0; --i) {
            Void memory last = voids[i - 1];
            if (round >= last.from) return (round <= last.to, last.before);
        }
    }

    /// @dev The round's word. The calls that every update pays for read and write it once; for each of its parts the
    /// compiler would do so again, at 100 gas.
    function _wordOf(Round storage current) private view returns (uint256 word) {
        assembly ("memory-safe") {
            word := sload(current.slot)
        }
    }

    function _setWord(Round storage current, uint256 word) private {
        assembly ("memory-safe") {
            sstore(current.slot, word)
        }
    }

    /// @dev The round's word with another phase and deadline, which are neighbours in it.
    function _moved(uint256 word, Phase phase, uint40 deadline) private pure returns (uint256) {
        uint256 both = uint256(deadline) << DEADLINE | uint256(phase) << PHASE;
        return word & ~(uint256(type(uint48).max) << DEADLINE) | both;
    }

    /// @dev The bitmap of open updates with the openings, and where in memory those lie that were not in it: their size,
    /// and the first one's place, with three words free before and zeros after. `digest` is the job's `opened` with them.
    function _unopened(uint32 job, uint32 round, Job storage state, bool first, bytes calldata openings)
        private
        view
        returns (uint256 open, uint256 size, uint256 fresh, bytes32 digest)
    {
        bytes32 domain = _domain(UPDATE, job, round);
        (open, digest) = (first ? MARK : state.openings, state.opened);
        bytes memory room = new bytes(96 + openings.length + 31);
        bytes memory entries = new bytes(32 + openings.length);
        uint256 end;
        assembly ("memory-safe") {
            fresh := add(room, 128)
            mstore(add(entries, 32), digest)
            end := add(entries, 64)
        }
        unchecked {
            for (uint256 start = 0; start < openings.length; start += OPENING) {
                (uint256 index, bytes28 commitment) = _requireCommitted(job, round, state, domain, openings, start);
                uint256 bit = 1 << index;
                if (open & bit != 0) continue;
                open |= bit;
                assembly ("memory-safe") {
                    let from := add(openings.offset, start)
                    calldatacopy(add(fresh, size), from, OPENING)
                    mstore8(end, index)
                    calldatacopy(add(end, 1), add(from, 20), 36)
                    mstore(add(end, 37), commitment)
                    end := add(end, ENTRY)
                }
                size += OPENING;
            }
        }
        assembly ("memory-safe") {
            let start := add(entries, 32)
            if iszero(staticcall(gas(), 2, start, sub(end, start), 0, 32)) { revert(0, 0) }
            digest := mload(0)
        }
    }

    /// @dev The member whose update the opening from `start` on is, and what its key committed to in this round.
    function _requireCommitted(
        uint32 job,
        uint32 round,
        Job storage state,
        bytes32 domain,
        bytes calldata openings,
        uint256 start
    ) private view returns (uint8 index, bytes28 commitment) {
        address key;
        uint256 weight;
        assembly ("memory-safe") {
            let from := add(openings.offset, start)
            let word := calldataload(from)
            key := shr(96, word)
            weight := and(shr(64, word), 0xffffffff)
            let at := mload(64)
            mstore(at, domain)
            mstore(add(at, 32), key)
            mstore(add(at, 64), weight)
            mstore(add(at, 160), 0)
            calldatacopy(add(at, 96), add(from, 24), 80)
            commitment := and(keccak256(at, 192), not(0xffffffff))
        }
        Party storage party = state.parties[key];
        if (party.round != round) revert RoundLedger_NotCommitted(job, round, key);
        if (party.commitment != commitment) revert RoundLedger_NotWhatWasCommitted(job, round, key);
        if (weight == 0) revert RoundLedger_ZeroWeight(key);
        index = party.index;
    }

    /// @dev The first attempt: the opener's until `until`, then anybody's, and the opener left its turn.
    function _takeTurn(Job storage state, uint8 index, uint40 until) private {
        Course memory course = state.course;
        if (index == course.openerIndex) return;
        if (block.timestamp <= until) revert RoundLedger_NotYourTurn(msg.sender, course.opener, until);
        _strike(state, course.openerIndex);
    }

    function _requireFit(Job storage state, Round storage current, Aggregate calldata aggregate) private view {
        bool empty = aggregate.root == 0;
        if (empty != (aggregate.cid == 0) || (empty && aggregate.carried != 0)) revert RoundLedger_InvalidAggregate();
        uint24 latest = state.course.latest;
        bytes32 base = latest == 0 ? state.model.initial : state.models[latest];
        if (aggregate.base != base) revert RoundLedger_WrongBase(aggregate.base, base);
        if (aggregate.verdicts.length != current.opened) {
            revert RoundLedger_WrongVerdicts(aggregate.verdicts.length, current.opened);
        }
        uint40 asOf = aggregate.asOf;
        if (asOf < current.openedIn || asOf >= block.number) {
            revert RoundLedger_WrongBlock(asOf, current.openedIn, block.number);
        }
        bytes32 anchor = blockhash(asOf);
        if (anchor == 0 || anchor != aggregate.anchor) {
            revert RoundLedger_WrongAnchor(asOf, aggregate.anchor, anchor);
        }
    }

    /// @dev A majority agrees with the aggregate.
    function _conclude(uint32 job, Job storage state) private {
        bytes32 root = state.root;
        if (root == 0) return _abandon(job, state, Reason.TooFewUpdates);
        uint24 round = state.round.round;
        uint8 aggregator = state.round.aggregator;
        state.models[round] = root;
        state.claims[state.course.latest] = state.claim;
        uint8 strikes = state.strikes[aggregator];
        if (strikes != 0) state.strikes[aggregator] = strikes - 1;
        ++state.course.finalised;
        state.course.latest = round;
        _end(state, Phase.Finalised);
        emit RoundFinalised(job, round, state.round.attempt, root);
    }

    /// @dev The attempt has no majority; `spoke` says whether a majority attested at all.
    function _fail(uint32 job, Job storage state, bool spoke) private {
        Round storage current = state.round;
        uint24 round = current.round;
        uint8 attempt = current.attempt;
        uint8 aggregator = current.aggregator;
        uint256 failed = (attempt == 1 ? MARK : state.failed) | 1 << aggregator;
        state.failed = failed;
        if (spoke) _strike(state, aggregator);
        Terms storage terms = state.terms;
        if (attempt != terms.attempts && Bits.ones(failed & ~MARK) < current.aggregators) {
            uint40 deadline = _after(terms.aggregateSeconds);
            (current.phase, current.deadline) = (Phase.Aggregating, deadline);
            emit AttemptFailed(job, round, attempt, deadline);
            return;
        }
        emit AttemptFailed(job, round, attempt, 0);
        if (!spoke) return _abandon(job, state, Reason.NoQuorum);
        _end(state, Phase.Refuted);
        emit RoundRefuted(job, round);
    }

    function _abandon(uint32 job, Job storage state, Reason reason) private {
        _end(state, Phase.Abandoned);
        emit RoundAbandoned(job, state.round.round, reason);
    }

    function _end(Job storage state, Phase phase) private {
        state.round.phase = phase;
        state.course.endedAt = uint40(block.timestamp);
    }

    function _strike(Job storage state, uint8 index) private {
        uint8 strikes = state.strikes[index];
        if (strikes != type(uint8).max) state.strikes[index] = strikes + 1;
    }

    function _after(uint32 duration) private view returns (uint40) {
        return uint40(block.timestamp + duration);
    }

    function _domain(bytes32 kind, uint32 job, uint32 round) private view returns (bytes32) {
        return keccak256(abi.encode(kind, block.chainid, address(this), job, round));
    }

    /// @dev A contract, or a key with delegated code, would act in a transaction that shows no call of this contract.
    function _requireOrigin() private view {
        if (msg.sender != tx.origin || msg.sender.code.length != 0) revert RoundLedger_NotOrigin(msg.sender, tx.origin);
    }

    function _requireKnown(uint32 job) private view {
        if (_jobs[job].digest == 0) revert RoundLedger_UnknownJob(job);
    }

    function _requireNotClosed(uint32 job) private view {
        if (_jobs[job].closed) revert RoundLedger_JobClosed(job);
    }

    function _requireCurrent(uint32 job, uint32 round, Round storage current) private view returns (uint24 number) {
        number = current.round;
        if (round != number) revert RoundLedger_WrongRound(job, round, number);
    }

    /// @dev The round's phase as it is now, and its deadline: time alone ends Collecting and Opening.
    function _requireNow(uint32 job, uint32 round, Job storage state)
        private
        view
        returns (Phase phase, uint40 deadline)
    {
        Round storage current = state.round;
        _requireCurrent(job, round, current);
        (phase, deadline) = (current.phase, current.deadline);
        if (phase == Phase.Collecting && block.timestamp > deadline) {
            (phase, deadline) = (Phase.Opening, deadline + state.terms.openSeconds);
        }
        if (phase == Phase.Opening && block.timestamp > deadline) {
            (phase, deadline) = (Phase.Aggregating, deadline + 2 * state.terms.aggregateSeconds);
        }
    }

    /// @dev The caller is a member and holds `role`, and did so with this key when the round was opened.
    function _requireElectorate(uint8 role, uint32 epoch) private view returns (uint8 index) {
        IConsortium.Membership memory member = _consortium.membership(msg.sender);
        if (member.roles & role != role) revert RoundLedger_RoleMissing(msg.sender, role);
        uint32 since = role != 0 && member.rolesSince > member.since ? member.rolesSince : member.since;
        if (since > epoch) revert RoundLedger_NotInElectorate(msg.sender, since, epoch);
        return member.index;
    }

    function _requireInTime(uint40 deadline) private view {
        if (block.timestamp > deadline) revert RoundLedger_DeadlinePassed(deadline, block.timestamp);
    }

    function _requireWaited(uint40 endedAt, uint8 strikes, uint32 aggregateSeconds) private view {
        uint256 turns = strikes < MAXIMUM_WAIT ? strikes : MAXIMUM_WAIT;
        uint256 from = endedAt + turns * aggregateSeconds;
        if (block.timestamp < from) revert RoundLedger_StrikesToWaitFor(msg.sender, strikes, from);
    }

    function _requireDuration(uint32 duration) private pure {
        if (duration == 0 || duration > MAXIMUM_SECONDS) revert RoundLedger_InvalidTerms();
    }
}
