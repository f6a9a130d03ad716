// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Jobs, rounds, updates, aggregates and attestations
/// @notice The on-chain specification of a training job's life; docs/spec/round.md tells it in words. Bytes live in
/// content stores; here are their digests. Rounds of one job follow each other; jobs run side by side.
///
/// A round: Collecting -> Opening -> Aggregating -> Attesting -> Finalised
///                                        ^ attempt failed |
///                                        +----------------+-> Refuted, when the last attempt failed by votes
/// and Abandoned where a deadline passes, or members agree that no model can be made.
/// @dev Collecting leads to Opening, and Opening to Aggregating, by time alone or as soon as nobody is missing; in a job
/// with a buffer Collecting ends with the commitment that fills it, and who comes later commits to the next round. What
/// follows from time is not stored: `roundOf` says what was stored last, and every call works out what is the case now.
interface IRoundLedger {
    enum Phase {
        None,
        Collecting,
        Opening,
        Aggregating,
        Attesting,
        Finalised,
        Refuted,
        Abandoned
    }

    enum Reason {
        None,
        TooFewUpdates,
        NoAggregate,
        NoQuorum,
        BaseConvicted
    }

    /// @notice What a member attests: that it computed the published claim; that it computed another one; or that it
    /// lacks bytes that the published one was made of.
    enum Form {
        Agree,
        Other,
        Missing
    }

    /// @notice What the contract itself enforces of a job; the job's document says the same, and the audit compares.
    /// @param rounds how many rounds may be finalised
    /// @param updateSeconds time to commit to updates after a round opens
    /// @param openSeconds time to open them after that
    /// @param aggregateSeconds time the round's opener has, alone, to publish; then as long again for every aggregator
    /// @param attestSeconds time to attest after an aggregate is published
    /// @param attempts how many aggregates of one round may fail before the round ends
    /// @param scoreSeconds time to commit to scores after a scoring opens; 0, like the next two, in a job without scores
    /// @param revealSeconds time to reveal them after that
    /// @param scorers how many scorers must reveal, or the round has no scores; 64 at most, as many as commit
    /// @param buffer after how many commitments a round collects no more; 0, or more than there are participants, for
    /// all of them
    struct Terms {
        uint32 rounds;
        uint32 updateSeconds;
        uint32 openSeconds;
        uint32 aggregateSeconds;
        uint32 attestSeconds;
        uint8 attempts;
        uint32 scoreSeconds;
        uint32 revealSeconds;
        uint8 scorers;
        uint8 buffer;
    }

    /// @notice What the job's document says of its models, for all who judge one by the ledger alone; the contract
    /// uses `initial` only, and the audit compares all of it with the document.
    /// @param initial tensor root of the model that the first round builds on
    /// @param values how many integers a model has
    /// @param rule how updates become a model: 0 weighted mean, 1 median, 2 trimmed mean, 3 multi-Krum, 4 geometric
    /// median, 5 centred clipping
    /// @param trim how many values the trimmed mean leaves out at each end, or how many updates multi-Krum does; else 0
    /// @param minUpdates how many updates must be admitted
    /// @param maxWeight the largest weight of an update
    /// @param maxValue the largest magnitude of an update's integer
    /// @param maxNorm the largest Euclidean norm of an update
    /// @param byValue whether each value of a model follows from the same values of its base and of the admitted updates
    /// alone, under rule 0, 1 or 2: only then can `AggregateCourt` judge it
    struct Model {
        bytes32 initial;
        uint64 values;
        uint8 rule;
        uint8 trim;
        uint32 minUpdates;
        uint32 maxWeight;
        uint32 maxValue;
        uint64 maxNorm;
        bool byValue;
    }

