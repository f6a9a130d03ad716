// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Consortium} from "../../../contracts/Consortium.sol";
import {Ballots} from "../../../contracts/Ballots.sol";
import {IBallots} from "../../../contracts/interfaces/IBallots.sol";
import {Poll, Polls, SEATS, WORDS} from "../../../contracts/libraries/Polls.sol";
import {Base} from "./Base.sol";

/// @dev A word against the plainest account of it.
contract PollsTest is Base {
    function testFuzz_TallyIsTheCount(uint256 word) external pure {
        uint256[4] memory said;
        for (uint256 i = 0; i < SEATS; ++i) {
            uint256 choice = word >> 2 * i & 3;
            check(Poll.wrap(word).choiceOf(i) == choice, "choice");
            ++said[choice];
        }
        (uint256 inFavour, uint256 against, uint256 abstaining) = Poll.wrap(word).tally();
        check(inFavour == said[1] && against == said[2] && abstaining == said[3], "tally");
    }

    function testFuzz_EveryPartKeepsTheOthers(
        uint40 deadline,
        uint32 epoch,
        uint8 members,
        uint8 needed,
        uint8 index,
        uint8 choice,
        uint40 later
    ) external pure {
        choice = choice % 3 + 1;
        Poll poll = Polls.open(deadline, epoch, members, needed).withChoice(index, choice);
        poll = poll.withDeadline(later).withEnd(6);
        check(poll.deadline() == later && poll.epoch() == epoch, "times");
        check(poll.members() == members && poll.needed() == needed && poll.ended() == 6, "counts");
        (uint256 a, uint256 b, uint256 c) = poll.tally();
        check(a + b + c == 1 && poll.choiceOf(index) == choice, "choice");
        check(Poll.unwrap(poll.withDeadline(deadline)) != 0, "none");
    }
}

/// @dev 200 members, 4 words. Those at the ends of words and in between vote, alone and in batches, at any time.
contract Crowd is Base {
    uint256 public constant MEMBERS = 200;

    Consortium public consortium;
    Ballots public ballots;
    bytes32[] public made;
    mapping(bytes32 proposal => uint256[4] members) private said; // by choice, bit i for member i
    mapping(bytes32 proposal => uint256 count) public voters;
    uint256 public closings;
    uint256 public cancellations;

    constructor() {
        address[] memory keys = new address[](MEMBERS);
        for (uint256 i = 0; i < MEMBERS; ++i) {
            keys[i] = vm.addr(i + 1);
        }
        (consortium,,, ballots) = deploy(keys);
        propose(0);
    }

    function wait(uint8 time) external {
        vm.warp(block.timestamp + time % 30);
    }

    function propose(uint256 who) public {
        prank(vm.addr(who % MEMBERS + 1));
        made.push(ballots.proposeRemoval(7));
    }

    function vote(uint256 which, uint256 who, uint8 choice) external {
        bytes32 proposal = _one(which);
        IBallots.Proposal memory was = ballots.proposalOf(proposal);
        uint256 index = who % MEMBERS;
        prank(vm.addr(index + 1));
        try ballots.vote(proposal, choice % 4) {
            _note(proposal, was, index, choice % 4);
            check(ballots.proposalOf(proposal).deadline == was.deadline, "a vote moved the deadline");
        } catch {
            check(was.state != IBallots.State.Voting || choice % 4 == 0 || _voted(proposal, index), "refused");
        }
    }

    /// @dev `size` signed votes, of members `step` apart; some twice.
    function relay(uint256 which, uint256 first, uint8 step, uint8 size) external {
        bytes32 proposal = _one(which);
        IBallots.Proposal memory was = ballots.proposalOf(proposal);
        IBallots.SignedVote[] memory batch = new IBallots.SignedVote[](size % 64);
        for (uint256 i = 0; i < batch.length; ++i) {
            uint256 secret = (first % MEMBERS + i * step) % MEMBERS + 1;
            uint8 choice = uint8((first >> 8 + i % 128) % 3 + 1);
            bytes32 digest = ballots.digestOf(proposal, IBallots.Kind.RemoveMember, vm.addr(secret), choice, type(uint64).max);
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(secret, digest);
            batch[i] = IBallots.SignedVote(vm.addr(secret), choice, type(uint64).max, v, r, s);
        }
        prank(STRANGER);
        try ballots.voteBatch(proposal, IBallots.Kind.RemoveMember, batch) {
            for (uint256 i = 0; i < batch.length; ++i) {
                uint256 index = (first % MEMBERS + i * step) % MEMBERS;
                if (_voted(proposal, index)) continue;
                _note(proposal, was, index, batch[i].choice);
            }
            check(ballots.proposalOf(proposal).deadline == was.deadline, "a batch moved the deadline");
        } catch {
            check(was.state != IBallots.State.Voting, "batch refused");
        }
    }

    function close(uint256 which) external {
        prank(STRANGER);
        try ballots.close(_one(which)) {
            ++closings;
        } catch {}
    }

    function cancel(uint256 which) external {
        bytes32 proposal = _one(which);
        prank(ballots.proposalOf(proposal).proposer);
        try ballots.cancel(proposal) {
            check(voters[proposal] == 0, "cancelled over a vote");
            ++cancellations;
        } catch {}
    }

    function saidOf(bytes32 proposal) external view returns (uint256[4] memory members) {
        return said[proposal];
    }

    /// @dev The proposals that calls are about.
    function recent() public view returns (bytes32[] memory some) {
        some = new bytes32[](made.length < 3 ? made.length : 3);
        for (uint256 i = 0; i < some.length; ++i) {
            some[i] = made[made.length - 1 - i];
        }
    }

    function _one(uint256 which) private view returns (bytes32) {
        bytes32[] memory some = recent();
        return some[which % some.length];
    }

    function _voted(bytes32 proposal, uint256 index) private view returns (bool) {
        uint256[4] memory members = said[proposal];
        return (members[1] | members[2] | members[3]) >> index & 1 != 0;
    }

    function _note(bytes32 proposal, IBallots.Proposal memory was, uint256 index, uint8 choice) private {
        check(was.state == IBallots.State.Voting, "voted late");
        check(choice != 0 && !_voted(proposal, index), "voted twice");
        said[proposal][choice] |= 1 << index;
        ++voters[proposal];
    }
}

