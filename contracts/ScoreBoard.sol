// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IConsortium} from "./interfaces/IConsortium.sol";
import {IRoundLedger} from "./interfaces/IRoundLedger.sol";
import {IScoreBoard} from "./interfaces/IScoreBoard.sol";
import {Bits, MARK} from "./libraries/Bits.sol";

/// @title ScoreBoard
/// @notice The scores of one ledger's finalised rounds.
/// @dev Each job keeps the state of its latest scoring only, in words that the next one uses again, and one word for
/// each scored round. The log keeps the rest.
contract ScoreBoard is IScoreBoard {
    /// @dev `committed` and `revealed` are bitmaps by member index, `MARK` always set. `commitments` are by member index;
    /// `words` has for each round the seed, then the root of what is settled of it: so that settling pays for no new word.
    /// `left` is that word followed by the hashes of all that was revealed and is not settled, in the reveals' order: one
    /// word that grows with each reveal, so that settling reads no word for each scorer.
    struct Job {
        Scoring scoring;
        uint256 committed;
        uint256 revealed;
        bytes32 left;
        mapping(uint256 index => bytes32 commitment) commitments;
        mapping(uint32 round => bytes32 word) words;
    }

    uint8 private constant SCORER = 4;
    uint256 private constant MAXIMUM_SCORERS = 64;
    uint256 private constant SIZE = 4;
    uint256 private constant CHUNK = 32 * SIZE;
    int32 private constant LARGEST = 1_000_000_000;
    /// @dev Eight scores fill a word, each a lane of it. A score is smaller than 2^30 in magnitude, so that its two upper
    /// bits are equal. Plus 2^30 it is a number below 2^31; with the uppermost bit set, no subtraction of another such
    /// number borrows from the next lane, and the bit stays where the other is not larger: eight comparisons in one.
    uint256 private constant ONE = 0x00000001_00000001_00000001_00000001_00000001_00000001_00000001_00000001;
    uint256 private constant TOP = 0x80000000_80000000_80000000_80000000_80000000_80000000_80000000_80000000;
    uint256 private constant OFFSET = 0x40000000_40000000_40000000_40000000_40000000_40000000_40000000_40000000;
    uint256 private constant REST = 0x7fffffff_7fffffff_7fffffff_7fffffff_7fffffff_7fffffff_7fffffff_7fffffff;

    IConsortium private immutable _consortium;
    IRoundLedger private immutable _ledger;

    mapping(uint32 number => Job) private _jobs;

    /// @notice Opens an empty board for the rounds of `ledger_`.
    constructor(IRoundLedger ledger_) {
        _consortium = IConsortium(ledger_.consortium());
        _ledger = ledger_;
    }

    /// @inheritdoc IScoreBoard
    function openScoring(uint32 job, uint32 round, bytes32 opened, IRoundLedger.Aggregate calldata aggregate) external {
        _requireOrigin();
        (, IRoundLedger.Terms memory terms,) = _ledger.jobOf(job);
        if (terms.scorers == 0) revert ScoreBoard_NoScores(job);
        IConsortium.Census memory census = _consortium.census();
        _requireScorer(census.epoch);
        Job storage state = _jobs[job];
        uint32 last = state.scoring.round;
        Phase phase = _phase(state, state.scoring);
        if (phase != Phase.None && phase < Phase.Settled) revert ScoreBoard_StillOpen(job, last);
        if (round <= last) revert ScoreBoard_RoundPassed(job, round, last);
        bytes32 claim = _requireNext(job, last, round, _ledger.claimOf(job, round, opened, aggregate));
        uint8 updates = _admitted(aggregate.verdicts);
        if (updates == 0) revert ScoreBoard_NothingAdmitted(job, round);
        uint256 scorers = census.scorers < MAXIMUM_SCORERS ? census.scorers : MAXIMUM_SCORERS;
        if (scorers < terms.scorers) revert ScoreBoard_TooFewScorers(scorers, terms.scorers);

        bytes32 seed =
            keccak256(abi.encode(blockhash(block.number - 1), block.chainid, address(this), job, round, claim));
        uint40 commitDeadline = uint40(block.timestamp + terms.scoreSeconds);
        state.scoring = Scoring(
            round,
            census.epoch,
            commitDeadline,
            commitDeadline + terms.revealSeconds,
            updates,
            uint8(scorers),
            terms.scorers,
            0,
            Phase.None
        );
        state.words[round] = seed;
        state.left = seed;
        state.committed = MARK;
        state.revealed = MARK;
        emit ScoringOpened(job, round, msg.sender, seed, census.epoch, updates, uint8(scorers), commitDeadline);
    }

    /// @inheritdoc IScoreBoard
    function commitScores(uint32 job, uint32 round, bytes32 commitment) external {
        _requireOrigin();
        (Job storage state, Scoring memory scoring) = _requireCurrent(job, round);
        uint8 index = _requireScorer(scoring.epoch);
        uint256 committed = state.committed;
        if (committed & (1 << index) != 0) revert ScoreBoard_AlreadyCommitted(job, round, msg.sender);
        if (!_isCommitting(scoring, committed)) revert ScoreBoard_WrongPhase(job, round, _phase(state, scoring));

        state.committed = committed | 1 << index;
        state.commitments[index] = commitment;
        emit ScoresCommitted(job, round, msg.sender, commitment);
    }

    /// @inheritdoc IScoreBoard
    function revealScores(uint32 job, uint32 round, bytes32 salt, bytes calldata scores) external {
        _requireOrigin();
        (Job storage state, Scoring memory scoring) = _requireCurrent(job, round);
        (uint8 index,, uint32 since) = _consortium.standingOf(msg.sender);
        uint256 committed = state.committed;
        uint256 revealed = state.revealed;
        if (since == 0 || committed & (1 << index) == 0) revert ScoreBoard_NotCommitted(job, round, msg.sender);
        if (revealed & (1 << index) != 0) revert ScoreBoard_AlreadyRevealed(job, round, msg.sender);
        if (_isCommitting(scoring, committed) || block.timestamp > scoring.revealDeadline) {
            revert ScoreBoard_WrongPhase(job, round, _phase(state, scoring));
        }
        _requireLength(scores, SIZE * scoring.updates);
        bytes32 hash = _hashOf(scores, 0, scores.length, bytes32(uint256(uint160(msg.sender))));
        bytes32 commitment = keccak256(abi.encode(block.chainid, address(this), job, round, msg.sender, salt, hash));
        if (commitment != state.commitments[index]) revert ScoreBoard_NotWhatWasCommitted(job, round, msg.sender);
        _requireInRange(scores);

        state.revealed = revealed | 1 << index;
        state.left = _followedBy(state.left, hash);
        emit ScoresRevealed(job, round, msg.sender, salt, scores);
    }

    /// @inheritdoc IScoreBoard
    function settleScores(uint32 job, uint32 round, uint8 start, bytes calldata scores, bytes calldata medians) external {
        _requireOrigin();
        (Job storage state, Scoring memory scoring) = _requireCurrent(job, round);
        uint256 revealed = _requireOver(job, state, scoring);
        uint256 reveals = Bits.ones(revealed);
        if (reveals < scoring.quorum) revert ScoreBoard_BelowQuorum(reveals, scoring.quorum);
        _requireRange(scoring, start, medians.length);
        _requireLength(scores, reveals * (medians.length + 32));
        bytes32 word = state.words[round];
        if (_foldOf(word, scores, medians.length, true) != state.left) revert ScoreBoard_NotWhatWasRevealed(start);
        _requireInRange(medians);
        _requireMedians(medians, scores, reveals);

        bytes32 withheld = bytes32(state.committed & ~MARK ^ revealed);
        if (start == 0) word = keccak256(abi.encode(job, round, word, withheld, revealed, state.left));
        bytes32 root = _settled(word, medians);
        scoring.settled += uint8(medians.length / SIZE);
        bool ends = scoring.settled == scoring.updates;
        if (ends) scoring.ended = Phase.Settled;
        else state.left = _foldOf(root, scores, medians.length, false);
        state.words[round] = root;
        state.scoring = scoring;
        emit MediansSettled(job, round, start, medians);
        if (ends) emit ScoresSettled(job, round, root, withheld);
    }

    /// @inheritdoc IScoreBoard
    function voidScoring(uint32 job, uint32 round) external {
        _requireOrigin();
        (Job storage state, Scoring memory scoring) = _requireCurrent(job, round);
        uint256 reveals = Bits.ones(_requireOver(job, state, scoring));
        uint40 settleDeadline = 2 * scoring.revealDeadline - scoring.commitDeadline;
        if (reveals >= scoring.quorum && block.timestamp <= settleDeadline) {
            revert ScoreBoard_QuorumReached(reveals, scoring.quorum, settleDeadline);
        }

        state.words[round] = 0;
        state.scoring.ended = Phase.Void;
        emit ScoringVoid(job, round, bytes32(state.committed ^ state.revealed));
    }

    /// @inheritdoc IScoreBoard
    function rootOf(uint32 job, uint32 round) external view returns (bytes32 root) {
        Job storage state = _jobs[job];
        if (state.scoring.round != round || state.scoring.ended == Phase.Settled) return state.words[round];
    }

    /// @inheritdoc IScoreBoard
    function scoringOf(uint32 job)
        external
        view
        returns (Scoring memory scoring, Phase phase, bytes32 seed, bytes32 committed, bytes32 revealed)
    {
        Job storage state = _jobs[job];
        scoring = state.scoring;
        phase = _phase(state, scoring);
        if (scoring.ended == Phase.None && scoring.settled == 0) seed = state.words[scoring.round];
        return (scoring, phase, seed, bytes32(state.committed & ~MARK), bytes32(state.revealed & ~MARK));
    }

    /// @inheritdoc IScoreBoard
    function ledger() external view returns (address) {
        return address(_ledger);
    }

    /// @inheritdoc IScoreBoard
    function consortium() external view returns (address) {
        return address(_consortium);
    }

    function _requireCurrent(uint32 job, uint32 round)
        private
        view
        returns (Job storage state, Scoring memory scoring)
    {
        state = _jobs[job];
        scoring = state.scoring;
        if (round != scoring.round || round == 0) revert ScoreBoard_WrongRound(job, round, scoring.round);
    }

    /// @dev A contract, or a key with delegated code, would act in a transaction that shows no call of this contract.
    function _requireOrigin() private view {
        if (msg.sender != tx.origin || msg.sender.code.length != 0) revert ScoreBoard_NotOrigin(msg.sender, tx.origin);
    }

    /// @dev The caller is a scorer, was one in `epoch`, and its key spoke for it then.
    function _requireScorer(uint32 epoch) private view returns (uint8 index) {
        IConsortium.Membership memory member = _consortium.membership(msg.sender);
        if (member.roles & SCORER == 0) revert ScoreBoard_RoleMissing(msg.sender, SCORER);
        uint32 since = member.since > member.rolesSince ? member.since : member.rolesSince;
        if (since > epoch) revert ScoreBoard_NotInElectorate(msg.sender, since, epoch);
        return member.index;
    }

    /// @dev The claim, which names its round, was finalised next after the one that was scored last: nobody takes a round's
    /// scores away by opening a later one first, and no number of abandoned rounds between makes it dearer.
    function _requireNext(uint32 job, uint32 last, uint32 round, bytes32 claim) private view returns (bytes32) {
        bytes32 next = _ledger.claimAfter(job, last);
        if (next == 0) revert ScoreBoard_NoneLeft(job, last);
        if (claim != next) revert ScoreBoard_WrongClaim(job, round, claim, next);
        return claim;
    }

    /// @dev Returns who revealed, without the mark.
    function _requireOver(uint32 job, Job storage state, Scoring memory scoring) private view returns (uint256) {
        Phase phase = _phase(state, scoring);
        if (phase != Phase.Over) revert ScoreBoard_WrongPhase(job, scoring.round, phase);
        return state.revealed & ~MARK;
    }

    function _phase(Job storage state, Scoring memory scoring) private view returns (Phase) {
        if (scoring.round == 0) return Phase.None;
        if (scoring.ended != Phase.None) return scoring.ended;
        uint256 committed = state.committed;
        if (_isCommitting(scoring, committed)) return Phase.Committing;
        bool over = block.timestamp > scoring.revealDeadline || committed == state.revealed;
        return over ? Phase.Over : Phase.Revealing;
    }

    function _isCommitting(Scoring memory scoring, uint256 committed) private view returns (bool) {
        return block.timestamp <= scoring.commitDeadline && Bits.ones(committed & ~MARK) < scoring.scorers;
    }

    /// @dev The range begins where the settled ones end, and ends with a chunk or with the last update.
    function _requireRange(Scoring memory scoring, uint256 start, uint256 length) private pure {
        uint256 count = length / SIZE;
        uint256 end = start + count;
        bool whole = length % CHUNK == 0 || (end == scoring.updates && length % SIZE == 0);
        if (start != scoring.settled || count == 0 || end > scoring.updates || !whole) {
            revert ScoreBoard_WrongRange(start, count, scoring.settled, scoring.updates);
        }
    }

    /// @dev Of k scores the lower median, and it alone, has (k + 1) / 2 at or below it and k / 2 + 1 at or above it.
    function _requireMedians(bytes calldata medians, bytes calldata scores, uint256 reveals) private pure {
        // Each lane counts up next what it lacks to have its uppermost bit set.
        uint256 atOrBelow = TOP - ONE * ((reveals + 1) / 2);
        uint256 atOrAbove = TOP - ONE * (reveals / 2 + 1);
        uint256 length = medians.length;
        uint256 stride = length + 32;
        for (uint256 start = 0; start < length; start += 32) {
            uint256 enough;
            assembly ("memory-safe") {
                let median := and(xor(calldataload(add(medians.offset, start)), OFFSET), REST)
                let topped := or(median, TOP)
                let below := atOrBelow
                let above := atOrAbove
                let end := add(scores.offset, scores.length)
                for { let next := add(scores.offset, start) } lt(next, end) { next := add(next, stride) } {
                    let score := and(xor(calldataload(next), OFFSET), REST)
                    below := add(below, shr(31, and(sub(topped, score), TOP)))
                    above := add(above, shr(31, and(sub(or(score, TOP), median), TOP)))
                }
                enough := and(below, above)
            }
            uint256 missing = ~enough & TOP & _lanes(length - start);
            if (missing != 0) {
                uint256 place = start / SIZE + _first(missing);
                revert ScoreBoard_WrongMedian(place, _score(medians, place));
            }
        }
    }

    function _requireInRange(bytes calldata scores) private pure {
        uint256 length = scores.length;
        uint256 range = ONE * uint32(2 * LARGEST);
        uint256 least = OFFSET - ONE * uint32(LARGEST);
        for (uint256 start = 0; start < length; start += 32) {
            uint256 outside;
            assembly ("memory-safe") {
                let word := calldataload(add(scores.offset, start))
                let score := and(xor(word, OFFSET), REST)
                let fits := and(sub(or(score, TOP), least), sub(or(add(least, range), TOP), score))
                outside := and(or(xor(word, shl(1, word)), not(fits)), TOP)
            }
            outside &= _lanes(length - start);
            if (outside != 0) {
                uint256 place = start / SIZE + _first(outside);
                revert ScoreBoard_ScoreOutOfRange(place, _score(scores, place));
            }
        }
    }

    function _requireLength(bytes calldata scores, uint256 length) private pure {
        if (scores.length != length) revert ScoreBoard_WrongLength(scores.length, length);
    }

    function _admitted(bytes calldata verdicts) private pure returns (uint8 updates) {
        for (uint256 i = 0; i < verdicts.length; ++i) {
            if (verdicts[i] == 0) ++updates;
        }
    }

    /// @dev The word, followed by the hash of each scorer's scores: of those in the range and all after it, or these alone.
    function _foldOf(bytes32 word, bytes calldata scores, uint256 length, bool within) private pure returns (bytes32) {
        for (uint256 start = 0; start < scores.length; start += length + 32) {
            bytes32 hash;
            assembly ("memory-safe") {
                hash := calldataload(add(scores.offset, add(start, length)))
            }
            if (within) hash = _hashOf(scores, start, length, hash);
            word = _followedBy(word, hash);
        }
        return word;
    }

    /// @dev The hash of so many bytes of the calldata, within its bounds, and of what follows them.
    function _hashOf(bytes calldata scores, uint256 start, uint256 length, bytes32 rest)
        private
        pure
        returns (bytes32 hash)
    {
        hash = rest;
        uint256 size = (length + CHUNK - 1) % CHUNK + 1;
        uint256 end = start + length;
        while (end != start) {
            end -= size;
            assembly ("memory-safe") {
                let free := mload(0x40)
                calldatacopy(free, add(scores.offset, end), size)
                mstore(add(free, size), hash)
                hash := keccak256(free, add(size, 32))
            }
            size = CHUNK;
        }
    }

    /// @dev The root, followed by the medians' chunks one after the other.
    function _settled(bytes32 root, bytes calldata medians) private pure returns (bytes32) {
        uint256 length = medians.length;
        for (uint256 start = 0; start < length; start += CHUNK) {
            uint256 size = start + CHUNK < length ? CHUNK : length - start;
            assembly ("memory-safe") {
                let free := mload(0x40)
                mstore(free, root)
                calldatacopy(add(free, 32), add(medians.offset, start), size)
                root := keccak256(free, add(size, 32))
            }
        }
        return root;
    }

    function _followedBy(bytes32 word, bytes32 hash) private pure returns (bytes32 longer) {
        assembly ("memory-safe") {
            mstore(0, word)
            mstore(32, hash)
            longer := keccak256(0, 64)
        }
    }

    function _score(bytes calldata scores, uint256 place) private pure returns (int32) {
        return int32(uint32(bytes4(scores[SIZE * place:SIZE * (place + 1)])));
    }

    /// @dev The lanes that so many bytes fill: what follows in the calldata is something else.
    function _lanes(uint256 length) private pure returns (uint256) {
        return length < 32 ? ~(type(uint256).max >> 8 * length) : type(uint256).max;
    }

    /// @dev The first lane whose uppermost bit is set.
    function _first(uint256 lanes) private pure returns (uint256 lane) {
        while (lanes << 32 * lane >> 255 == 0) {
            ++lane;
        }
    }
}
