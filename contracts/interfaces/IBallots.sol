// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IReleaseBoard} from "./IReleaseBoard.sol";

/// @title Proposals, and the members' votes on them
/// @notice The one way in which members decide together; docs/spec/ballot.md tells it in words. What passed is carried
/// out by this contract, which is the only caller that `Consortium`, `RoundLedger` and `ReleaseBoard` obey.
///
/// A proposal: Voting -> Rejected
///                    -> Waiting -> Executable -> Executed or Expired
/// and Cancelled from Voting while nobody has voted. A deadline's second is still in time.
/// @dev A proposal is named by the hash of its content, its proposer and its proposer's nonce, so that a vote never
/// counts for another content, not even after the chain was reorganised, and that no other member can take its name.
/// That hash is EIP-712's, of a struct for each kind: what a wallet shows of a proposal is what its name stands for.
/// A member that proposes, votes or cancels by a call does so in a transaction of its own key (`Ballots_NotOrigin`):
/// the signed transaction then proves who said it. A key with delegated code (EIP-7702), or a contract as member, would
/// act inside a transaction that somebody else signed.
interface IBallots {
    enum Kind {
        None,
        AdmitMember,
        RemoveMember,
        ChangeRoles,
        ChangeRules,
        CloseJob,
        Release,
        Revoke,
        RollBack,
        NameSuccessor,
        RewindJob
    }

    enum State {
        None,
        Voting,
        Rejected,
        Waiting,
        Executable,
        Executed,
        Cancelled,
        Expired
    }

    /// @notice Why a vote does not count, or, from SignatureExpired on, a signed proposal is not made.
    /// @param InvalidChoice not 1 (For), 2 (Against) or 3 (Abstain)
    /// @param NotMember the key does not speak for a member (any more)
    /// @param NotInElectorate the key came after the proposal
    /// @param AlreadyVoted the member has voted on the proposal
    /// @param SignatureExpired the signature's own deadline has passed
    /// @param SignatureNotCanonical another form of a signature than the one that `SignedVote` says
    /// @param WrongSigner signed by another key, or another message
    enum Refusal {
        None,
        InvalidChoice,
        NotMember,
        NotInElectorate,
        AlreadyVoted,
        SignatureExpired,
        SignatureNotCanonical,
        WrongSigner
    }

    /// @notice How members decide. A proposal keeps the rules under which it was made.
    /// @param majority more than this part of all members must be For, in 1/10,000: from 5,000 to 6,666, so that all
    /// members but one always suffice
    /// @param voteSeconds time to vote: at least a second, like `executeSeconds`; no time is longer than a year
    /// @param delaySeconds time between the end of the vote and the first second of execution
    /// @param executeSeconds time in which a proposal that passed can be executed
    struct Rules {
        uint16 majority;
        uint32 voteSeconds;
        uint32 delaySeconds;
        uint32 executeSeconds;
    }

    /// @notice A vote that its member signed and anyone may relay: EIP-712 type
    /// `Vote(string choice,RemoveMember removeMember,address member,uint64 deadline)`, and so for each kind, with choice
    /// "For", "Against" or "Abstain" and the proposal itself, as docs/spec/ballot.md has it.
    /// @param choice 1 For, 2 Against, 3 Abstain
    /// @param deadline last second at which the signature may be used
    /// @param v last of the signature's 65 bytes, 27 or 28
    /// @param r its first 32 bytes
    /// @param s its next 32 bytes, in the lower half of the curve's order
    struct SignedVote {
        address member;
        uint8 choice;
        uint64 deadline;
        uint8 v;
        bytes32 r;
        bytes32 s;
    }

    /// @notice A proposal that its member signed and anyone may relay: EIP-712 type
    /// `Proposal(RemoveMember removeMember,uint64 deadline)`, and so for each kind; member and nonce are in the inner one.
    /// @param nonce the member's next: `nonceOf(member)` + 1, so that none is made twice, and none but the member's own
    /// proposals come before it
    /// @param deadline last second at which the signature may be used; v, r and s as in `SignedVote`
    struct SignedProposal {
        uint32 nonce;
        address member;
        uint64 deadline;
        uint8 v;
        bytes32 r;
        bytes32 s;
    }

