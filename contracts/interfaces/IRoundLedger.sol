// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Jobs, rounds, updates, aggregates and attestations
/// @notice The on-chain specification of a training job's life; docs/spec/round.md tells it in words. Bytes live in
/// content stores; here are their digests. Rounds of one job follow each other; jobs run side by side.
///
/// A round: Collecting -> Attesting -> Finalised
///                          | refuted: Aggregating -> Attesting ... until `attempts` are used up -> Refuted
///                          | agreed that no model can be made -> Abandoned
/// and Abandoned from every phase whose deadline passed.
interface IRoundLedger {
    enum Phase {
        None,
        Collecting,
        Attesting,
        Aggregating,
        Finalised,
        Refuted,
        Abandoned
    }

    enum Reason {
        None,
        TooFewUpdates,
        NoAggregate,
        NoQuorum
    }

    /// @notice What the contract itself enforces of a job; the job's document says the same, and the audit compares.
    /// @param rounds how many rounds may be opened
    /// @param updateSeconds time to submit updates after a round opens
    /// @param aggregateSeconds time the round's opener has, alone, to publish; then as long again for every aggregator
    /// @param attestSeconds time to attest after an aggregate is published
    /// @param attempts how many aggregates of one round may be refuted before the round ends as Refuted
    /// @param scoreSeconds time to commit to scores after a scoring opens; 0, like the next two, in a job without scores
    /// @param revealSeconds time to reveal them after that
    /// @param scorers how many scorers must reveal, or the round has no scores
    struct Terms {
        uint32 rounds;
        uint32 updateSeconds;
        uint32 aggregateSeconds;
        uint32 attestSeconds;
        uint8 attempts;
        uint32 scoreSeconds;
        uint32 revealSeconds;
        uint8 scorers;
    }

    /// @notice The current round of a job. `submitUpdate` reads this one word.
    /// @param round number of the round, from 1
    /// @param epoch the consortium's epoch when the round was opened: its electorate
    /// @param since first round of the job that was opened in that epoch
    /// @param deadline end of the present phase (Collecting: last second for updates), in seconds since 1970
    /// @param phase where the round is
    /// @param members how many members were active when the round was opened
    /// @param attempt number of the latest aggregate published, from 1; 0 before any
    struct Round {
        uint32 round;
        uint32 epoch;
        uint32 since;
        uint40 deadline;
        Phase phase;
        uint8 members;
        uint8 attempt;
    }

    /// @notice Member `proposer` proposed the job whose document has SHA-256 `digest` (also its CID's digest).
    event JobProposed(uint32 indexed job, bytes32 indexed digest, address indexed proposer, Terms terms);
    event JobApproved(uint32 indexed job, address indexed member, uint8 approvals);
    event JobOpened(uint32 indexed job, uint32 epoch);
    /// @notice No more rounds of the job are opened; the current one goes on to its end.
    event JobClosed(uint32 indexed job);
    event RoundOpened(
        uint32 indexed job, uint32 indexed round, address indexed opener, uint32 epoch, uint40 deadline
    );
    /// @notice A participant registered its update.
    /// @param weight number of samples the update stands for
    /// @param root tensor root (RFC 6962, SHA-256) of the update's integers
    /// @param cid SHA-256 digest of the update's CID
    event UpdateSubmitted(
        uint32 indexed job, uint32 indexed round, address indexed party, uint32 weight, bytes32 root, bytes32 cid
    );
    /// @notice An aggregator published the round's outcome.
    /// @param root tensor root of the global model; zero where too few updates were admitted for any model
    /// @param cid digest of the global model's CID; zero with `root`
    /// @param verdicts one byte for each update, by ascending member index: 0 admitted, else the reason of refusal
    event AggregatePublished(
        uint32 indexed job,
        uint32 indexed round,
        address indexed aggregator,
        uint8 attempt,
        bytes32 root,
        bytes32 cid,
        bytes verdicts,
        uint40 deadline
    );
    /// @notice A member recomputed the round and got `claim`; `agrees` says whether that is the published one.
    event Attested(
        uint32 indexed job, uint32 indexed round, address indexed member, uint8 attempt, bytes32 claim, bool agrees
    );
    event AggregateRefuted(uint32 indexed job, uint32 indexed round, address indexed aggregator, uint8 attempt);
    event RoundFinalised(uint32 indexed job, uint32 indexed round, uint8 attempt, bytes32 root, bytes32 cid);
    event RoundRefuted(uint32 indexed job, uint32 indexed round);
    event RoundAbandoned(uint32 indexed job, uint32 indexed round, Reason reason);

