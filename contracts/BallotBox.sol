// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBallots} from "./interfaces/IBallots.sol";
import {IConsortium} from "./interfaces/IConsortium.sol";
import {ABSTAIN, AGAINST, FOR, Poll, Polls, SEATS, WORDS} from "./libraries/Polls.sol";
import {Signatures} from "./libraries/Signatures.sol";

/// @title BallotBox
/// @notice The votes on proposals, and where those stand.
abstract contract BallotBox is IBallots {
    /// @dev What a vote need not read.
    struct Course {
        address proposer;
        uint32 delay;
        uint32 window;
    }

    uint256 private constant WHOLE = 10_000;

    IConsortium internal immutable _consortium;

    /// @dev A proposal has a word for each 64 members that were ever admitted before it.
    mapping(bytes32 proposal => Poll[WORDS] words) private _polls;
    mapping(bytes32 proposal => Course) private _courses;

    constructor(IConsortium consortium_) {
        _consortium = consortium_;
    }

    /// @inheritdoc IBallots
    function vote(bytes32 proposal, uint8 choice) external {
        _requireOrigin();
        _count(proposal, msg.sender, choice);
    }

    /// @inheritdoc IBallots
    function voteBySignature(bytes32 proposal, Kind kind, SignedVote calldata signed) external {
        _requireOrigin();
        (address member, uint8 choice) = (signed.member, signed.choice);
        bytes32 domain = Signatures.domain();
        Refusal refusal = _refusalOf(domain, Signatures.typeOfVote(kind), proposal, member, choice, signed);
        if (refusal == Refusal.None) return _count(proposal, member, choice);
        _requireVoting(proposal);
        revert Ballots_VoteRefused(proposal, member, refusal);
    }

    /// @inheritdoc IBallots
    function voteBatch(bytes32 proposal, Kind kind, SignedVote[] calldata signed) external {
        _requireOrigin();
        Poll first = _requireVoting(proposal);
        (bytes32 domain, bytes32 voteType) = (Signatures.domain(), Signatures.typeOfVote(kind));
        Poll[WORDS] memory words;
        for (uint256 i = 0; i < signed.length; ++i) {
            SignedVote calldata one = signed[i];
            (address member, uint8 choice) = (one.member, one.choice);
            Refusal refusal = _refusalOf(domain, voteType, proposal, member, choice, one);
            if (refusal == Refusal.None) _countIn(words, first, proposal, member, choice);
        }
        for (uint256 place = 0; place < WORDS; ++place) {
            if (!words[place].isNone()) _polls[proposal][place] = words[place];
        }
    }

    /// @inheritdoc IBallots
    function close(bytes32 proposal) external {
        _requireOrigin();
        Poll poll = _requireVoting(proposal);
        if (!_passes(proposal, poll) || block.timestamp == poll.deadline()) revert Ballots_NotDecided(proposal);
        _setDeadline(proposal, uint40(block.timestamp));
        emit VoteClosed(proposal, uint40(block.timestamp));
    }

    /// @inheritdoc IBallots
    function cancel(bytes32 proposal) external {
        _requireOrigin();
        _requireVoting(proposal);
        if (_courses[proposal].proposer != msg.sender) revert Ballots_NotProposer(proposal, msg.sender);
        (uint256 inFavour, uint256 against, uint256 abstaining) = _tally(proposal);
        if (inFavour + against + abstaining != 0) revert Ballots_VotesCast(proposal);
        _end(proposal, State.Cancelled);
        emit Cancelled(proposal);
    }

    /// @inheritdoc IBallots
    function digestOf(bytes32 proposal, Kind kind, address member, uint8 choice, uint64 deadline)
        external
        view
        returns (bytes32)
    {
        bytes32 voteType = Signatures.typeOfVote(kind);
        return Signatures.digestOfVote(Signatures.domain(), voteType, proposal, member, choice, deadline);
    }

    /// @inheritdoc IBallots
    function proposalOf(bytes32 proposal) external view returns (Proposal memory) {
        Poll poll = _requireKnown(proposal);
        Course memory course = _courses[proposal];
        uint40 passed = poll.deadline() + course.delay;
        return Proposal({
            proposer: course.proposer,
            epoch: poll.epoch(),
            members: poll.members(),
            needed: poll.needed(),
            deadline: poll.deadline(),
            executableFrom: passed + 1,
            executableUntil: passed + course.window,
            state: _state(proposal)
        });
    }

    /// @inheritdoc IBallots
    function tallyOf(bytes32 proposal) external view returns (uint8 inFavour, uint8 against, uint8 abstaining) {
        _requireKnown(proposal);
        (uint256 a, uint256 b, uint256 c) = _tally(proposal);
        return (uint8(a), uint8(b), uint8(c));
    }

    /// @inheritdoc IBallots
    function bitmapsOf(bytes32 proposal) external view returns (uint256 inFavour, uint256 against, uint256 abstaining) {
        _requireKnown(proposal);
        for (uint256 i = 0; i < WORDS * SEATS; ++i) {
            uint256 choice = _polls[proposal][i / SEATS].choiceOf(i);
            if (choice == FOR) inFavour |= 1 << i;
            else if (choice == AGAINST) against |= 1 << i;
            else if (choice == ABSTAIN) abstaining |= 1 << i;
        }
    }

    /// @dev Opens the vote on a new proposal of `proposer`; returns its deadline.
    function _open(bytes32 proposal, address proposer, uint32 epoch, Rules memory current)
        internal
        returns (uint40 deadline)
    {
        deadline = uint40(block.timestamp + current.voteSeconds);
        uint8 members = _consortium.count();
        uint8 needed = uint8(uint256(members) * current.majority / WHOLE + 1);
        Poll poll = Polls.open(deadline, epoch, members, needed);
        uint256 admitted = _consortium.admitted();
        for (uint256 place = 0; place * SEATS < admitted; ++place) {
            _polls[proposal][place] = poll;
        }
        _courses[proposal] = Course(proposer, current.delaySeconds, current.executeSeconds);
    }

    function _end(bytes32 proposal, State state) internal {
        Poll[WORDS] storage words = _polls[proposal];
        for (uint256 place = 0; place < WORDS && !words[place].isNone(); ++place) {
            words[place] = words[place].withEnd(uint8(state));
        }
    }

    function _state(bytes32 proposal) internal view returns (State) {
        Poll poll = _requireKnown(proposal);
        if (poll.ended() != 0) return State(poll.ended());
        if (block.timestamp <= poll.deadline()) return State.Voting;
        Course memory course = _courses[proposal];
        if (!_passes(proposal, poll)) return State.Rejected;
        uint256 passed = uint256(poll.deadline()) + course.delay;
        if (block.timestamp <= passed) return State.Waiting;
        return block.timestamp <= passed + course.window ? State.Executable : State.Expired;
    }

    /// @dev Counts a vote, or reverts with the reason why not.
    function _count(bytes32 proposal, address member, uint8 choice) private {
        (uint256 index, uint256 roles, uint256 since) = _standingOf(member);
        Poll[WORDS] storage words = _polls[proposal];
        uint256 place = index / SEATS;
        Poll poll = words[place];
        if (!poll.isVoting()) poll = _requireVoting(proposal);
        Refusal refusal = _refusalIn(poll, index, roles, since, choice);
        if (refusal != Refusal.None) revert Ballots_VoteRefused(proposal, member, refusal);
        words[place] = poll.withChoice(index, choice);
        emit Voted(proposal, member, choice);
    }

    /// @dev Counts a vote in `words`, which the caller stores; or changes nothing. `first` is the proposal's first word.
    function _countIn(Poll[WORDS] memory words, Poll first, bytes32 proposal, address member, uint8 choice) private {
        (uint256 index, uint256 roles, uint256 since) = _standingOf(member);
        uint256 place = index / SEATS;
        Poll poll = words[place];
        if (poll.isNone()) poll = _polls[proposal][place];
        if (poll.isNone()) poll = first;
        if (_refusalIn(poll, index, roles, since, choice) != Refusal.None) return;
        words[place] = poll.withChoice(index, choice);
        emit Voted(proposal, member, choice);
    }

    /// @dev A member that came after the proposal may have no word there; in any other it is not of the electorate.
    function _refusalIn(Poll poll, uint256 index, uint256 roles, uint256 since, uint256 choice)
        private
        pure
        returns (Refusal)
    {
        if (choice < FOR || choice > ABSTAIN) return Refusal.InvalidChoice;
        if (roles == 0) return Refusal.NotMember;
        if (since > poll.epoch()) return Refusal.NotInElectorate;
        return poll.choiceOf(index) == 0 ? Refusal.None : Refusal.AlreadyVoted;
    }

    function _refusalOf(
        bytes32 domain,
        bytes32 voteType,
        bytes32 proposal,
        address member,
        uint8 choice,
        SignedVote calldata signed
    ) private view returns (Refusal) {
        uint64 deadline = signed.deadline;
        bytes32 digest = Signatures.digestOfVote(domain, voteType, proposal, member, choice, deadline);
        return Signatures.refusalOf(digest, member, deadline, signed.v, signed.r, signed.s);
    }

    function _setDeadline(bytes32 proposal, uint40 deadline) private {
        Poll[WORDS] storage words = _polls[proposal];
        for (uint256 place = 0; place < WORDS && !words[place].isNone(); ++place) {
            words[place] = words[place].withDeadline(deadline);
        }
    }

    /// @dev `IConsortium.standingOf` without the compiler's checks of the answer, which cost 400 gas: the constructor made
    /// sure of who answers.
    function _standingOf(address key) private view returns (uint256 index, uint256 roles, uint256 since) {
        address target = address(_consortium);
        bytes32 selector = IConsortium.standingOf.selector;
        uint256 word = uint160(key);
        assembly ("memory-safe") {
            let at := mload(64)
            mstore(at, selector)
            mstore(add(at, 4), word)
            if iszero(staticcall(gas(), target, at, 36, at, 96)) { revert(0, 0) }
            index := mload(at)
            roles := mload(add(at, 32))
            since := mload(add(at, 64))
        }
    }

    function _requireVoting(bytes32 proposal) private view returns (Poll poll) {
        poll = _polls[proposal][0];
        if (!poll.isVoting()) revert Ballots_WrongState(proposal, _state(proposal));
    }

    function _requireKnown(bytes32 proposal) private view returns (Poll poll) {
        poll = _polls[proposal][0];
        if (poll.isNone()) revert Ballots_UnknownProposal(proposal);
    }

    function _tally(bytes32 proposal)
        private
        view
        returns (uint256 inFavour, uint256 against, uint256 abstaining)
    {
        Poll[WORDS] storage words = _polls[proposal];
        for (uint256 place = 0; place < WORDS && !words[place].isNone(); ++place) {
            (uint256 a, uint256 b, uint256 c) = words[place].tally();
            inFavour += a;
            against += b;
            abstaining += c;
        }
    }

    /// @dev A contract, or a key with delegated code, would act in a transaction that shows no call of this contract.
    function _requireOrigin() internal view {
        if (msg.sender != tx.origin || msg.sender.code.length != 0) revert Ballots_NotOrigin(msg.sender, tx.origin);
    }

    /// @dev For alone decides, so that no other vote, and none that is still to come, takes it back.
    function _passes(bytes32 proposal, Poll poll) private view returns (bool) {
        (uint256 inFavour,,) = _tally(proposal);
        return inFavour >= poll.needed();
    }
}