    /// @notice The current round of a job. `commitUpdate` reads and writes this one word, and one of the party.
    /// @param round number of the round, from 1; abandoned ones count
    /// @param since first round of the job that was opened in the same epoch
    /// @param epoch the consortium's epoch when the round was opened: its electorate
    /// @param deadline last second of the phase, in seconds since 1970
    /// @param phase where the round was when it was stored last
    /// @param members how many members were active when the round was opened
    /// @param participants how many of them were participants
    /// @param aggregators how many of them were aggregators
    /// @param committed how many participants committed to an update
    /// @param opened how many of these updates were opened
    /// @param attempt number of the latest aggregate published, from 1; 0 before any
    /// @param agreeing how many members agree with it, its aggregator included
    /// @param against how many attested another claim, or that bytes are missing
    /// @param aggregator member index of who published it
    /// @param openedIn number of the block in which an update was opened last
    /// @param target after how many commitments it collects no more: the job's buffer, or `participants` where fewer
    struct Round {
        uint24 round;
        uint24 since;
        uint32 epoch;
        uint40 deadline;
        Phase phase;
        uint8 members;
        uint8 participants;
        uint8 aggregators;
        uint8 committed;
        uint8 opened;
        uint8 attempt;
        uint8 agreeing;
        uint8 against;
        uint8 aggregator;
        uint40 openedIn;
        uint8 target;
    }

    /// @notice The current round of a job as it is now, for contracts that act beside it.
    /// @param round number of the round
    /// @param epoch the consortium's epoch when the round was opened
    /// @param phase where the round is, by the time of this block
    /// @param deadline last second of the phase
    /// @param since last second before Aggregating, where there was no attempt; else 0
    /// @param members how many members were active when the round was opened
    /// @param opener member index of who opened it
    /// @param opened how many updates are open
    /// @param latest number of the round that was finalised last; 0 before any
    /// @param endedAt when the round before ended, or this one, in seconds since 1970
    /// @param open whose they are, bit i for member i; every bit but 255 where every participant's is
    struct Present {
        uint24 round;
        uint32 epoch;
        Phase phase;
        uint40 deadline;
        uint40 since;
        uint8 members;
        uint8 opener;
        uint8 opened;
        uint24 latest;
        uint40 endedAt;
        uint256 open;
    }

    /// @notice A job's way so far.
    /// @param opener the key that opened the current round
    /// @param openerIndex its member's index
    /// @param finalised how many rounds were finalised
    /// @param latest number of the round that was finalised last; 0 before any
    /// @param endedAt when the last round ended, in seconds since 1970
    struct Course {
        address opener;
        uint8 openerIndex;
        uint24 finalised;
        uint24 latest;
        uint40 endedAt;
    }

    /// @notice What an aggregator publishes.
    /// @param base tensor root of the model that the round builds on: the one finalised last, or the job's initial one
    /// @param root tensor root of the global model; zero where too few updates were admitted for any model
    /// @param cid digest of the global model's CID; zero with `root`
    /// @param asOf number of a block in which every update of the round was open
    /// @param anchor that block's hash
    /// @param head digest over all events of the eight contracts up to that block (docs/spec/commitments.md)
    /// @param receipts SHA-256 of the receipts file: who signed to hold which update
    /// @param carried SHA-256 of the carried file: what the round carries beside its model; zero where it carries nothing
    /// @param verdicts one byte for each open update, by ascending member index: 0 admitted, else why not
    struct Aggregate {
        bytes32 base;
        bytes32 root;
        bytes32 cid;
        uint40 asOf;
        bytes32 anchor;
        bytes32 head;
        bytes32 receipts;
        bytes32 carried;
        bytes verdicts;
    }

    /// @notice Rounds that stand no more: those from `from` to `to`, of which the first was convicted.
    /// @param before the round that was finalised before them, on which the job went on; 0 for the initial model
    struct Void {
        uint24 from;
        uint24 to;
        uint24 before;
    }

