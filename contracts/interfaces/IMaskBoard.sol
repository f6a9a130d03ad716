// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Masks of rounds
/// @notice Where the members of masked jobs say what masks need: keys, set-ups, the cast of each segment, the set of
/// each round, seeds and shares. docs/spec/contracts.md and docs/spec/masks.md tell it in words; what a seed, a share
/// or a set-up is worth, everyone recomputes.
///
/// A segment, of R rounds: opened -> set up -> cast proposed -> fixed
///                            ^ no cast in time    |
///                            +--------------------+
/// A masked round, beside that of `RoundLedger`: set proposed -> fixed -> unmasked -> shares given
/// A proposal that lapsed is followed by another aggregator's.
/// @dev A segment has one cast and a round one set, ever. Of a member in the set only its self seed is taken, from
/// itself or in shares; of one outside it only shares of its round key. The set decides which of the two a share is of,
/// so no statement here can ask for both secrets of a member, or give them.
interface IMaskBoard {
    /// @notice The terms of a masked job; its document says the same, and the audit compares.
    /// @param segment how many rounds, R, one set-up is for; 1 to 256
    /// @param smallest how many members a set has at least; 3 or more
    /// @param threshold how many shares rebuild a secret, raised to more than half of the segment's roster where it is
    /// less; 0 for two thirds of the roster, rounded down, and one more
    /// @param setUpSeconds time to publish set-ups after a segment is opened; less where all did before
    /// @param setSeconds the time that members have to agree with a cast or set; that the round's opener has, alone, to
    /// propose a set; and that aggregators have to propose a cast before the segment may be opened again
    /// @param unmaskSeconds time to unmask after the set is fixed
    /// @param shareSeconds time after that to give shares of what is missing
    struct Masking {
        uint16 segment;
        uint8 smallest;
        uint8 threshold;
        uint32 setUpSeconds;
        uint32 setSeconds;
        uint32 unmaskSeconds;
        uint32 shareSeconds;
    }

    /// @notice How far members are with a cast or a set.
    /// @param number of the segment, or of the round
    /// @param epoch the consortium's epoch when the segment, or the round, was opened: its electorate
    /// @param deadline last second to agree with what is proposed; of the time to set up, while there is no proposal of a
    /// cast; to unmask, once a set is fixed
    /// @param majority how many members fix it: more than half of those there were in the epoch
    /// @param proposer member index of who proposed it
    /// @param proposals how many were proposed
    /// @param isFixed whether it is fixed
    struct Agreement {
        uint32 number;
        uint32 epoch;
        uint40 deadline;
        uint8 majority;
        uint8 proposer;
        uint8 proposals;
        bool isFixed;
    }

    /// @notice The job is masked.
    event MaskingConfigured(uint32 indexed job, Masking terms);
    /// @notice A member named the X25519 key that others seal shares to; the latest counts.
    /// @dev Readers refuse a point of low order.
    event MaskKeyRegistered(address indexed member, bytes32 key);
    /// @notice An aggregator opened a segment of the job: segment s, from 1, has the R rounds after the first (s - 1) ·
    /// R. `roster` are the active members with a mask key: bit i for member i. Set-ups of an earlier roster of the
    /// segment count no more.
    /// @param deadline last second of the time to set up
    event SegmentOpened(
        uint32 indexed job, uint32 indexed segment, address indexed aggregator, uint256 roster, uint40 deadline
    );
    /// @notice A participant published its set-up of a segment. A member's first after the `SegmentOpened` with this
    /// deadline counts, until the cast is fixed: readers of the log see to that, and the cast settles it.
    /// @param deadline that of the opening it is for
    /// @param cid digest of the set-up file's CID
    event SegmentSetUp(
        uint32 indexed job, uint32 indexed segment, address indexed member, uint40 deadline, bytes32 cid
    );
    /// @notice An aggregator proposed whose set-ups count: bit i for member i. It counts as its own agreement.
    event CastProposed(
        uint32 indexed job, uint32 indexed segment, address indexed aggregator, uint256 cast, uint40 deadline
    );
    event CastAgreed(uint32 indexed job, uint32 indexed segment, address indexed member);
    /// @notice A majority agrees: this is the segment's cast, and no other ever is.
    event CastFixed(uint32 indexed job, uint32 indexed segment, uint256 cast);
    /// @notice An aggregator proposed whose updates are summed: bit i for member i. It counts as its own agreement.
    /// @param receipts SHA-256 of the receipts file that the round's aggregate will name
    event SetProposed(
        uint32 indexed job,
        uint32 indexed round,
        address indexed aggregator,
        uint256 set,
        bytes32 receipts,
        uint40 deadline
    );
    event SetAgreed(uint32 indexed job, uint32 indexed round, address indexed member);
    /// @notice A majority agrees: this is the round's set, and no other ever is.
    event SetFixed(
        uint32 indexed job, uint32 indexed round, uint256 set, uint40 unmaskDeadline, uint40 shareDeadline
    );
    /// @notice A member of the set revealed its self seed, and its shares of the round keys of the cast's other
    /// members.
    event Unmasked(uint32 indexed job, uint32 indexed round, address indexed member, bytes32 seed, bytes shares);
    /// @notice A member gave its shares: of the self seeds of members in the set, and of the round keys of the cast's
    /// other members.
    event SharesGiven(uint32 indexed job, uint32 indexed round, address indexed member, bytes shares);
    /// @notice A member of the set of a round without a model revealed its round key, and so its update of that round.
    event UpdateUnmasked(uint32 indexed job, uint32 indexed round, address indexed member, bytes32 key);

