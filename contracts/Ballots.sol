// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBallots} from "./interfaces/IBallots.sol";
import {IConsortium} from "./interfaces/IConsortium.sol";
import {IReleaseBoard} from "./interfaces/IReleaseBoard.sol";
import {IRoundLedger} from "./interfaces/IRoundLedger.sol";

/// @title Ballots
/// @notice Proposals of one consortium, the members' votes, and their execution.
contract Ballots is IBallots {
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
    /// @dev A poll is one word, all that the vote of one of the first 64 members writes. From the lowest bit: two bits
    /// for the choice of each of them (0 none), deadline (40), epoch (32), extension (32), members (8), quorum (8), and
    /// the state that ended it, if one did (8). `_choices` has the others' bits, 128 members to a word.
    uint256 private constant IN_POLL = 64;
    uint256 private constant IN_WORD = 128;
    uint256 private constant WORDS = 2;
    uint256 private constant DEADLINE = 128;
    uint256 private constant EPOCH = 168;
    uint256 private constant EXTENSION = 200;
    uint256 private constant MEMBERS = 232;
    uint256 private constant QUORUM = 240;
    uint256 private constant ENDED = 248;
    uint256 private constant LOWER_BITS = type(uint256).max / 3;
    uint256 private constant WHOLE = 10_000;
    uint256 private constant LEAST_PART = 5_000;
    uint256 private constant LARGEST_PART = 6_666;
    uint256 private constant MAXIMUM_SECONDS = 365 days;
    /// @dev Half the order of secp256k1: every signature has a twin above it.
    uint256 private constant LARGEST_S = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;
    bytes32 private constant DOMAIN =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant BALLOT =
        keccak256("Ballot(bytes32 proposal,address member,string choice,uint64 deadline)");

    IConsortium private immutable _consortium;
    IRoundLedger private immutable _ledger;
    IReleaseBoard private immutable _releases;

    Rules private _rules;
    uint32 private _proposals;
    mapping(bytes32 proposal => uint256 poll) private _polls;
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
        uint256 poll = _requireVoting(proposal);
        Refusal refusal;
        (poll, refusal) = _count(proposal, poll, msg.sender, choice);
        if (refusal != Refusal.None) revert Ballots_VoteRefused(proposal, msg.sender, refusal);
        _store(proposal, poll, 1);
    }

    /// @inheritdoc IBallots
    function voteBySignature(bytes32 proposal, SignedVote calldata signed) external {
        uint256 poll = _requireVoting(proposal);
        Refusal refusal;
        (poll, refusal) = _countSigned(_domain(), proposal, poll, signed);
        if (refusal != Refusal.None) revert Ballots_VoteRefused(proposal, signed.member, refusal);
        _store(proposal, poll, 1);
    }

    /// @inheritdoc IBallots
    function voteBatch(bytes32 proposal, SignedVote[] calldata signed) external {
        uint256 poll = _requireVoting(proposal);
        bytes32 domain = _domain();
        uint256 counted = 0;
        for (uint256 i = 0; i < signed.length; ++i) {
            Refusal refusal;
            (poll, refusal) = _countSigned(domain, proposal, poll, signed[i]);
            if (refusal == Refusal.None) ++counted;
            else emit VoteSkipped(proposal, signed[i].member, refusal);
        }
        _store(proposal, poll, counted);
    }

    /// @inheritdoc IBallots
    function close(bytes32 proposal) external {
        uint256 poll = _requireVoting(proposal);
        (uint256 inFavour, uint256 against, uint256 abstaining) = _tally(proposal, poll);
        uint256 opposed = uint8(poll >> MEMBERS) - inFavour - abstaining;
        bool certain = inFavour + against + abstaining >= uint8(poll >> QUORUM)
            && _passes(poll, _courses[proposal].majority, inFavour, opposed, abstaining);
        if (!certain || block.timestamp == _deadline(poll)) revert Ballots_NotDecided(proposal);
        _polls[proposal] = _until(poll, uint40(block.timestamp));
        emit VoteClosed(proposal, uint40(block.timestamp));
    }

    /// @inheritdoc IBallots
    function cancel(bytes32 proposal) external {
        uint256 poll = _requireVoting(proposal);
        if (_courses[proposal].proposer != msg.sender) revert Ballots_NotProposer(proposal, msg.sender);
        if (_voters(proposal, poll) != 0) revert Ballots_VotesCast(proposal);
        _polls[proposal] = poll | uint256(State.Cancelled) << ENDED;
        emit Cancelled(proposal);
    }

    /// @inheritdoc IBallots
    function execute(uint32 number, Kind kind, bytes calldata action) external {
        bytes32 proposal = idOf(number, kind, action);
        uint256 poll = _requireKnown(proposal);
        State state = _state(proposal, poll, _courses[proposal]);
        if (state != State.Executable) revert Ballots_WrongState(proposal, state);
        _polls[proposal] = poll | uint256(State.Executed) << ENDED;
        emit Executed(proposal);
        _carryOut(kind, action);
    }

    /// @inheritdoc IBallots
    function idOf(uint32 number, Kind kind, bytes calldata action) public pure returns (bytes32 proposal) {
        return _id(number, kind, action);
    }

    /// @inheritdoc IBallots
    function digestOf(bytes32 proposal, address member, uint8 choice, uint64 deadline) external view returns (bytes32) {
        return _digest(_domain(), proposal, member, choice, deadline);
    }

    /// @inheritdoc IBallots
    function proposalOf(bytes32 proposal) external view returns (Proposal memory) {
        uint256 poll = _requireKnown(proposal);
        Course memory course = _courses[proposal];
        uint40 deadline = _deadline(poll);
        uint40 passed = deadline + course.delay;
        return Proposal({
            proposer: course.proposer,
            epoch: uint32(poll >> EPOCH),
            members: uint8(poll >> MEMBERS),
            quorum: uint8(poll >> QUORUM),
            majority: course.majority,
            deadline: deadline,
            executableFrom: passed + 1,
            executableUntil: passed + course.window,
            state: _state(proposal, poll, course)
        });
    }

    /// @inheritdoc IBallots
    function tallyOf(bytes32 proposal) external view returns (uint8 inFavour, uint8 against, uint8 abstaining) {
        (uint256 a, uint256 b, uint256 c) = _tally(proposal, _requireKnown(proposal));
        return (uint8(a), uint8(b), uint8(c));
    }

    /// @inheritdoc IBallots
    function bitmapsOf(bytes32 proposal) external view returns (uint256 inFavour, uint256 against, uint256 abstaining) {
        uint256 poll = _requireKnown(proposal);
        for (uint256 i = 0; i < 255; ++i) {
            uint256 word = i < IN_POLL ? poll : _choices[proposal][(i - IN_POLL) / IN_WORD];
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
        _polls[proposal] = uint256(deadline) << DEADLINE | uint256(epoch) << EPOCH | uint256(current.extensionSeconds)
            << EXTENSION | uint256(members) << MEMBERS | (uint256(members) * current.quorum / WHOLE + 1) << QUORUM;
        _courses[proposal] = Course(msg.sender, current.majority, current.delaySeconds, current.executeSeconds);
        emit Proposed(proposal, number, msg.sender, draft.kind, draft.action, epoch, deadline);
    }

    /// @dev Counts a vote in `poll`, which the caller stores, or beside it; or says why not, and changes nothing.
    function _count(bytes32 proposal, uint256 poll, address member, uint8 choice) private returns (uint256, Refusal) {
        if (choice < FOR || choice > ABSTAIN) return (poll, Refusal.InvalidChoice);
        (uint8 index, uint8 roles, uint32 since) = _consortium.standingOf(member);
        if (roles == 0) return (poll, Refusal.NotMember);
        if (since > uint32(poll >> EPOCH)) return (poll, Refusal.NotInElectorate);

        uint256 shift = _shift(index);
        if (index < IN_POLL) {
            if (poll >> shift & ABSTAIN != 0) return (poll, Refusal.AlreadyVoted);
            poll |= uint256(choice) << shift;
        } else {
            uint256[WORDS] storage others = _choices[proposal];
            uint256 place = (index - IN_POLL) / IN_WORD;
            uint256 word = others[place];
            if (word >> shift & ABSTAIN != 0) return (poll, Refusal.AlreadyVoted);
            others[place] = word | uint256(choice) << shift;
        }
        emit Voted(proposal, member, choice);
        return (poll, Refusal.None);
    }

    function _countSigned(bytes32 domain, bytes32 proposal, uint256 poll, SignedVote calldata signed)
        private
        returns (uint256, Refusal)
    {
        address member = signed.member;
        uint8 choice = signed.choice;
        uint64 deadline = signed.deadline;
        if (block.timestamp > deadline) return (poll, Refusal.SignatureExpired);
        if (uint256(signed.s) > LARGEST_S || signed.v < 27 || signed.v > 28) {
            return (poll, Refusal.SignatureNotCanonical);
        }
        bytes32 digest = _digest(domain, proposal, member, choice, deadline);
        address signer = ecrecover(digest, signed.v, signed.r, signed.s);
        if (signer != member || signer == address(0)) return (poll, Refusal.WrongSigner);
        return _count(proposal, poll, member, choice);
    }

    /// @dev Stores a poll in which `counted` votes are new. One that reaches the quorum late gives the others time.
    function _store(bytes32 proposal, uint256 poll, uint256 counted) private {
        uint32 extension = uint32(poll >> EXTENSION);
        if (_deadline(poll) - block.timestamp < extension) {
            uint256 voters = _voters(proposal, poll);
            uint8 quorum = uint8(poll >> QUORUM);
            if (voters >= quorum && voters - counted < quorum) {
                uint40 deadline = uint40(block.timestamp + extension);
                poll = _until(poll, deadline);
                emit DeadlineExtended(proposal, deadline);
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

    function _requireVoting(bytes32 proposal) private view returns (uint256 poll) {
        poll = _polls[proposal];
        if (block.timestamp > _deadline(poll) || poll >> ENDED != 0) {
            revert Ballots_WrongState(proposal, _state(proposal, _requireKnown(proposal), _courses[proposal]));
        }
    }

    function _requireKnown(bytes32 proposal) private view returns (uint256 poll) {
        poll = _polls[proposal];
        if (poll == 0) revert Ballots_UnknownProposal(proposal);
    }

    function _state(bytes32 proposal, uint256 poll, Course memory course) private view returns (State) {
        State ended = State(poll >> ENDED);
        if (ended != State.None) return ended;
        if (block.timestamp <= _deadline(poll)) return State.Voting;
        (uint256 inFavour, uint256 against, uint256 abstaining) = _tally(proposal, poll);
        if (!_passes(poll, course.majority, inFavour, against, abstaining)) return State.Rejected;
        uint256 passed = uint256(_deadline(poll)) + course.delay;
        if (block.timestamp <= passed) return State.Waiting;
        return block.timestamp <= passed + course.window ? State.Executable : State.Expired;
    }

    function _tally(bytes32 proposal, uint256 poll)
        private
        view
        returns (uint256 inFavour, uint256 against, uint256 abstaining)
    {
        uint256 word = uint128(poll);
        for (uint256 i = 0;; ++i) {
            uint256 lower = word & LOWER_BITS;
            uint256 upper = word >> 1 & LOWER_BITS;
            inFavour += _ones(lower & ~upper);
            against += _ones(upper & ~lower);
            abstaining += _ones(lower & upper);
            if (i == WORDS) break;
            word = _choices[proposal][i];
        }
    }

    function _voters(bytes32 proposal, uint256 poll) private view returns (uint256) {
        (uint256 inFavour, uint256 against, uint256 abstaining) = _tally(proposal, poll);
        return inFavour + against + abstaining;
    }

    function _deadline(uint256 poll) private pure returns (uint40) {
        return uint40(poll >> DEADLINE);
    }

    function _until(uint256 poll, uint40 deadline) private pure returns (uint256) {
        return poll ^ uint256(_deadline(poll) ^ deadline) << DEADLINE;
    }

    function _passes(uint256 poll, uint256 majority, uint256 inFavour, uint256 against, uint256 abstaining)
        private
        pure
        returns (bool)
    {
        return inFavour + against + abstaining >= uint8(poll >> QUORUM)
            && inFavour * WHOLE > (inFavour + against) * majority;
    }

    /// @dev Not kept: after a fork the chain has another id.
    function _domain() private view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN, keccak256("fedledger"), keccak256("1"), block.chainid, address(this)));
    }

    function _digest(bytes32 domain, bytes32 proposal, address member, uint8 choice, uint64 deadline)
        private
        pure
        returns (bytes32)
    {
        bytes32 said = keccak256("Abstain");
        if (choice == FOR) said = keccak256("For");
        else if (choice == AGAINST) said = keccak256("Against");
        return
            keccak256(
                abi.encodePacked(hex"1901", domain, keccak256(abi.encode(BALLOT, proposal, member, said, deadline)))
            );
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