    /// @notice Member `proposer` proposed the job whose document has SHA-256 `digest` (also its CID's digest).
    event JobProposed(
        uint32 indexed job, bytes32 indexed digest, address indexed proposer, Terms terms, Model model
    );
    /// @notice A member approved a job; `approvals` active members did so since the last recovery of a key.
    event JobApproved(uint32 indexed job, address indexed member, uint8 approvals);
    event JobOpened(uint32 indexed job, uint32 epoch);
    /// @notice No more rounds of the job are opened; the current one goes on to its end.
    event JobClosed(uint32 indexed job);
    event RoundOpened(
        uint32 indexed job, uint32 indexed round, address indexed opener, uint32 epoch, uint40 deadline
    );
    /// @notice A participant fixed its update without showing it. `deadline` is the end of the phase that the round is
    /// in after it: Opening where it was the last of all participants or filled the buffer, else Collecting.
    event UpdateCommitted(
        uint32 indexed job, uint32 indexed round, address indexed party, bytes28 commitment, uint40 deadline
    );
    /// @notice Updates were opened: 104 bytes each, `openUpdates` has them. `deadline` is the end of the phase after it:
    /// Aggregating where none is left to be opened, else Opening.
    event UpdatesOpened(uint32 indexed job, uint32 indexed round, uint40 deadline, bytes openings);
    /// @notice An aggregator published the round's outcome. Members attest it until `deadline`.
    event AggregatePublished(
        uint32 indexed job,
        uint32 indexed round,
        address indexed aggregator,
        uint8 attempt,
        Aggregate aggregate,
        uint40 deadline
    );
    /// @notice A member spoke on the attempt.
    /// @param claim what it computed (Agree, Other), or what was published (Missing)
    /// @param detail Agree: its witness; Other: the SHA-256 of its own receipts file; Missing: a bitmap by member index of
    /// the updates that it lacks, bit 255 for the receipts file
    event Attested(
        uint32 indexed job,
        uint32 indexed round,
        address indexed member,
        uint8 attempt,
        Form form,
        bytes32 claim,
        bytes32 detail
    );
    /// @notice The aggregate can have no majority any more, or had none in time. Its aggregator publishes no other in this
    /// round. `deadline` is that of the next attempt; 0 where the round ended.
    event AttemptFailed(uint32 indexed job, uint32 indexed round, uint8 attempt, uint40 deadline);
    event RoundFinalised(uint32 indexed job, uint32 indexed round, uint8 attempt, bytes32 root);
    event RoundRefuted(uint32 indexed job, uint32 indexed round);
    event RoundAbandoned(uint32 indexed job, uint32 indexed round, Reason reason);
    /// @notice `AggregateCourt` showed that the model of a finalised round is not what its claim makes it; `before` is the
    /// round that was finalised before it. No round is opened until the members close or rewind the job.
    event ModelConvicted(uint32 indexed job, uint32 indexed round, uint32 before);
    /// @notice Round `round` is convicted no more: the job goes on from the model of round `latest` (0: the initial one);
    /// all that was finalised after it is void forever.
    event JobRewound(uint32 indexed job, uint32 indexed round, uint32 latest);

    error RoundLedger_InvalidTerms();
    error RoundLedger_InvalidModel();
    error RoundLedger_UnknownJob(uint32 job);
    error RoundLedger_JobNotOpen(uint32 job);
    error RoundLedger_JobClosed(uint32 job);
    error RoundLedger_NotBallots(address caller);
    error RoundLedger_NotCourt(address caller);
    error RoundLedger_Convicted(uint32 job, uint32 round);
    error RoundLedger_NotConvicted(uint32 job);
    error RoundLedger_WrongConviction(uint32 job, uint32 round, uint32 convicted);
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
    error RoundLedger_StrikesToWaitFor(address aggregator, uint8 strikes, uint256 until);
    error RoundLedger_AlreadyCommitted(uint32 job, uint32 round, address party);
    error RoundLedger_NotCommitted(uint32 job, uint32 round, address party);
    error RoundLedger_NotWhatWasCommitted(uint32 job, uint32 round, address party);
    error RoundLedger_ZeroWeight(address party);
    error RoundLedger_InvalidOpenings(uint256 length);
    error RoundLedger_NotYourTurn(address aggregator, address opener, uint40 until);
    error RoundLedger_AggregatorFailed(address aggregator);
    error RoundLedger_InvalidAggregate();
    error RoundLedger_NothingOpened(uint32 job, uint32 round);
    error RoundLedger_WrongBase(bytes32 base, bytes32 expected);
    error RoundLedger_WrongVerdicts(uint256 verdicts, uint256 opened);
    error RoundLedger_WrongBlock(uint40 asOf, uint40 openedIn, uint256 current);
    error RoundLedger_WrongAnchor(uint40 asOf, bytes32 anchor, bytes32 expected);
    error RoundLedger_WrongClaim(bytes32 claim, bytes32 computed);
    error RoundLedger_AlreadyAttested(uint32 job, uint32 round, uint8 attempt, address member);