    error MaskBoard_InvalidTerms();
    error MaskBoard_NotProposer(address caller, address proposer);
    error MaskBoard_JobOpen(uint32 job);
    error MaskBoard_AlreadyConfigured(uint32 job);
    error MaskBoard_NotMasked(uint32 job);
    error MaskBoard_NotOrigin(address caller, address origin);
    error MaskBoard_RoleMissing(address key, uint8 role);
    error MaskBoard_NotInElectorate(address key, uint32 since, uint32 epoch);
    error MaskBoard_ZeroKey();
    error MaskBoard_ZeroDigest();
    error MaskBoard_WrongSegment(uint32 job, uint32 segment, uint32 current);
    error MaskBoard_SegmentOpen(uint32 segment, uint256 until);
    error MaskBoard_TooFew(uint256 members, uint256 least);
    error MaskBoard_NotInRoster(uint256 members);
    error MaskBoard_NoCast(uint32 job, uint32 segment);
    error MaskBoard_NotInCast(uint256 members);
    error MaskBoard_NotOpened(uint256 members);
    error MaskBoard_WrongRound(uint32 job, uint32 round, uint32 current);
    error MaskBoard_WrongPhase(uint32 job, uint32 round);
    error MaskBoard_NotYourTurn(address aggregator, uint8 opener, uint256 until);
    error MaskBoard_ProposalLapsed(uint32 number, address aggregator);
    error MaskBoard_NothingProposed(uint32 number);
    error MaskBoard_AlreadyFixed(uint32 number);
    error MaskBoard_AlreadyAgreed(uint32 number, address member);
    error MaskBoard_WrongMembers(uint256 members, uint256 proposed);
    error MaskBoard_SetNotFixed(uint32 job, uint32 round);
    error MaskBoard_NotInSet(uint32 job, uint32 round, address member);
    error MaskBoard_AlreadyUnmasked(uint32 job, uint32 round, address member);
    error MaskBoard_AlreadyGave(uint32 job, uint32 round, address member);
    error MaskBoard_InvalidShares(uint256 length);
    error MaskBoard_WrongShare(uint256 place, uint8 index);
    error MaskBoard_DeadlinePassed(uint40 deadline, uint256 time);
    error MaskBoard_DeadlineNotPassed(uint40 deadline, uint256 time);
    error MaskBoard_HasModel(uint32 job, uint32 round);

    /// @notice Makes a job masked: once, by its proposer, before it is open. Who approves the job looks here first.
    /// @dev Here and in every other statement the caller must be the transaction's origin (`MaskBoard_NotOrigin`).
    function configure(uint32 job, Masking calldata terms) external;

    /// @notice Registers the caller's X25519 mask key, not zero. Kept in the log only, but for the fact that there is
    /// one.
    function registerKey(bytes32 key) external;

    /// @notice Opens the segment of the job's next round, while it has no cast, or the one after it, once it has one; the
    /// caller is an aggregator. The roster must have as many members as a cast.
    /// @dev One segment of a job is being set up at a time. It gives way to a later one, or is opened again with another
    /// roster, where no cast was proposed for `setSeconds` after the time to set up, or after the last proposal lapsed.
    /// So an aggregator that opens it again and again interrupts nobody who proposes in time.
    function openSegment(uint32 job, uint32 segment) external;

