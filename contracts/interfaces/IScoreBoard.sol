// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IRoundLedger} from "./IRoundLedger.sol";

/// @title Contribution scores of finalised rounds
/// @notice Scorers commit to one score for each admitted update of a round, then reveal; the median of what was revealed
/// is the update's score. docs/spec/scores.md tells it in words.
///
/// A scoring: Committing -> Revealing -> Over -> Settled
///                                            -> Void, where fewer revealed than the job demands, or nobody settled
/// Time alone leads to Over, and a while later anyone may end what is not settled, so that nobody holds up the next
/// scoring. A job has one scoring at a time, of every finalised round in turn, and a round that was void stays without
/// scores.
/// @dev Scores are int32, at most 1,000,000,000 in magnitude, packed big-endian, by ascending index of the updates'
/// members. The contract counts; it never computes a score.
///
/// Scores are settled in ranges, so they are hashed in n chunks of 32, the last one as long as what is left: h(n) is the
/// scorer's key, as a word, and h(i) the keccak256 of chunk i followed by h(i + 1). The hash of the scores is h(0); that
/// of those from chunk i on, h(i).
interface IScoreBoard {
    enum Phase {
        None,
        Committing,
        Revealing,
        Over,
        Settled,
        Void
    }

    /// @notice The latest scoring of a job.
    /// @param round number of the round that is scored
    /// @param epoch the consortium's epoch when the scoring was opened: a key that came later cannot commit
    /// @param commitDeadline last second to commit, in seconds since 1970
    /// @param revealDeadline last second to reveal
    /// @param updates how many updates the round admitted
    /// @param scorers how many may commit: as many as were scorers when the scoring was opened, 64 at most
    /// @param quorum how many of them must reveal
    /// @param settled how many updates have their median
    /// @param ended Settled or Void, once it is; else None
    struct Scoring {
        uint32 round;
        uint32 epoch;
        uint40 commitDeadline;
        uint40 revealDeadline;
        uint8 updates;
        uint8 scorers;
        uint8 quorum;
        uint8 settled;
        Phase ended;
    }

    /// @notice The scoring of a finalised round began.
    /// @param seed what scores may draw their random choices from
    event ScoringOpened(
        uint32 indexed job,
        uint32 indexed round,
        address indexed opener,
        bytes32 seed,
        uint32 epoch,
        uint8 updates,
        uint8 scorers,
        uint40 commitDeadline
    );
    event ScoresCommitted(uint32 indexed job, uint32 indexed round, address indexed scorer, bytes32 commitment);
    event ScoresRevealed(
        uint32 indexed job, uint32 indexed round, address indexed scorer, bytes32 salt, bytes scores
    );
    /// @notice Some updates have their scores, from the one at this place on.
    event MediansSettled(uint32 indexed job, uint32 indexed round, uint8 start, bytes medians);
    /// @notice The round has its scores.
    /// @param root what `rootOf` has from now on
    /// @param withheld who committed and did not reveal: bit i is member i's
    event ScoresSettled(uint32 indexed job, uint32 indexed round, bytes32 root, bytes32 withheld);
    /// @notice Too few revealed, or nobody settled in time: the round has no scores, ever.
    event ScoringVoid(uint32 indexed job, uint32 indexed round, bytes32 withheld);

