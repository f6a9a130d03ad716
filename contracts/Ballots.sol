// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBallots} from "./interfaces/IBallots.sol";
import {IConsortium} from "./interfaces/IConsortium.sol";
import {IReleaseBoard} from "./interfaces/IReleaseBoard.sol";
import {IRoundLedger} from "./interfaces/IRoundLedger.sol";

/// @title Ballots
/// @notice Proposals of one consortium, the members' votes, and their execution.
contract Ballots is IBallots {
    /// @dev One word: all that the vote of one of the first 64 members writes. `choices` has two bits for each of them,
    /// zero for none; `_choices` has those of the others, 128 to a word.
    struct Poll {
        uint40 deadline;
        uint32 extension;
        uint32 epoch;
        uint8 members;
        uint8 quorum;
        State ended;
        uint128 choices;
    }

    /// @dev What a vote need not read.
    struct Course {
        address proposer;
        uint16 majority;
        uint32 delay;
        uint32 window;
    }

    /// @dev In memory, so that the compiler does not make a `_propose` of its own for every kind.
    struct Draft {
        Kind kind;
        bytes action;
    }

    uint8 private constant FOR = 1;
    uint8 private constant AGAINST = 2;
    uint8 private constant ABSTAIN = 3;
    uint8 private constant ALL_ROLES = 7;
    uint256 private constant IN_POLL = 64;
    uint256 private constant IN_WORD = 128;
    uint256 private constant WORDS = 2;
    uint256 private constant LOWER_BITS = type(uint256).max / 3;
    uint256 private constant WHOLE = 10_000;
    uint256 private constant LEAST_PART = 5_000;
    uint256 private constant LARGEST_PART = 6_666;
    uint256 private constant MAXIMUM_SECONDS = 365 days;
    /// @dev Half the order of secp256k1: every signature has a twin above it.
    uint256 private constant LARGEST_S = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;
    bytes32 private constant DOMAIN =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant BALLOT = keccak256("Ballot(bytes32 proposal,address member,string choice,uint64 deadline)");

    IConsortium private immutable _consortium;
    IRoundLedger private immutable _ledger;
    IReleaseBoard private immutable _releases;

    Rules private _rules;
    uint32 private _proposals;
    mapping(bytes32 proposal => Poll) private _polls;
    mapping(bytes32 proposal => Course) private _courses;
    mapping(bytes32 proposal => uint256[WORDS]) private _choices;

    /// @notice Opens the ballots of the consortium that names this contract's address.
    constructor(IConsortium consortium_, IRoundLedger ledger_, IReleaseBoard releases_, Rules memory rules_) {
        if (consortium_.ballots() != address(this)) {
            revert Ballots_NotNamed(address(consortium_), consortium_.ballots());
        }
        if (ledger_.consortium() != address(consortium_)) {
            revert Ballots_OtherConsortium(address(ledger_), ledger_.consortium());
        }
        if (releases_.ledger() != address(ledger_)) {
            revert Ballots_OtherConsortium(address(releases_), releases_.ledger());
        }
        _consortium = consortium_;
        _ledger = ledger_;
        _releases = releases_;
        _requireRules(rules_);
        _changeRules(rules_);
    }

    /// @inheritdoc IBallots
    function proposeAdmission(address key, uint8 roles) external returns (bytes32 proposal) {
        if (key == address(0)) revert Ballots_ZeroAddress();
        _requireRoles(roles);
        return _propose(Draft(Kind.AdmitMember, abi.encode(key, roles)));
    }

    /// @inheritdoc IBallots
    function proposeRemoval(uint8 index) external returns (bytes32 proposal) {
        _consortium.keyOf(index);
        return _propose(Draft(Kind.RemoveMember, abi.encode(index)));
    }

    /// @inheritdoc IBallots
    function proposeRoles(uint8 index, uint8 roles) external returns (bytes32 proposal) {
        _consortium.keyOf(index);
        _requireRoles(roles);
        return _propose(Draft(Kind.ChangeRoles, abi.encode(index, roles)));
    }

    /// @inheritdoc IBallots
    function proposeRules(Rules calldata newRules) external returns (bytes32 proposal) {
        _requireRules(newRules);
        return _propose(Draft(Kind.ChangeRules, abi.encode(newRules)));
    }

    /// @inheritdoc IBallots
    function proposeClosing(uint32 job) external returns (bytes32 proposal) {
        _ledger.jobOf(job);
        return _propose(Draft(Kind.CloseJob, abi.encode(job)));
    }

    /// @inheritdoc IBallots
    function proposeRelease(IReleaseBoard.Release calldata release) external returns (bytes32 proposal) {
        _releases.requireReleasable(release);
        return _propose(Draft(Kind.Release, abi.encode(release)));
    }

    /// @inheritdoc IBallots
    function proposeRevocation(bytes32 release, bytes32 reason) external returns (bytes32 proposal) {
        _releases.releaseOf(release);
        return _propose(Draft(Kind.Revoke, abi.encode(release, reason)));
    }

    /// @inheritdoc IBallots
    function proposeRollback(bytes32 release) external returns (bytes32 proposal) {
        _releases.releaseOf(release);
        return _propose(Draft(Kind.RollBack, abi.encode(release)));
    }

    /// @inheritdoc IBallots
    function proposeSuccessor(uint64 chain, address ledger_) external returns (bytes32 proposal) {
        if (ledger_ == address(0)) revert Ballots_ZeroAddress();
        return _propose(Draft(Kind.NameSuccessor, abi.encode(chain, ledger_)));
    }

    /// @inheritdoc IBallots
    function vote(bytes32 proposal, uint8 choice) external {
        Poll memory poll = _requireVoting(proposal);
        _requireCounted(proposal, msg.sender, _count(proposal, poll, msg.sender, choice));
        _store(proposal, poll, 1);
    }

    /// @inheritdoc IBallots
    function voteBySignature(bytes32 proposal, SignedVote calldata signed) external {
        Poll memory poll = _requireVoting(proposal);
        _requireCounted(proposal, signed.member, _countSigned(proposal, poll, signed));
        _store(proposal, poll, 1);
    }

    /// @inheritdoc IBallots
    function voteBatch(bytes32 proposal, SignedVote[] calldata signed) external {
        Poll memory poll = _requireVoting(proposal);
        uint256 counted = 0;
        for (uint256 i = 0; i < signed.length; ++i) {
            Refusal refusal = _countSigned(proposal, poll, signed[i]);
            if (refusal == Refusal.None) ++counted;
            else emit VoteSkipped(proposal, signed[i].member, refusal);
        }
        _store(proposal, poll, counted);
    }

    /// @inheritdoc IBallots
    function close(bytes32 proposal) external {
        Poll memory poll = _requireVoting(proposal);
        (uint256 inFavour, uint256 against, uint256 abstaining) = _tally(proposal, poll.choices);
        uint256 opposed = poll.members - inFavour - abstaining;
        bool certain = inFavour + against + abstaining >= poll.quorum
            && _passes(poll.quorum, _courses[proposal].majority, inFavour, opposed, abstaining);
        if (!certain || block.timestamp == poll.deadline) revert Ballots_NotDecided(proposal);
        poll.deadline = uint40(block.timestamp);
        _polls[proposal] = poll;
        emit VoteClosed(proposal, poll.deadline);
    }

    /// @inheritdoc IBallots
    function cancel(bytes32 proposal) external {
        Poll memory poll = _requireVoting(proposal);
        if (_courses[proposal].proposer != msg.sender) revert Ballots_NotProposer(proposal, msg.sender);
        if (_voters(proposal, poll.choices) != 0) revert Ballots_VotesCast(proposal);
        _polls[proposal].ended = State.Cancelled;
        emit Cancelled(proposal);
    }

    /// @inheritdoc IBallots
    function execute(uint32 number, Kind kind, bytes calldata action) external {
        bytes32 proposal = idOf(number, kind, action);
        State state = _state(proposal, _requireKnown(proposal), _courses[proposal]);
        if (state != State.Executable) revert Ballots_WrongState(proposal, state);
        _polls[proposal].ended = State.Executed;
        emit Executed(proposal);
        _carryOut(kind, action);
    }

    /// @inheritdoc IBallots
    function idOf(uint32 number, Kind kind, bytes calldata action) public pure returns (bytes32 proposal) {
        return _id(number, kind, action);
    }

    /// @inheritdoc IBallots
    function digestOf(bytes32 proposal, address member, uint8 choice, uint64 deadline) public view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(DOMAIN, keccak256("fedledger"), keccak256("1"), block.chainid, address(this))
        );
        bytes32 said = choice == FOR
            ? keccak256("For")
            : choice == AGAINST ? keccak256("Against") : keccak256("Abstain");
        bytes32 ballot = keccak256(abi.encode(BALLOT, proposal, member, said, deadline));
        return keccak256(abi.encodePacked(hex"1901", domain, ballot));
    }

    /// @inheritdoc IBallots
    function proposalOf(bytes32 proposal) external view returns (Proposal memory) {
        Poll memory poll = _requireKnown(proposal);
        Course memory course = _courses[proposal];
        uint40 passed = poll.deadline + course.delay;
        return Proposal({
            proposer: course.proposer,
            epoch: poll.epoch,
            members: poll.members,
            quorum: poll.quorum,
            majority: course.majority,
            deadline: poll.deadline,
            executableFrom: passed + 1,
            executableUntil: passed + course.window,
            state: _state(proposal, poll, course)
        });
    }

    /// @inheritdoc IBallots
    function tallyOf(bytes32 proposal) external view returns (uint8 inFavour, uint8 against, uint8 abstaining) {
        (uint256 a, uint256 b, uint256 c) = _tally(proposal, _requireKnown(proposal).choices);
        return (uint8(a), uint8(b), uint8(c));
    }

    /// @inheritdoc IBallots
    function bitmapsOf(bytes32 proposal)
        external
        view
        returns (uint256 inFavour, uint256 against, uint256 abstaining)
    {
        uint128 first = _requireKnown(proposal).choices;
        for (uint256 i = 0; i < IN_POLL + WORDS * IN_WORD && i < 256; ++i) {
            uint256 word = i < IN_POLL ? first : _choices[proposal][(i - IN_POLL) / IN_WORD];
            uint256 choice = word >> _shift(i) & ABSTAIN;
            if (choice == FOR) inFavour |= 1 << i;
            else if (choice == AGAINST) against |= 1 << i;
            else if (choice == ABSTAIN) abstaining |= 1 << i;
        }
    }

    /// @inheritdoc IBallots
    function rules() external view returns (Rules memory) {
        return _rules;
    }

    /// @inheritdoc IBallots
    function proposals() external view returns (uint32) {
        return _proposals;
    }

    /// @inheritdoc IBallots
    function consortium() external view returns (address) {
        return address(_consortium);
    }

    /// @inheritdoc IBallots
    function ledger() external view returns (address) {
        return address(_ledger);
    }

    /// @inheritdoc IBallots
    function releases() external view returns (address) {
        return address(_releases);
    }

    function _propose(Draft memory draft) private returns (bytes32 proposal) {
        _consortium.membership(msg.sender);
        Rules memory current = _rules;
        uint8 members = _consortium.count();
        uint32 epoch = _consortium.epoch();
        uint32 number = ++_proposals;
        proposal = _id(number, draft.kind, draft.action);
        uint40 deadline = uint40(block.timestamp + current.voteSeconds);
        _polls[proposal] = Poll({
            deadline: deadline,
            extension: current.extensionSeconds,
            epoch: epoch,
            members: members,
            quorum: uint8(uint256(members) * current.quorum / WHOLE + 1),
            ended: State.None,
            choices: 0
        });
        _courses[proposal] = Course(msg.sender, current.majority, current.delaySeconds, current.executeSeconds);
        emit Proposed(proposal, number, msg.sender, draft.kind, draft.action, epoch, deadline);
    }

    /// @dev Counts a vote in `poll`, which the caller stores, or beside it; or says why not, and changes nothing.
    function _count(bytes32 proposal, Poll memory poll, address member, uint8 choice) private returns (Refusal) {
        if (choice < FOR || choice > ABSTAIN) return Refusal.InvalidChoice;
        IConsortium.Membership memory found = _consortium.standingOf(member);
        if (found.roles == 0) return Refusal.NotMember;
        if (found.since > poll.epoch) return Refusal.NotInElectorate;

        uint256 shift = _shift(found.index);
        if (found.index < IN_POLL) {
            if (poll.choices >> shift & ABSTAIN != 0) return Refusal.AlreadyVoted;
            poll.choices |= uint128(uint256(choice) << shift);
        } else {
            uint256[WORDS] storage others = _choices[proposal];
            uint256 word = (found.index - IN_POLL) / IN_WORD;
            if (others[word] >> shift & ABSTAIN != 0) return Refusal.AlreadyVoted;
            others[word] |= uint256(choice) << shift;
        }
        emit Voted(proposal, member, choice);
        return Refusal.None;
    }

    function _countSigned(bytes32 proposal, Poll memory poll, SignedVote calldata signed) private returns (Refusal) {
        if (block.timestamp > signed.deadline) return Refusal.SignatureExpired;
        bytes calldata signature = signed.signature;
        if (signature.length != 65) return Refusal.SignatureNotCanonical;
        uint256 s = uint256(bytes32(signature[32:64]));
        uint8 v = uint8(signature[64]);
        if (s > LARGEST_S || (v != 27 && v != 28)) return Refusal.SignatureNotCanonical;
        bytes32 digest = digestOf(proposal, signed.member, signed.choice, signed.deadline);
        address signer = ecrecover(digest, v, bytes32(signature[:32]), bytes32(s));
        if (signer == address(0) || signer != signed.member) return Refusal.WrongSigner;
        return _count(proposal, poll, signed.member, signed.choice);
    }

    /// @dev Stores a poll in which `counted` votes are new. One that reaches the quorum late gives the others time.
    function _store(bytes32 proposal, Poll memory poll, uint256 counted) private {
        if (poll.deadline - block.timestamp < poll.extension) {
            uint256 voters = _voters(proposal, poll.choices);
            if (voters >= poll.quorum && voters - counted < poll.quorum) {
                poll.deadline = uint40(block.timestamp + poll.extension);
                emit DeadlineExtended(proposal, poll.deadline);
            }
        }
        _polls[proposal] = poll;
    }

    /// @dev An action is what the call that it stands for takes, so that it needs no decoding. Errors pass through.
    function _carryOut(Kind kind, bytes calldata action) private {
        if (kind == Kind.ChangeRules) return _changeRules(abi.decode(action, (Rules)));
        (address target, bytes4 selector) = _callOf(kind);
        (bool succeeded, bytes memory reason) = target.call(bytes.concat(selector, action));
        if (succeeded) return;
        assembly ("memory-safe") {
            revert(add(reason, 32), mload(reason))
        }
    }

    function _callOf(Kind kind) private view returns (address target, bytes4 selector) {
        if (kind == Kind.AdmitMember) return (address(_consortium), IConsortium.admit.selector);
        if (kind == Kind.RemoveMember) return (address(_consortium), IConsortium.remove.selector);
        if (kind == Kind.ChangeRoles) return (address(_consortium), IConsortium.changeRoles.selector);
        if (kind == Kind.CloseJob) return (address(_ledger), IRoundLedger.closeJob.selector);
        if (kind == Kind.Release) return (address(_releases), IReleaseBoard.publish.selector);
        if (kind == Kind.Revoke) return (address(_releases), IReleaseBoard.revoke.selector);
        if (kind == Kind.RollBack) return (address(_releases), IReleaseBoard.rollBack.selector);
        return (address(_consortium), IConsortium.nameSuccessor.selector);
    }

    function _changeRules(Rules memory newRules) private {
        _rules = newRules;
        emit RulesChanged(newRules);
    }

    function _requireVoting(bytes32 proposal) private view returns (Poll memory poll) {
        poll = _requireKnown(proposal);
        if (block.timestamp > poll.deadline || poll.ended != State.None) {
            revert Ballots_WrongState(proposal, _state(proposal, poll, _courses[proposal]));
        }
    }

    function _requireKnown(bytes32 proposal) private view returns (Poll memory poll) {
        poll = _polls[proposal];
        if (poll.deadline == 0) revert Ballots_UnknownProposal(proposal);
    }

    function _state(bytes32 proposal, Poll memory poll, Course memory course) private view returns (State) {
        if (poll.ended != State.None) return poll.ended;
        if (block.timestamp <= poll.deadline) return State.Voting;
        (uint256 inFavour, uint256 against, uint256 abstaining) = _tally(proposal, poll.choices);
        if (!_passes(poll.quorum, course.majority, inFavour, against, abstaining)) return State.Rejected;
        uint256 passed = uint256(poll.deadline) + course.delay;
        if (block.timestamp <= passed) return State.Waiting;
        return block.timestamp <= passed + course.window ? State.Executable : State.Expired;
    }

    function _tally(bytes32 proposal, uint128 first)
        private
        view
        returns (uint256 inFavour, uint256 against, uint256 abstaining)
    {
        uint256 word = first;
        for (uint256 i = 0; ; ++i) {
            uint256 lower = word & LOWER_BITS;
            uint256 upper = word >> 1 & LOWER_BITS;
            inFavour += _ones(lower & ~upper);
            against += _ones(upper & ~lower);
            abstaining += _ones(lower & upper);
            if (i == WORDS) break;
            word = _choices[proposal][i];
        }
    }

    function _voters(bytes32 proposal, uint128 first) private view returns (uint256) {
        (uint256 inFavour, uint256 against, uint256 abstaining) = _tally(proposal, first);
        return inFavour + against + abstaining;
    }

    function _passes(uint256 quorum, uint256 majority, uint256 inFavour, uint256 against, uint256 abstaining)
        private
        pure
        returns (bool)
    {
        return inFavour + against + abstaining >= quorum && inFavour * WHOLE > (inFavour + against) * majority;
    }

    /// @dev Where the two bits of member `index` stand in their word.
    function _shift(uint256 index) private pure returns (uint256) {
        return 2 * (index < IN_POLL ? index : (index - IN_POLL) % IN_WORD);
    }

    function _ones(uint256 bits) private pure returns (uint256 ones) {
        for (; bits != 0; bits &= bits - 1) {
            ++ones;
        }
    }

    function _id(uint32 number, Kind kind, bytes memory action) private pure returns (bytes32) {
        return keccak256(abi.encode(number, kind, action));
    }

    function _requireCounted(bytes32 proposal, address member, Refusal refusal) private pure {
        if (refusal != Refusal.None) revert Ballots_VoteRefused(proposal, member, refusal);
    }

    function _requireRoles(uint8 roles) private pure {
        if (roles == 0 || roles > ALL_ROLES) revert Ballots_InvalidRoles(roles);
    }

    function _requireRules(Rules memory given) private pure {
        bool parts = _isPart(given.quorum) && _isPart(given.majority);
        bool times = given.voteSeconds > 0 && given.voteSeconds <= MAXIMUM_SECONDS && given.executeSeconds > 0
            && given.executeSeconds <= MAXIMUM_SECONDS && given.delaySeconds <= MAXIMUM_SECONDS
            && given.extensionSeconds <= given.voteSeconds;
        if (!parts || !times) revert Ballots_InvalidRules();
    }

    function _isPart(uint16 part) private pure returns (bool) {
        return part >= LEAST_PART && part <= LARGEST_PART;
    }
}
