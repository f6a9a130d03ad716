// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Masks of rounds
/// @notice Where the members of masked jobs say what masks need: keys, set-ups, the set of each round, seeds and shares.
/// docs/spec/contracts.md tells it in words; what a seed, a share or a set-up is worth, everyone recomputes.
///
/// A masked round, beside that of `RoundLedger`: proposed -> fixed -> unmasked -> shares given
///                                                   ^ lapsed | by another aggregator
///                                                   +--------+
/// @dev A round has one set, ever. Of a member in the set only its self seed is taken, from itself or in shares; of one
/// outside it only shares of its round key. The set decides which of the two a share is of, so no statement here can ask
/// for both secrets of a member, or give them.
interface IMaskBoard {
    /// @notice The terms of a masked job; its document says the same, and the audit compares. The contract holds rounds to
    /// `smallest` and the times; what follows from the other two, members and audit see to.
    /// @param segment how many rounds, R, one set-up is for
    /// @param smallest how many members a set has at least; 3 or more
    /// @param threshold how many shares rebuild a secret; 0 for two thirds of the segment's members, and one more
    /// @param setSeconds the time that the round's opener has, alone, to propose a set; and members to agree with one
    /// @param unmaskSeconds time to unmask after the set is fixed
    /// @param shareSeconds time after that to give shares of the self seeds that are missing
    struct Masking {
        uint16 segment;
        uint8 smallest;
        uint8 threshold;
        uint32 setSeconds;
        uint32 unmaskSeconds;
        uint32 shareSeconds;
    }

    /// @notice The latest round of a job for which a set was proposed.
    /// @param round number of the round
    /// @param epoch the consortium's epoch when the round was opened: its electorate
    /// @param deadline last second to agree with the set; to unmask, once it is fixed
    /// @param shareDeadline last second to give shares; 0 until the set is fixed
    /// @param majority how many members fix a set: more than half of those there were when the round was opened
    /// @param proposer member index of who proposed the set
    /// @param proposals how many sets were proposed in the round
    /// @param unmaskSeconds as in the job's terms; so the next
    struct Masked {
        uint24 round;
        uint32 epoch;
        uint40 deadline;
        uint40 shareDeadline;
        uint8 majority;
        uint8 proposer;
        uint8 proposals;
        uint32 unmaskSeconds;
        uint32 shareSeconds;
    }

    /// @notice The job is masked.
    event MaskingConfigured(uint32 indexed job, Masking terms);
    /// @notice A member named the X25519 key that others seal shares to; the latest counts.
    event MaskKeyRegistered(address indexed member, bytes32 key);
    /// @notice A participant published its set-up of a segment of the job: segment s, from 1, has the rounds after the
    /// first (s - 1) · R, of R rounds. A member's first counts, and only one before the segment's first round was opened:
    /// readers of the log see to both.
    /// @param digest SHA-256 of the set-up file
    /// @param cid digest of its CID
    event SegmentSetUp(
        uint32 indexed job, uint32 indexed segment, address indexed member, bytes32 digest, bytes32 cid
    );
    /// @notice An aggregator proposed whose updates are summed: bit i for member i. It counts as its own agreement.
    event SetProposed(
        uint32 indexed job, uint32 indexed round, address indexed aggregator, uint256 set, uint40 deadline
    );
    event SetAgreed(uint32 indexed job, uint32 indexed round, address indexed member);
    /// @notice A majority agrees: this is the round's set, and no other ever is.
    event SetFixed(
        uint32 indexed job, uint32 indexed round, uint256 set, uint40 unmaskDeadline, uint40 shareDeadline
    );
    /// @notice A member of the set revealed its self seed, and its shares of the round keys of members outside the set.
    event Unmasked(uint32 indexed job, uint32 indexed round, address indexed member, bytes32 seed, bytes shares);
    /// @notice A member gave its shares of the self seeds of members in the set that did not unmask.
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
    error MaskBoard_ZeroSegment();
    error MaskBoard_WrongRound(uint32 job, uint32 round, uint32 current);
    error MaskBoard_WrongPhase(uint32 job, uint32 round);
    error MaskBoard_NotYourTurn(address aggregator, uint8 opener, uint256 until);
    error MaskBoard_ProposalOpen(uint32 job, uint32 round, uint40 deadline);
    error MaskBoard_ProposalLapsed(uint32 job, uint32 round, address aggregator);
    error MaskBoard_SetTooSmall(uint256 members, uint256 smallest);
    error MaskBoard_NotOpened(uint256 members);
    error MaskBoard_SetFixed(uint32 job, uint32 round);
    error MaskBoard_SetNotFixed(uint32 job, uint32 round);
    error MaskBoard_WrongSet(uint256 set, uint256 proposed);
    error MaskBoard_AlreadyAgreed(uint32 job, uint32 round, address member);
    error MaskBoard_NotInSet(uint32 job, uint32 round, address member);
    error MaskBoard_AlreadyUnmasked(uint32 job, uint32 round, address member);
    error MaskBoard_InvalidShares(uint256 length);
    error MaskBoard_WrongShare(uint256 place, uint8 index);
    error MaskBoard_DeadlinePassed(uint40 deadline, uint256 time);
    error MaskBoard_DeadlineNotPassed(uint40 deadline, uint256 time);
    error MaskBoard_HasModel(uint32 job, uint32 round);