    error ScoreBoard_NoScores(uint32 job);
    error ScoreBoard_RoleMissing(address key, uint8 role);
    error ScoreBoard_NotInElectorate(address key, uint32 since, uint32 epoch);
    error ScoreBoard_NotOrigin(address caller, address origin);
    error ScoreBoard_StillOpen(uint32 job, uint32 round);
    error ScoreBoard_RoundPassed(uint32 job, uint32 round, uint32 last);
    error ScoreBoard_NoneLeft(uint32 job, uint32 last);
    error ScoreBoard_WrongClaim(uint32 job, uint32 round, bytes32 claim, bytes32 next);
    error ScoreBoard_NothingAdmitted(uint32 job, uint32 round);
    error ScoreBoard_TooFewScorers(uint256 scorers, uint256 quorum);
    error ScoreBoard_WrongRound(uint32 job, uint32 round, uint32 current);
    error ScoreBoard_WrongPhase(uint32 job, uint32 round, Phase phase);
    error ScoreBoard_AlreadyCommitted(uint32 job, uint32 round, address scorer);
    error ScoreBoard_NotCommitted(uint32 job, uint32 round, address scorer);
    error ScoreBoard_AlreadyRevealed(uint32 job, uint32 round, address scorer);
    error ScoreBoard_NotWhatWasCommitted(uint32 job, uint32 round, address scorer);
    error ScoreBoard_WrongLength(uint256 length, uint256 expected);
    error ScoreBoard_ScoreOutOfRange(uint256 place, int32 score);
    error ScoreBoard_BelowQuorum(uint256 reveals, uint256 quorum);
    error ScoreBoard_QuorumReached(uint256 reveals, uint256 quorum, uint40 settleDeadline);
    error ScoreBoard_WrongRange(uint256 start, uint256 count, uint256 settled, uint256 updates);
    error ScoreBoard_NotWhatWasRevealed(uint256 start);
    error ScoreBoard_WrongMedian(uint256 place, int32 median);

    /// @notice Opens the scoring of the first finalised round that had none; any scorer may. Root, CID and verdicts are
    /// those of the aggregate that was finalised, and `opened` what its claim has (`RoundLedger.claimOf`).
    /// @dev The seed is keccak256(abi.encode(hash of the block before, chain id, this contract, job, round, claim)).
    function openScoring(uint32 job, uint32 round, bytes32 opened, IRoundLedger.Aggregate calldata aggregate) external;

    /// @notice Commits the caller, a scorer, to its scores: once, until the deadline's second or until every scorer has.
    /// This call and the next take no contract's word: the caller must be the transaction's signer.
    /// @param commitment keccak256(abi.encode(chain id, this contract, job, round, scorer, salt, hash of the scores))
    function commitScores(uint32 job, uint32 round, bytes32 commitment) external;

    /// @notice Reveals what the caller's key committed to, even if the key was retired meanwhile.
    /// @dev After the time to commit, or once every scorer has committed; until the deadline's second.
    function revealScores(uint32 job, uint32 round, bytes32 salt, bytes calldata scores) external;

    /// @notice Gives the next updates their scores; anyone may, once nobody can reveal any more. The call that reaches the
    /// last update ends the scoring.
    /// @param start how many updates have their scores before
    /// @param scores for each scorer that revealed, in the order of the reveals, what it revealed for these updates, then
    /// the hash of its scores after them: its key, as a word, where there are none
    /// @param medians the lower median for each update: of k scores in ascending order the one at place (k - 1) / 2. A
    /// multiple of 32 of them, or all that are left.
    function settleScores(uint32 job, uint32 round, uint8 start, bytes calldata scores, bytes calldata medians) external;

    /// @notice Ends a scoring in which too few revealed; anyone may, once nobody can reveal any more. Where enough did,
    /// it stays as long again after `revealDeadline` as they had for revealing, so that anyone can settle.
    function voidScoring(uint32 job, uint32 round) external;

    /// @notice A settled scoring in one word; zero for a round that has no scores.
    /// @dev It starts as keccak256(abi.encode(job, round, seed, withheld, revealed, shown)), where `revealed` says who
    /// revealed, as `withheld` does, and `shown` is the seed, made by each reveal the keccak256 of itself followed by the
    /// hash of the scores. Each chunk of medians makes it the keccak256 of itself followed by the chunk.
    function rootOf(uint32 job, uint32 round) external view returns (bytes32 root);

    /// @notice The latest scoring of a job, all zero before the first: with its seed until the first medians are settled,
    /// and with who committed and who revealed, bit i for member i.
    function scoringOf(uint32 job)
        external
        view
        returns (Scoring memory scoring, Phase phase, bytes32 seed, bytes32 committed, bytes32 revealed);

    /// @notice The ledger whose rounds are scored here.
    function ledger() external view returns (address);

    /// @notice The consortium whose members score.
    function consortium() external view returns (address);
}