    /// @notice Proposes a job; the proposer approves it in the same step. Returns its number, from 1.
    /// @dev Here and in every other statement of a party the caller must be the transaction's origin
    /// (`RoundLedger_NotOrigin`): the signed transaction then proves who said it. A key with delegated code (EIP-7702), or
    /// a contract as member, would act inside a transaction that somebody else signed.
    function proposeJob(bytes32 digest, Terms calldata terms, Model calldata model) external returns (uint32 job);

    /// @notice Approves a proposed job whose document has this SHA-256; with the approval of a majority of the members
    /// it opens. A number alone would approve another document after a reorganisation.
    /// @dev An approval is its member's, whatever key it has later. The recovery of anybody's key by the other members
    /// discards the approvals given until then: a thief's dies with the stolen key, and no thief can bring it about.
    function approveJob(uint32 job, bytes32 digest) external;

    /// @notice Closes a job for good, whether or not it was opened. For `Ballots` only, which knows that there is one.
    function closeJob(uint32 job) external;

    /// @notice Lets a job go on from the last model before `round`, the convicted one. For `Ballots` only.
    /// @dev The rounds after it are void forever, and not given back: a job's rounds bound how often data are used. What
    /// was decided of one conviction lifts no other, which nobody knew when it was voted on.
    function rewindJob(uint32 job, uint32 round) external;

    /// @notice Takes it that the claim is false. For `AggregateCourt` only, which showed it.
    /// @param before the round that was finalised before it; 0 before any
    /// @dev An attempt fails at once, whatever was voted. A finalised round stays in the history, convicted like those
    /// built on it, and the round under way is abandoned. What is convicted already, or void, is not convicted again.
    function convict(uint32 job, uint32 round, uint24 before, bytes32 claim) external;

    /// @notice Opens the job's next round, with the caller (an aggregator) as the first to aggregate it.
    /// @dev An aggregator with strikes waits that many times `aggregateSeconds` (8 times at most) after the last round.
    function openRound(uint32 job) external;

    /// @notice Fixes the caller's update: once per member and round, until the deadline's second.
    /// @param commitment `commitmentOf` the update and a salt
    /// @dev A key that committed in the round's epoch is not looked up again. So a key that was retired or removed, or lost
    /// the role, while a round is open may still commit to that round, and to no later one; a new key starts with the next.
    function commitUpdate(uint32 job, uint32 round, bytes28 commitment) external;

    /// @notice Opens updates that parties committed to; anybody may, who knows what is in them.
    /// @param openings for each 104 bytes: the party's key (20), weight (4), tensor root (32), digest of the CID (32), salt
    /// (16). Send 60 at most. One that is open already is passed over; one that is not what its party committed to
    /// reverts the call.
    function openUpdates(uint32 job, uint32 round, bytes calldata openings) external;

    /// @notice Publishes the outcome of the round. It counts as the caller's own attestation.
    /// @dev In Aggregating: before any attempt the opener alone in the first half of the time, then every aggregator, and
    /// the opener is struck; later every aggregator none of whose attempts failed in this round. The block `asOf` must
    /// hold every opening and be one of the last 256, and `anchor` its hash: elsewhere than on the branch of the chain
    /// that the aggregator saw, the call reverts.
    /// @param claim `claimOf` the aggregate and the round's openings: so the signed transaction says all that is claimed,
    /// also the updates that it was made of
    function publishAggregate(uint32 job, uint32 round, Aggregate calldata aggregate, bytes32 claim) external;

    /// @notice Attests what the caller itself computed for the round: once per member and attempt, until the deadline.
    /// @dev Agree takes the published claim only, so that no reorganisation turns a yes into a no; Other takes any but it;
    /// Missing names it. A majority for finalises, or ends the round as Abandoned where the claim is that there is no
    /// model; when a majority for has become impossible, the attempt has failed. Who agrees later, until the deadline and
    /// before the next round, is on record only. A key must have spoken for its member when the round was opened.
    function attest(uint32 job, uint32 round, uint8 attempt, Form form, bytes32 claim, bytes32 detail) external;