    error RoundLedger_InvalidTerms();
    error RoundLedger_UnknownJob(uint32 job);
    error RoundLedger_JobNotOpen(uint32 job);
    error RoundLedger_JobClosed(uint32 job);
    error RoundLedger_NotBallots(address caller);
    error RoundLedger_JobComplete(uint32 job, uint32 rounds);
    error RoundLedger_NotOrigin(address caller, address origin);
    error RoundLedger_WrongDigest(uint32 job, bytes32 expected, bytes32 actual);
    error RoundLedger_AlreadyApproved(uint32 job, address member);
    error RoundLedger_RoleMissing(address key, uint8 role);
    error RoundLedger_NotInElectorate(address key, uint32 since, uint32 epoch);
    error RoundLedger_WrongPhase(uint32 job, Phase phase);
    error RoundLedger_WrongRound(uint32 job, uint32 round, uint32 current);
    error RoundLedger_WrongAttempt(uint32 job, uint8 attempt, uint8 current);
    error RoundLedger_DeadlinePassed(uint40 deadline, uint256 time);
    error RoundLedger_DeadlineNotPassed(uint40 deadline, uint256 time);
    error RoundLedger_AlreadySubmitted(uint32 job, uint32 round, address party);
    error RoundLedger_ZeroWeight();
    error RoundLedger_UpdatesMissing(uint32 job, uint32 round, address party);
    error RoundLedger_NotYourTurn(address aggregator, address opener, uint40 until);
    error RoundLedger_AggregatorRefuted(address aggregator);
    error RoundLedger_InvalidAggregate();
    error RoundLedger_AlreadyAttested(uint32 job, uint32 round, uint8 attempt, address member);

    /// @notice Proposes a job; the proposer approves it in the same step. Returns its number, from 1.
    /// @dev Here and in `approveJob` the caller must be the transaction's origin (`RoundLedger_NotOrigin`): the signed
    /// transaction then proves who said it. A key with delegated code (EIP-7702), or a contract as member, would act
    /// inside a transaction that somebody else signed.
    function proposeJob(bytes32 digest, Terms calldata terms) external returns (uint32 job);

    /// @notice Approves a proposed job whose document has this SHA-256; with the approval of a majority of the members
    /// it opens. A number alone would approve another document after a reorganisation.
    /// @dev An approval counts while the key that gave it is current. One that comes later is put on record all the same.
    function approveJob(uint32 job, bytes32 digest) external;

    /// @notice Closes a job for good, whether or not it was opened. For `Ballots` only.
    function closeJob(uint32 job) external;

    /// @notice Opens the job's next round, with the caller (an aggregator) as the first to aggregate it.
    function openRound(uint32 job) external;

    /// @notice Registers the caller's update: once per member and round, until the deadline's second.
    /// @dev A key that submitted to the job in the round's epoch is not looked up again. So a key retired while a round
    /// is open may still submit to that round, and to no later one; the new key starts with the next round.
    function submitUpdate(uint32 job, uint32 round, uint32 weight, bytes32 root, bytes32 cid) external;

    /// @notice Publishes the outcome of the round. It counts as the caller's own attestation.
    /// @dev From Collecting: once every participant of an unchanged electorate has submitted, or after the deadline;
    /// the opener alone until `deadline + aggregateSeconds`, any aggregator until `deadline + 2 * aggregateSeconds`.
    /// From Aggregating: any aggregator not refuted in this round, until the phase's deadline.
    function publishAggregate(uint32 job, uint32 round, bytes32 root, bytes32 cid, bytes calldata verdicts) external;

    /// @notice Attests what the caller itself computed for the round: `claimOf` its own root, CID and verdicts.
    /// @dev Equal to the published claim it counts for, else against. A majority for finalises, or ends the round as
    /// Abandoned where the claim is that there is no model; when a majority for has become impossible, the aggregate is
    /// refuted. A key must have spoken for its member when the round was opened.
    function attest(uint32 job, uint32 round, uint8 attempt, bytes32 claim) external;

    /// @notice Ends a round whose phase's deadline passed; any member may. The contract names the reason.
    /// @dev Collecting may last until `deadline + 2 * aggregateSeconds`, while aggregators may still publish.
    function abandonRound(uint32 job, uint32 round) external;

    /// @notice What an aggregate claims: keccak256(abi.encode(job, round, root, cid, keccak256(verdicts))).
    function claimOf(uint32 job, uint32 round, bytes32 root, bytes32 cid, bytes calldata verdicts)
        external
        pure
        returns (bytes32);

    /// @notice The consortium whose members act here.
    function consortium() external view returns (address);

    /// @notice How many jobs were proposed.
    function jobs() external view returns (uint32);

    /// @notice Digest and terms of a job, and whether it is open.
    function jobOf(uint32 job) external view returns (bytes32 digest, Terms memory terms, bool open);

    /// @notice The current round of a job; all zero before the first.
    function roundOf(uint32 job) external view returns (Round memory);

    /// @notice The tensor root of the model that a round finalised; zero if it finalised none.
    function modelOf(uint32 job, uint32 round) external view returns (bytes32 root);

    /// @notice The claim of the aggregate that a round finalised; zero if it finalised none.
    function finalClaimOf(uint32 job, uint32 round) external view returns (bytes32 claim);

    /// @notice The hash chain over all that `party` submitted to `job`, and the last round it submitted to.
    /// @dev head' = bytes28(keccak256(abi.encode(head, job, round, weight, root, cid))), from zero.
    function headOf(uint32 job, address party) external view returns (bytes28 head, uint32 round);
}