    /// @notice Publishes the caller's set-up of a segment of a job, until a deadline's second; the caller is a
    /// participant. Kept in the log only, and compared with no segment: it counts for the opening with this deadline.
    /// @param deadline that of the segment's latest opening
    function setUp(uint32 job, uint32 segment, uint40 deadline, bytes32 cid) external;

    /// @notice Proposes the cast of the segment that is being set up: members of its roster, at least 3, `smallest` and
    /// as many as rebuild a secret. It lives for `setSeconds`, and until the end of the time to set up at least.
    /// @dev Any aggregator may, from the opening on; then as `proposeSet`. Before the end of the time to set up, members
    /// agree with nothing less than all that could set up. One that lapses then has cost no time.
    function proposeCast(uint32 job, uint32 segment, uint256 cast) external;

    /// @notice Agrees with the cast that is proposed: once, until the deadline's second. A majority of the members that
    /// there were when the segment was opened fixes it.
    function agreeCast(uint32 job, uint32 segment, uint256 cast) external;

    /// @notice Proposes the set of the round: members of its segment's cast whose updates are open. It lives for
    /// `setSeconds`.
    /// @param receipts SHA-256 of the receipts file that the aggregate will name. Kept in the log only
    /// @dev After Opening, and `unmaskSeconds` after the end of a round whose set has no model: the opener alone for
    /// `setSeconds`, unless an attempt was made, then any aggregator. While a set can be agreed with no other is proposed. One that a majority did not agree with by then has lapsed, with all
    /// that was agreed: nothing was revealed yet. Another aggregator proposes then, none whose set lapsed in this
    /// round.
    function proposeSet(uint32 job, uint32 round, uint256 set, bytes32 receipts) external;

    /// @notice Agrees with the set that is proposed: once, until the deadline's second. A majority fixes it.
    /// @dev A key that acted here in the round's epoch is not looked up again: so a key that was retired or removed
    /// while a round is open may go on in that round, as it may commit to it, and in no later one. A new key starts
    /// with the next.
    function agreeSet(uint32 job, uint32 round, uint256 set) external;

    /// @notice Reveals the caller's self seed, once the set that it is in is fixed: once, until the deadline's second.
    /// @param shares for each of some members of the cast outside the set, by ascending index, 33 bytes: the index, and
    /// the caller's share of that member's round key. Members whose share the caller was not dealt are left out
    function unmask(uint32 job, uint32 round, bytes32 seed, bytes calldata shares) external;

    /// @notice Gives shares, after the time to unmask: of the self seeds of members in the set that did not, or showed a
    /// false one, and of the round keys of the cast's members outside the set: once, all in one call. Kept in the log only.
    /// @param shares as in `unmask`, for members of either kind
    function giveShares(uint32 job, uint32 round, bytes calldata shares) external;

    /// @notice Reveals the caller's round key of a round that ended without a model, and whose set it is in: until
    /// another set is proposed in the job, which is `unmaskSeconds` later or more.
    function open(uint32 job, uint32 round, bytes32 key) external;

    /// @notice The terms of a masked job; all zero where it is not masked.
    function termsOf(uint32 job) external view returns (Masking memory);

    /// @notice The members that registered a mask key, active or not: bit i for member i.
    function keyed() external view returns (uint256);

    /// @notice The cast of a segment; zero until it is fixed.
    function castOf(uint32 job, uint32 segment) external view returns (uint256);

    /// @notice The segment of a job that was opened last, all zero before the first: with its roster, the cast that is
    /// proposed, and who agreed with it until it was fixed.
    function segmentOf(uint32 job)
        external
        view
        returns (Agreement memory agreement, uint256 roster, uint256 cast, uint256 agreed);

    /// @notice The latest round of a job for which a set was proposed, all zero before the first: with its set, who
    /// agreed with it until it was fixed, and who of it has not unmasked since.
    function setOf(uint32 job)
        external
        view
        returns (Agreement memory agreement, uint256 set, uint256 agreed, uint256 silent);

    /// @notice The ledger whose rounds are masked here.
    function ledger() external view returns (address);

    /// @notice The consortium whose members act here.
    function consortium() external view returns (address);
}