    /// @notice Moves a round on whose phase's deadline passed; any member may. Nothing opened: Abandoned (TooFewUpdates). No
    /// aggregate: Abandoned (NoAggregate), and the opener is struck where there was no attempt. No majority: the attempt
    /// has failed; after the last one the round is Refuted where a majority spoke, else Abandoned (NoQuorum).
    function advance(uint32 job, uint32 round) external;

    /// @notice What an aggregate claims: keccak256(abi.encode(keccak256("fedledger/claim/5"), chain id, this contract,
    /// job, round, base, opened, root, cid, asOf, anchor, head, receipts, carried, keccak256(verdicts))).
    /// @param opened `openedOf` the job when the aggregate was published
    function claimOf(uint32 job, uint32 round, bytes32 opened, Aggregate calldata aggregate)
        external
        view
        returns (bytes32);

    /// @notice The running SHA-256 over the updates of the current round in the order in which they were opened: the job's
    /// digest when the round begins; with each call of `openUpdates` that opened any, sha256(before it, and for each update
    /// its member index (1 byte), weight (4), tensor root (32) and what its party had committed to (28)). So who signs a claim signs which document the job has, and under which keys its updates are.
    function openedOf(uint32 job) external view returns (bytes32);

    /// @notice The claim of the attempt that members attest now; zero where they attest none.
    function claimBy(uint32 job) external view returns (bytes32 claim);

    /// @notice The first 28 bytes of keccak256(abi.encode(domain, party, weight, root, cid, salt)), with domain =
    /// keccak256(abi.encode(keccak256("fedledger/update/3"), chain id, this contract, job, round)).
    function commitmentOf(
        uint32 job,
        uint32 round,
        address party,
        uint32 weight,
        bytes32 root,
        bytes32 cid,
        bytes16 salt
    ) external view returns (bytes28);

    /// @notice The consortium whose members act here.
    function consortium() external view returns (address);

    /// @notice The court whose convictions are taken here.
    function court() external view returns (address);

    /// @notice How many jobs were proposed.
    function jobs() external view returns (uint32);

    /// @notice Digest and terms of a job, and whether it is open.
    function jobOf(uint32 job) external view returns (bytes32 digest, Terms memory terms, bool open);

    /// @notice What the ledger says of a job's models.
    function modelTermsOf(uint32 job) external view returns (Model memory);

    /// @notice The current round of a job, as it was stored last; all zero before the first.
    function roundOf(uint32 job) external view returns (Round memory);

    /// @notice The key that proposed a job; zero for one that nobody proposed.
    function proposerOf(uint32 job) external view returns (address);

    /// @notice The current round of a job as it is now; all zero before the first.
    function presentOf(uint32 job) external view returns (Present memory);

    /// @notice A job's way so far.
    function courseOf(uint32 job) external view returns (Course memory);

    /// @notice How many turns and attempts member `index` left or failed, less the rounds that it finalised since.
    function strikesOf(uint32 job, uint8 index) external view returns (uint8);

    /// @notice What `party` committed to last in a job, and in which round.
    function commitmentBy(uint32 job, address party) external view returns (bytes28 commitment, uint32 round);

    /// @notice The tensor root of the model that a round finalised; zero if it finalised none.
    function modelOf(uint32 job, uint32 round) external view returns (bytes32 root);

    /// @notice The claim of the aggregate that was finalised next after that of `round`, or first where `round` is 0; zero
    /// while there is none, and where `round` finalised none. After a void round comes what came after a rewind.
    function claimAfter(uint32 job, uint32 round) external view returns (bytes32 claim);

    /// @notice Whether a round's model is convicted, built on a convicted one, or void.
    function isConvicted(uint32 job, uint32 round) external view returns (bool);

    /// @notice The first convicted round of the job as it stands, and the round that was finalised before it; both 0 where
    /// none is convicted since the last rewind.
    function convictionOf(uint32 job) external view returns (uint24 convicted, uint24 sound);

    /// @notice The rounds that are void, in ascending order.
    function voidOf(uint32 job) external view returns (Void[] memory);
}