    /// @notice A proposal as it stands.
    /// @param epoch the consortium's epoch when it was made: a key that came later cannot vote on it
    /// @param members how many members could vote then
    /// @param needed how many of them must be For
    /// @param deadline last second to vote
    /// @param executableFrom first second of execution
    /// @param executableUntil last second of execution
    struct Proposal {
        address proposer;
        uint32 epoch;
        uint8 members;
        uint8 needed;
        uint40 deadline;
        uint40 executableFrom;
        uint40 executableUntil;
        State state;
    }

    /// @notice `nonce` counts the proposals of that proposer's key, `number` those of all. `action` is what `execute`
    /// wants again: the arguments of the proposing call, ABI-encoded.
    event Proposed(
        bytes32 indexed proposal,
        uint32 indexed number,
        address indexed proposer,
        uint32 nonce,
        Kind kind,
        bytes action,
        uint32 epoch,
        uint40 deadline
    );
    event Voted(bytes32 indexed proposal, address indexed member, uint8 choice);
    /// @notice The vote ended early: the proposal passes.
    event VoteClosed(bytes32 indexed proposal, uint40 deadline);
    event Cancelled(bytes32 indexed proposal);
    /// @notice The proposal was carried out; the event of what it did follows.
    event Executed(bytes32 indexed proposal);
    /// @notice The rules of the proposals that follow; first those of the founding.
    event RulesChanged(Rules rules);

    error Ballots_NotNamed(address contractAddress, address ballots);
    error Ballots_OtherConsortium(address contractAddress, address consortium);
    error Ballots_InvalidRules();
    error Ballots_InvalidRoles(uint8 roles);
    error Ballots_InvalidAction(Kind kind, bytes action);
    error Ballots_ZeroAddress();
    error Ballots_ChangesNothing(Kind kind);
    error Ballots_NotOrigin(address caller, address origin);
    error Ballots_WrongNonce(address member, uint32 expected, uint32 actual);
    error Ballots_ProposalRefused(address member, uint32 nonce, Refusal reason);
    error Ballots_UnknownProposal(bytes32 proposal);
    error Ballots_WrongState(bytes32 proposal, State state);
    error Ballots_VoteRefused(bytes32 proposal, address member, Refusal reason);
    error Ballots_NotDecided(bytes32 proposal);
    error Ballots_NotProposer(bytes32 proposal, address caller);
    error Ballots_VotesCast(bytes32 proposal);

    /// @notice Proposes that `key`, never used before, join with `roles` and `name`: UTF-8, filled up with zeros. Any
    /// member may propose.
    function proposeAdmission(address key, uint8 roles, bytes32[2] calldata name) external returns (bytes32 proposal);

    /// @notice Proposes that member `index` leave. It may vote on that too.
    function proposeRemoval(uint8 index) external returns (bytes32 proposal);

    /// @notice Proposes other roles for member `index`.
    function proposeRoles(uint8 index, uint8 roles) external returns (bytes32 proposal);

    /// @notice Proposes other rules for the proposals that follow.
    function proposeRules(Rules calldata newRules) external returns (bytes32 proposal);

    /// @notice Proposes that no more rounds of `job` be opened.
    function proposeClosing(uint32 job) external returns (bytes32 proposal);

    /// @notice Proposes that a finalised model be released.
    function proposeRelease(IReleaseBoard.Release calldata release) external returns (bytes32 proposal);

    /// @notice Proposes that a release be used no more; `reason` is short text or a longer text's SHA-256, or zero.
    function proposeRevocation(bytes32 name, bytes32 version, bytes32 reason) external returns (bytes32 proposal);