contract CrowdTest is Base {
    Crowd private crowd;
    Ballots private ballots;

    function setUp() public {
        crowd = new Crowd();
        ballots = crowd.ballots();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(crowd);
    }

    /// @dev The invariants below say something: votes are closed and cancelled.
    function test_TheCrowdDoesEverything() external {
        crowd.cancel(0);
        crowd.propose(0);
        for (uint256 i = 0; i < 3; ++i) {
            crowd.wait(28);
        }
        crowd.relay(0, 0, 1, 63);
        crowd.relay(0, 63, 1, 63);
        crowd.close(0);
        for (uint256 i = 0; i < 30; ++i) {
            uint256 random = uint256(keccak256(abi.encode(i)));
            if (i % 4 == 0) crowd.propose(random);
            crowd.vote(random, random >> 8, uint8(random >> 16));
            crowd.relay(random >> 24, random >> 32, uint8(random >> 40), uint8(random >> 48));
            crowd.wait(uint8(random >> 56));
        }
        check(crowd.closings() > 0 && crowd.cancellations() > 0, "never");
        invariant_TalliesAndBitmapsAreWhatMembersSaid();
        invariant_EveryWordHasTheSameHead();
    }

    /// forge-config: default.invariant.runs = 8
    /// forge-config: default.invariant.depth = 64
    function invariant_TalliesAndBitmapsAreWhatMembersSaid() public view {
        bytes32[] memory some = crowd.recent();
        for (uint256 i = 0; i < some.length; ++i) {
            uint256[4] memory said = crowd.saidOf(some[i]);
            (uint256 inFavour, uint256 against, uint256 abstaining) = ballots.bitmapsOf(some[i]);
            check(inFavour == said[1] && against == said[2] && abstaining == said[3], "bitmaps");
            (uint8 a, uint8 b, uint8 c) = ballots.tallyOf(some[i]);
            check(a == ones(inFavour) && b == ones(against) && c == ones(abstaining), "tally");
        }
    }

    /// @dev A vote reads one word, so that each must say when the vote ends, and that it ended.
    /// forge-config: default.invariant.runs = 8
    /// forge-config: default.invariant.depth = 64
    function invariant_EveryWordHasTheSameHead() public view {
        bytes32[] memory some = crowd.recent();
        for (uint256 i = 0; i < some.length; ++i) {
            uint256 head = _word(some[i], 0) >> 128;
            check(uint40(head) == ballots.proposalOf(some[i]).deadline, "another slot");
            for (uint256 place = 1; place < WORDS; ++place) {
                check(_word(some[i], place) >> 128 == head, "head");
            }
        }
    }

    function _word(bytes32 proposal, uint256 place) private view returns (uint256) {
        uint256 first = uint256(keccak256(abi.encode(proposal, uint256(0))));
        return uint256(vm.load(address(ballots), bytes32(first + place)));
    }
}