    /// @notice Makes a job masked: once, by its proposer, before it is open. Who approves the job looks here first.
    /// @dev Here and in every other statement the caller must be the transaction's origin (`MaskBoard_NotOrigin`).
    function configure(uint32 job, Masking calldata terms) external;

    /// @notice Registers the caller's X25519 mask key, not zero. Kept in the log only.
    function registerKey(bytes32 key) external;

    /// @notice Publishes the caller's set-up of a segment of a job, from 1; the caller is a participant. Kept in the log
    /// only.
    function setUp(uint32 job, uint32 segment, bytes32 digest, bytes32 cid) external;

    /// @notice Proposes the set of the round: members whose updates are open. It lives for `setSeconds`.
    /// @dev After Opening: the opener alone for `setSeconds`, unless an attempt was made, then any aggregator. While a set
    /// can be agreed with no other is proposed. One that a majority did not agree with by then has lapsed, with all that
    /// was agreed: nothing was revealed yet. Another aggregator proposes then, none whose set lapsed in this round.
    function proposeSet(uint32 job, uint32 round, uint256 set) external;

    /// @notice Agrees with the set that is proposed: once, until the deadline's second. A majority fixes it.
    /// @dev A key that acted here in the round's epoch is not looked up again: so a key that was retired or removed while
    /// a round is open may go on in that round, as it may commit to it, and in no later one. A new key starts with the next.
    function agreeSet(uint32 job, uint32 round, uint256 set) external;

    /// @notice Reveals the caller's self seed, once the set that it is in is fixed: once, until the deadline's second.
    /// @param shares for each of some members outside the set, by ascending index, 33 bytes: the index, and the caller's
    /// share of that member's round key
    function unmask(uint32 job, uint32 round, bytes32 seed, bytes calldata shares) external;

    /// @notice Gives shares of the self seeds of members in the set that did not unmask in time. Kept in the log only; a
    /// share that is given again says nothing new.
    /// @param shares as in `unmask`, for members in the set that did not unmask
    function giveShares(uint32 job, uint32 round, bytes calldata shares) external;

    /// @notice Reveals the caller's round key of a round that ended without a model, and whose set it is in: until another
    /// set is proposed in the job.
    function open(uint32 job, uint32 round, bytes32 key) external;

    /// @notice The terms of a masked job; all zero where it is not masked.
    function termsOf(uint32 job) external view returns (Masking memory);

    /// @notice The latest round of a job for which a set was proposed, all zero before the first: with its set, and who
    /// agreed with it and who of it has not unmasked, bit i for member i.
    function maskedOf(uint32 job)
        external
        view
        returns (Masked memory masked, uint256 set, uint256 agreed, uint256 silent);

    /// @notice The ledger whose rounds are masked here.
    function ledger() external view returns (address);

    /// @notice The consortium whose members act here.
    function consortium() external view returns (address);
}