    /// @notice Proposes that an earlier release of the same name be the current one again.
    function proposeRollback(bytes32 name, bytes32 version) external returns (bytes32 proposal);

    /// @notice Proposes that the consortium go on with the ledger at `ledger` on chain `chain`.
    function proposeSuccessor(uint64 chain, address ledger) external returns (bytes32 proposal);

    /// @notice Proposes that a job go on from the last model before `round`, the convicted one.
    function proposeRewind(uint32 job, uint32 round) external returns (bytes32 proposal);

    /// @notice Makes a proposal of any kind that its member signed; `action` is that of `Proposed`.
    /// @dev Checked like the calls above, and the action's encoding with it. Anything that the member itself proposes
    /// takes the nonce: so it withdraws what it signed.
    function proposeBySignature(Kind kind, bytes calldata action, SignedProposal calldata signed)
        external
        returns (bytes32 proposal);

    /// @notice Votes: 1 For, 2 Against, 3 Abstain. Once for each member, until the deadline's second; it is final.
    /// @dev The caller's key must have spoken for its member when the proposal was made, and still do.
    function vote(bytes32 proposal, uint8 choice) external;

    /// @notice Counts a vote that its member signed on a proposal of that kind; of any other kind nobody signed it. Refuses
    /// the kind `None`, which no proposal has.
    function voteBySignature(bytes32 proposal, Kind kind, SignedVote calldata signed) external;

    /// @notice Counts all of these votes that can be counted. The others change nothing and leave no event: strangers
    /// could fill the log with them. `voteBySignature`, simulated, says why one does not count.
    function voteBatch(bytes32 proposal, Kind kind, SignedVote[] calldata signed) external;

    /// @notice Ends the vote now, where the proposal passes: nothing that is still to be said could change that.
    function close(bytes32 proposal) external;

    /// @notice Withdraws the caller's own proposal, while nobody has voted on it.
    function cancel(bytes32 proposal) external;

    /// @notice Carries out what passed; anyone may. Proposer, nonce, kind and action are those of `Proposed`.
    /// @dev Where the thing itself refuses (a key was used meanwhile), all is as before, and it may be tried again.
    function execute(address proposer, uint32 nonce, Kind kind, bytes calldata action) external;

    /// @notice The name of a proposal: EIP-712's hash of its content. Reverts for an action that is not of its kind's shape.
    function idOf(address proposer, uint32 nonce, Kind kind, bytes calldata action)
        external
        pure
        returns (bytes32 proposal);

    /// @notice What a member signs to vote on a proposal of that kind: the EIP-712 digest.
    function digestOf(bytes32 proposal, Kind kind, address member, uint8 choice, uint64 deadline)
        external
        view
        returns (bytes32);

    /// @notice What a member signs to propose: the EIP-712 digest.
    function digestOfProposal(uint32 nonce, address member, Kind kind, bytes calldata action, uint64 deadline)
        external
        view
        returns (bytes32);

    /// @notice A proposal as it stands; reverts with `Ballots_UnknownProposal` for any that was never made.
    function proposalOf(bytes32 proposal) external view returns (Proposal memory);

    /// @notice How many members are for, against, and abstain.
    function tallyOf(bytes32 proposal) external view returns (uint8 inFavour, uint8 against, uint8 abstaining);

    /// @notice Who is for, against, and abstains: bit i is member i's.
    function bitmapsOf(bytes32 proposal) external view returns (uint256 inFavour, uint256 against, uint256 abstaining);

    /// @notice The rules of the next proposal.
    function rules() external view returns (Rules memory);

    /// @notice How many proposals this key has made: the nonce of its last.
    function nonceOf(address key) external view returns (uint32);

    /// @notice How many proposals were made.
    function proposals() external view returns (uint32);

    /// @notice The consortium whose members vote here.
    function consortium() external view returns (address);

    /// @notice The ledger of their jobs.
    function ledger() external view returns (address);

    /// @notice The board of their releases.
    function releases() external view returns (address);
}
