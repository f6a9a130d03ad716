// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ballots} from "../../../contracts/Ballots.sol";
import {Consortium} from "../../../contracts/Consortium.sol";
import {ReleaseBoard} from "../../../contracts/ReleaseBoard.sol";
import {RoundLedger} from "../../../contracts/RoundLedger.sol";
import {IBallots} from "../../../contracts/interfaces/IBallots.sol";
import {IReleaseBoard} from "../../../contracts/interfaces/IReleaseBoard.sol";
import {IRoundLedger} from "../../../contracts/interfaces/IRoundLedger.sol";
import {Base} from "./Base.sol";

/// @dev Members, former members and a stranger propose, vote, sign, relay, close, cancel and execute in any order.
contract Voters is Base {
    Consortium public consortium;
    RoundLedger public ledger;
    ReleaseBoard public releases;
    Ballots public ballots;

    struct Made {
        bytes32 proposal;
        address proposer;
        uint32 nonce;
        IBallots.Kind kind;
        bytes action;
        uint256 executions;
    }

    uint256[] public secrets; // of every key ever used, and first a stranger's
    Made[] private made;
    mapping(bytes32 proposal => mapping(uint8 index => uint8 choice)) public said;
    mapping(uint8 outcome => uint256 count) public reached;
    bytes32 public root;
    uint256 public relays;
    uint256 private fresh = 1000;
    uint256 private version;

    constructor() {
        address[] memory keys = new address[](5);
        secrets.push(999);
        for (uint256 i = 0; i < 5; ++i) {
            secrets.push(i + 1);
            keys[i] = vm.addr(i + 1);
        }
        (consortium, ledger, releases, ballots) = deploy(keys);
        _finalise(keys);
    }

    function wait(uint16 time) external {
        vm.warp(block.timestamp + time % 40);
    }

    function propose(uint256 who, uint256 what) external {
        bytes memory call;
        IBallots.Kind kind = IBallots.Kind(1 + what % 9);
        uint8 index = uint8(what >> 8) % 8;
        if (kind == IBallots.Kind.AdmitMember) {
            secrets.push(++fresh);
            call = abi.encodeCall(ballots.proposeAdmission, (vm.addr(fresh), ALL, delta()));
        } else if (kind == IBallots.Kind.RemoveMember) {
            call = abi.encodeCall(ballots.proposeRemoval, (index));
        } else if (kind == IBallots.Kind.ChangeRoles) {
            call = abi.encodeCall(ballots.proposeRoles, (index, uint8(1 + (what >> 16) % 7)));
        } else if (kind == IBallots.Kind.ChangeRules) {
            IBallots.Rules memory changed = rules();
            changed.majority = uint16(5000 + (what >> 32) % 1667);
            call = abi.encodeCall(ballots.proposeRules, (changed));
        } else if (kind == IBallots.Kind.CloseJob) {
            call = abi.encodeCall(ballots.proposeClosing, (1));
        } else if (kind == IBallots.Kind.Release) {
            bytes32 named = bytes32(uint256(0x61 + version++ % 26) << 248 | uint256(0x61 + version / 26 % 26) << 240);
            IReleaseBoard.Release memory release = IReleaseBoard.Release("m", named, 1, 1, root, 0, 0);
            call = abi.encodeCall(ballots.proposeRelease, (release));
        } else if (kind == IBallots.Kind.Revoke) {
            call = abi.encodeCall(ballots.proposeRevocation, ("m", _version(what >> 16), 0));
        } else if (kind == IBallots.Kind.RollBack) {
            call = abi.encodeCall(ballots.proposeRollback, ("m", _version(what >> 16)));
        } else {
            call = abi.encodeCall(ballots.proposeSuccessor, (1, address(this)));
        }
        bytes memory action = new bytes(call.length - 4);
        for (uint256 i = 0; i < action.length; ++i) {
            action[i] = call[i + 4];
        }
        bool relayed = what >> 64 & 1 == 1;
        if (relayed) call = _signed(who, kind, action);
        prank(relayed ? STRANGER : _key(who));
        (bool succeeded, bytes memory answer) = address(ballots).call(call);
        if (!succeeded) return;
        Made storage one = made.push();
        (one.proposer, one.nonce) = (_key(who), ballots.nonceOf(_key(who)));
        (one.proposal, one.kind, one.action) = (abi.decode(answer, (bytes32)), kind, action);
        check(one.proposal == ballots.idOf(one.proposer, one.nonce, kind, action), "named otherwise");
        check(ballots.proposalOf(one.proposal).proposer == _key(who), "another's");
        check(consortium.membership(_key(who)).roles != 0, "a stranger's");
        if (!relayed) return;
        ++relays;
        prank(STRANGER);
        (succeeded,) = address(ballots).call(call);
        check(!succeeded, "made twice");
    }

    function vote(uint256 which, uint256 who, uint8 choice) public {
        if (made.length == 0) return;
        bytes32 proposal = _one(which).proposal;
        IBallots.Proposal memory was = ballots.proposalOf(proposal);
        prank(_key(who));
        try ballots.vote(proposal, choice % 5) {
            _note(was, proposal, _key(who), choice % 5);
        } catch {}
    }

    function voteAll(uint256 which, uint256 against) external {
        for (uint256 i = 0; i < secrets.length; ++i) {
            vote(which, i, against & (1 << i) == 0 || against % 4 != 0 ? 1 : 2);
        }
    }

    function relay(uint256 which, uint256 first, uint256 lie) external {
        if (made.length == 0) return;
        (bytes32 proposal, IBallots.Kind kind) = (_one(which).proposal, _one(which).kind);
        IBallots.Proposal memory was = ballots.proposalOf(proposal);
        IBallots.SignedVote[] memory batch = new IBallots.SignedVote[](4);
        for (uint256 i = 0; i < 4; ++i) {
            uint256 secret = secrets[(first % secrets.length + i / 2) % secrets.length];
            bytes32 signedFor = (lie >> i) & 3 == 0 ? _one(lie).proposal : proposal;
            uint8 choice = uint8(1 + (lie >> 8) % 3);
            (uint8 v, bytes32 r, bytes32 s) =
                vm.sign(secret, ballots.digestOf(signedFor, kind, vm.addr(secret), choice, type(uint64).max));
            batch[i] = IBallots.SignedVote(vm.addr(secret), choice, type(uint64).max, v, r, s);
        }
        uint8[3] memory before = _tally(proposal);
        prank(STRANGER);
        try ballots.voteBatch(proposal, IBallots.Kind.None, batch) {
            check(false, "a vote of no kind");
        } catch {}
        prank(STRANGER);
        try ballots.voteBatch(proposal, kind, batch) {
            for (uint256 i = 0; i < 4; ++i) {
                (uint8 index, uint8 roles, uint32 since) = consortium.standingOf(batch[i].member);
                bool may = roles != 0 && since <= was.epoch && said[proposal][index] == 0;
                if (may && signedIt(proposal, kind, batch[i])) _note(was, proposal, batch[i].member, batch[i].choice);
            }
        } catch {
            check(keccak256(abi.encode(before)) == keccak256(abi.encode(_tally(proposal))), "half counted");
        }
    }

    function close(uint256 which) external {
        if (made.length == 0) return;
        bytes32 proposal = _one(which).proposal;
        IBallots.Proposal memory was = ballots.proposalOf(proposal);
        prank(STRANGER);
        try ballots.close(proposal) {
            IBallots.Proposal memory now_ = ballots.proposalOf(proposal);
            check(was.state == IBallots.State.Voting && now_.deadline < was.deadline, "closed");
        } catch {}
    }

    function cancel(uint256 which, uint256 who) external {
        if (made.length == 0) return;
        bytes32 proposal = _one(which).proposal;
        IBallots.Proposal memory was = ballots.proposalOf(proposal);
        uint8[3] memory tally = _tally(proposal);
        prank(_key(who));
        try ballots.cancel(proposal) {
            check(was.proposer == _key(who) && tally[0] + tally[1] + tally[2] == 0, "cancelled");
            check(was.state == IBallots.State.Voting, "cancelled late");
        } catch {}
    }

    function execute(uint256 which) external {
        if (made.length == 0) return;
        Made storage one = _one(which);
        IBallots.Proposal memory was = ballots.proposalOf(one.proposal);
        uint8[3] memory tally = _tally(one.proposal);
        prank(STRANGER);
        try ballots.execute(one.proposer, one.nonce, one.kind, one.action) {
            ++one.executions;
            ++reached[uint8(one.kind)];
            check(was.state == IBallots.State.Executable, "executed out of time");
            check(block.timestamp > was.deadline + 10 && block.timestamp <= was.deadline + 60, "time");
            check(tally[0] >= was.needed && uint256(tally[0]) * 2 > was.members, "without a majority");
        } catch {}
    }

    function rotate(uint256 who, uint8 rarely) external {
        if (rarely % 16 != 0) return;
        prank(_key(who));
        try consortium.rotateKey(vm.addr(fresh + 1)) {
            secrets.push(++fresh);
        } catch {}
    }

    function count() external view returns (uint256) {
        return made.length;
    }

    function madeAt(uint256 i) external view returns (bytes32 proposal, uint256 executions) {
        return (made[i].proposal, made[i].executions);
    }

    function signedIt(bytes32 proposal, IBallots.Kind kind, IBallots.SignedVote memory signed)
        public
        view
        returns (bool)
    {
        bytes32 digest = ballots.digestOf(proposal, kind, signed.member, signed.choice, signed.deadline);
        return ecrecover(digest, signed.v, signed.r, signed.s) == signed.member;
    }

    function _signed(uint256 who, IBallots.Kind kind, bytes memory action) private view returns (bytes memory call) {
        uint32 nonce = ballots.nonceOf(_key(who)) + 1;
        bytes32 digest = ballots.digestOfProposal(nonce, _key(who), kind, action, type(uint64).max);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(secrets[who % secrets.length], digest);
        IBallots.SignedProposal memory signed =
            IBallots.SignedProposal(nonce, _key(who), type(uint64).max, v, r, s);
        return abi.encodeCall(ballots.proposeBySignature, (kind, action, signed));
    }

    function _note(IBallots.Proposal memory was, bytes32 proposal, address key, uint8 choice) private {
        (uint8 index, uint8 roles, uint32 since) = consortium.standingOf(key);
        check(was.state == IBallots.State.Voting && block.timestamp <= was.deadline, "voted late");
        check(roles != 0 && since <= was.epoch, "voted outside the electorate");
        check(choice >= 1 && choice <= 3 && said[proposal][index] == 0, "voted twice");
        said[proposal][index] = choice;
        check(ballots.proposalOf(proposal).deadline == was.deadline, "a vote moved the deadline");
    }

    function _tally(bytes32 proposal) private view returns (uint8[3] memory tally) {
        (tally[0], tally[1], tally[2]) = ballots.tallyOf(proposal);
    }

    function _one(uint256 which) private view returns (Made storage) {
        uint256 recent = made.length < 6 ? made.length : 6;
        return made[made.length - 1 - which % recent];
    }

    function _key(uint256 who) private view returns (address) {
        return vm.addr(secrets[who % secrets.length]);
    }

    function _version(uint256 which) private pure returns (bytes32) {
        uint256 first = 0x61 + which % 4;
        return bytes32(first << 248 | uint256(0x61) << 240);
    }

    function _finalise(address[] memory keys) private {
        root = "model";
        prank(keys[0]);
        ledger.proposeJob("job", terms(), model());
        for (uint256 i = 1; i < 3; ++i) {
            prank(keys[i]);
            ledger.approveJob(1, "job");
        }
        play(consortium, ledger, 1, root, hex"00");
    }
}

contract BallotsTest is Base {
    uint256 private constant HOME = 31337;

    Voters private voters;
    Ballots private ballots;
    Consortium private consortium;

    function setUp() public {
        voters = new Voters();
        (ballots, consortium) = (voters.ballots(), voters.consortium());
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(voters);
    }

    /// @dev The invariants below say something: every kind of decision is carried out.
    function test_VotersCarryOutEveryKind() external {
        for (uint256 i = 0; i < 300; ++i) {
            uint256 random = uint256(keccak256(abi.encode(i)));
            voters.propose(random, random >> 64);
            voters.relay(0, random >> 128, 0);
            voters.voteAll(0, random % 5);
            voters.close(0);
            voters.wait(20);
            voters.execute(0);
            voters.rotate(random, uint8(random >> 32));
        }
        for (uint8 kind = 1; kind <= uint8(IBallots.Kind.NameSuccessor); ++kind) {
            check(voters.reached(kind) > 0, "a kind was never carried out");
        }
        check(voters.relays() > 0, "no signed proposal was made");
    }

    /// forge-config: default.invariant.runs = 8
    function invariant_TalliesAreTheBitmaps() external view {
        for (uint256 i = 0; i < voters.count(); ++i) {
            (bytes32 proposal,) = voters.madeAt(i);
            (uint256 inFavour, uint256 against, uint256 abstaining) = ballots.bitmapsOf(proposal);
            (uint8 a, uint8 b, uint8 c) = ballots.tallyOf(proposal);
            check(inFavour & against == 0 && (inFavour | against) & abstaining == 0, "a member said two things");
            check(a == ones(inFavour) && b == ones(against) && c == ones(abstaining), "tally");
            for (uint8 index = 0; index < 32; ++index) {
                uint8 said = voters.said(proposal, index);
                check((inFavour >> index & 1 != 0) == (said == 1), "for");
                check((against >> index & 1 != 0) == (said == 2), "against");
                check((abstaining >> index & 1 != 0) == (said == 3), "abstain");
            }
            check(uint256(a) + b + c <= ballots.proposalOf(proposal).members, "more votes than members");
        }
    }

    /// forge-config: default.invariant.runs = 16
    function invariant_ExecutedAtMostOnce() external view {
        for (uint256 i = 0; i < voters.count(); ++i) {
            (bytes32 proposal, uint256 executions) = voters.madeAt(i);
            bool executed = ballots.proposalOf(proposal).state == IBallots.State.Executed;
            check(executions == (executed ? 1 : 0), "executed");
        }
    }

    /// forge-config: default.invariant.runs = 16
    function invariant_NeverFewerThanThreeMembers() external view {
        check(consortium.count() >= 3 && consortium.keysWith(0).length == consortium.count(), "members");
    }

    /// forge-config: default.invariant.runs = 16
    function invariant_ARevokedReleaseIsNeverCurrent() external view {
        ReleaseBoard releases = voters.releases();
        bytes32 current = releases.currentOf("m");
        if (current == 0) return;
        (IReleaseBoard.Release memory record, bool revoked) = releases.releaseOf(current);
        check(!revoked && record.root == voters.root() && record.name == "m", "current");
    }

    /// @dev After anything that happened, and even if one member is silent, the others can still decide.
    /// forge-config: default.invariant.runs = 16
    function invariant_ADecisionIsPossibleWithoutAnyOneMember() external {
        address[] memory keys = consortium.keysWith(0);
        prank(keys[0]);
        bytes32 proposal = ballots.proposeSuccessor(7, address(this));
        for (uint256 i = 1; i < keys.length; ++i) {
            prank(keys[i]);
            ballots.vote(proposal, 1);
        }
        uint32 nonce = ballots.nonceOf(keys[0]);
        vm.warp(ballots.proposalOf(proposal).executableFrom);
        prank(STRANGER);
        ballots.execute(keys[0], nonce, IBallots.Kind.NameSuccessor, abi.encode(uint64(7), address(this)));
        check(consortium.successor().ledger == address(this), "not carried out");
    }

    function testFuzz_AnyOutcomeFollowsTheRules(uint256 choices, uint8 size, uint16 majority) public {
        uint256 members = 3 + uint256(size) % 100;
        majority = 5000 + majority % 1667;
        address[] memory keys = new address[](members);
        for (uint256 i = 0; i < members; ++i) {
            keys[i] = keyOf(i);
        }
        (,,, ballots) = deploy(keys);
        bytes32 proposal = _changedRules(keys, majority);
        uint256[4] memory tally;
        for (uint256 i = 0; i < members; ++i) {
            uint8 choice = uint8(choices >> 2 * (i % 128)) & 3;
            ++tally[choice];
            if (choice == 0) continue;
            prank(keys[i]);
            ballots.vote(proposal, choice);
        }
        vm.warp(ballots.proposalOf(proposal).deadline + 1);
        bool passes = tally[1] * 10_000 > members * majority;
        IBallots.State state = ballots.proposalOf(proposal).state;
        check(state == (passes ? IBallots.State.Waiting : IBallots.State.Rejected), "outcome");
    }

    /// @dev After a fork no vote counts on both chains.
    function testFuzz_AVoteIsForOneChain(uint32 chain) external {
        vm.assume(chain != HOME && chain != 0);
        prank(vm.addr(1));
        bytes32 proposal = ballots.proposeRemoval(4);
        bytes32 digest = ballots.digestOf(proposal, IBallots.Kind.RemoveMember, vm.addr(2), 1, type(uint64).max);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(2, digest);
        IBallots.SignedVote memory signed = IBallots.SignedVote(vm.addr(2), 1, type(uint64).max, v, r, s);
        vm.chainId(chain);
        vm.expectRevert(
            abi.encodeWithSelector(
                IBallots.Ballots_VoteRefused.selector, proposal, vm.addr(2), IBallots.Refusal.WrongSigner
            )
        );
        prank(STRANGER);
        ballots.voteBySignature(proposal, IBallots.Kind.RemoveMember, signed);
        vm.chainId(HOME);
        prank(STRANGER);
        ballots.voteBySignature(proposal, IBallots.Kind.RemoveMember, signed);
    }

    /// @dev What is shown with a vote has a kind, and the vote counts for no proposal of another.
    function testFuzz_AVoteIsForOneKind(uint8 what) external {
        IBallots.Kind kind = IBallots.Kind(1 + what % 9);
        vm.assume(kind != IBallots.Kind.RemoveMember);
        prank(vm.addr(1));
        bytes32 proposal = ballots.proposeRemoval(4);
        bytes32 digest = ballots.digestOf(proposal, IBallots.Kind.RemoveMember, vm.addr(2), 1, type(uint64).max);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(2, digest);
        IBallots.SignedVote[] memory batch = new IBallots.SignedVote[](1);
        batch[0] = IBallots.SignedVote(vm.addr(2), 1, type(uint64).max, v, r, s);
        prank(STRANGER);
        ballots.voteBatch(proposal, kind, batch);
        (uint256 inFavour,,) = ballots.bitmapsOf(proposal);
        check(inFavour == 0, "counted for another kind");
        vm.expectRevert(
            abi.encodeWithSelector(
                IBallots.Ballots_VoteRefused.selector, proposal, vm.addr(2), IBallots.Refusal.WrongSigner
            )
        );
        prank(STRANGER);
        ballots.voteBySignature(proposal, kind, batch[0]);
        prank(STRANGER);
        ballots.voteBySignature(proposal, IBallots.Kind.RemoveMember, batch[0]);
    }

    /// @dev No two actions are shown alike: other words have another name.
    function testFuzz_NoTwoActionsHaveOneName(uint8 what, bytes32[7] memory words, uint8 place, uint8 bit) external view {
        IBallots.Kind kind = IBallots.Kind(1 + what % 9);
        uint256[9] memory sizes = [uint256(4), 1, 2, 4, 1, 7, 3, 2, 2];
        bytes memory one = new bytes(32 * sizes[what % 9]);
        bytes memory other = new bytes(one.length);
        for (uint256 i = 32; i <= one.length; i += 32) {
            bytes32 word = words[i / 32 - 1];
            bytes32 changed = i / 32 - 1 == place % sizes[what % 9] ? word ^ bytes32(uint256(1) << bit) : word;
            assembly ("memory-safe") {
                mstore(add(one, i), word)
                mstore(add(other, i), changed)
            }
        }
        try ballots.idOf(vm.addr(1), 1, kind, one) returns (bytes32 name) {
            try ballots.idOf(vm.addr(1), 1, kind, other) returns (bytes32 again) {
                check(name != again, "two actions, one name");
            } catch {}
        } catch {}
    }

    /// @dev Of any bytes that a member signs, only what `execute` can carry out becomes a proposal.
    function testFuzz_ASignedActionHasOneEncoding(uint8 what, bytes memory action, uint256 word, uint8 length) external {
        IBallots.Kind kind = IBallots.Kind(what % 10);
        if (length < 128) {
            action = new bytes(32 * (length % 8));
            for (uint256 i = 32; i <= action.length; i += 32) {
                assembly ("memory-safe") {
                    mstore(add(action, i), word)
                }
                word = word << 8 | word >> 248;
            }
        }
        bytes32 digest = "what nobody can be shown";
        try ballots.digestOfProposal(1, vm.addr(1), kind, action, type(uint64).max) returns (bytes32 told) {
            digest = told;
        } catch {}
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(1, digest);
        IBallots.SignedProposal memory signed =
            IBallots.SignedProposal(1, vm.addr(1), type(uint64).max, v, r, s);
        prank(STRANGER);
        try ballots.proposeBySignature(kind, action, signed) returns (bytes32 proposal) {
            check(proposal == ballots.idOf(vm.addr(1), 1, kind, action), "named otherwise");
            check(keccak256(_again(kind, action)) == keccak256(action), "another encoding");
        } catch (bytes memory reason) {
            check(reason.length >= 4 && bytes4(reason) != bytes4(0x4e487b71), "without a name");
        }
    }

    function _again(IBallots.Kind kind, bytes memory action) private pure returns (bytes memory) {
        if (kind == IBallots.Kind.AdmitMember) {
            (address key, uint8 roles, bytes32[2] memory words) = abi.decode(action, (address, uint8, bytes32[2]));
            return abi.encode(key, roles, words);
        }
        if (kind == IBallots.Kind.RemoveMember) return abi.encode(abi.decode(action, (uint8)));
        if (kind == IBallots.Kind.ChangeRoles) {
            (uint8 index, uint8 roles) = abi.decode(action, (uint8, uint8));
            return abi.encode(index, roles);
        }
        if (kind == IBallots.Kind.ChangeRules) return abi.encode(abi.decode(action, (IBallots.Rules)));
        if (kind == IBallots.Kind.CloseJob) return abi.encode(abi.decode(action, (uint32)));
        if (kind == IBallots.Kind.NameSuccessor) {
            (uint64 chain, address ledger) = abi.decode(action, (uint64, address));
            return abi.encode(chain, ledger);
        }
        revert("a release that there is not");
    }

    /// @dev Every multiset of votes of 3 to 7 members, under the least and the largest majority: a proposal passes exactly
    /// where For is more than that part of all members. Forge's twin of tests/ledger/events/test_majority.py.
    function test_ForAloneDecides() external {
        for (uint256 members = 3; members <= 7; ++members) {
            address[] memory keys = new address[](members);
            for (uint256 i = 0; i < members; ++i) {
                keys[i] = keyOf(i);
            }
            (,,, ballots) = deploy(keys);
            _everyOutcome(keys, 5000);
            (,,, ballots) = deploy(keys);
            _changedRules(keys, 6666);
            _everyOutcome(keys, 6666);
        }
    }

    function _everyOutcome(address[] memory keys, uint256 majority) private {
        uint256 members = keys.length;
        for (uint256 inFavour = 0; inFavour <= members; ++inFavour) {
            for (uint256 against = 0; inFavour + against <= members; ++against) {
                for (uint256 abstaining = 0; inFavour + against + abstaining <= members; ++abstaining) {
                    prank(keys[0]);
                    bytes32 proposal = ballots.proposeRemoval(0);
                    for (uint256 i = 0; i < inFavour + against + abstaining; ++i) {
                        prank(keys[i]);
                        // The others first, then For: a vote for it never turns it back.
                        ballots.vote(proposal, i < against ? 2 : i < against + abstaining ? 3 : 1);
                    }
                    vm.warp(ballots.proposalOf(proposal).deadline + 1);
                    bool passes = inFavour * 10_000 > members * majority;
                    check(
                        ballots.proposalOf(proposal).state
                            == (passes ? IBallots.State.Waiting : IBallots.State.Rejected),
                        "outcome"
                    );
                    check(inFavour + 1 < members || passes, "one member blocks");
                }
            }
        }
    }

    function test_AnybodysCallIsAPlainAccounts() external {
        bytes4 reason = IBallots.Ballots_NotOrigin.selector;
        IBallots.Kind kind = IBallots.Kind.RemoveMember;
        IBallots.SignedVote memory vote = IBallots.SignedVote(vm.addr(1), 1, type(uint64).max, 27, "r", "s");
        IBallots.SignedVote[] memory batch = new IBallots.SignedVote[](1);
        batch[0] = vote;
        IBallots.SignedProposal memory signed =
            IBallots.SignedProposal(1, vm.addr(1), type(uint64).max, 27, "r", "s");
        bytes[6] memory calls = [
            abi.encodeCall(ballots.voteBySignature, ("proposal", kind, vote)),
            abi.encodeCall(ballots.voteBatch, ("proposal", kind, batch)),
            abi.encodeCall(ballots.close, ("proposal")),
            abi.encodeCall(ballots.proposeBySignature, (kind, abi.encode(3), signed)),
            abi.encodeCall(ballots.execute, (vm.addr(1), 1, kind, abi.encode(3))),
            abi.encodeCall(ballots.vote, ("proposal", 1))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            requirePlain(address(ballots), calls[i], reason);
        }
    }

    /// @dev A statement is made in a transaction of the member's own key: not by a contract, nor through delegated code.
    function test_AStatementIsItsOriginsOwn() external {
        address member = vm.addr(1);
        address origin = vm.addr(2);
        bytes memory expected = abi.encodeWithSelector(IBallots.Ballots_NotOrigin.selector, member, origin);
        prank(member);
        bytes32 proposal = ballots.proposeRemoval(4);
        IBallots.Rules memory changed = rules();
        changed.majority += 1;
        bytes[8] memory calls = [
            abi.encodeCall(ballots.proposeAdmission, (vm.addr(77), ALL, delta())),
            abi.encodeCall(ballots.proposeRemoval, (3)),
            abi.encodeCall(ballots.proposeRoles, (3, 1)),
            abi.encodeCall(ballots.proposeRules, (changed)),
            abi.encodeCall(ballots.proposeClosing, (1)),
            abi.encodeCall(ballots.proposeSuccessor, (1, member)),
            abi.encodeCall(ballots.vote, (proposal, 1)),
            abi.encodeCall(ballots.cancel, (proposal))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(member, origin);
            (bool succeeded, bytes memory reason) = address(ballots).call(calls[i]);
            check(!succeeded && keccak256(reason) == keccak256(expected), "counted");
            vm.prank(member, member);
            (succeeded,) = address(ballots).call(calls[i]);
            check(succeeded == (i != 7), "refused"); // a vote was cast on it
        }
    }

    /// @dev A closed vote passes, no matter what anyone says in the same second.
    function testFuzz_WhatPassesStaysPassed(uint256 choices, uint256 others) public {
        address[] memory keys = new address[](9);
        for (uint256 i = 0; i < 9; ++i) {
            keys[i] = keyOf(i);
        }
        (,,, ballots) = deploy(keys);
        prank(keys[0]);
        bytes32 proposal = ballots.proposeRemoval(8);
        _vote(proposal, keys, choices);
        prank(STRANGER);
        try ballots.close(proposal) {
            _vote(proposal, keys, others);
            vm.warp(block.timestamp + 1);
            check(ballots.proposalOf(proposal).state == IBallots.State.Waiting, "did not pass");
        } catch {
            (uint8 inFavour,,) = ballots.tallyOf(proposal);
            check(inFavour < 5, "it passed");
        }
    }

    function _vote(bytes32 proposal, address[] memory keys, uint256 choices) private {
        for (uint256 i = 0; i < keys.length; ++i) {
            prank(keys[i]);
            try ballots.vote(proposal, uint8(choices >> 2 * i) & 3) {} catch {}
        }
    }

    /// @dev A proposal under other rules than the founding's.
    function _changedRules(address[] memory keys, uint16 majority) private returns (bytes32 proposal) {
        IBallots.Rules memory changed = rules();
        changed.majority = majority;
        changed.voteSeconds += 1;
        prank(keys[0]);
        proposal = ballots.proposeRules(changed);
        for (uint256 i = 0; i < keys.length; ++i) {
            prank(keys[i]);
            ballots.vote(proposal, 1);
        }
        vm.warp(ballots.proposalOf(proposal).executableFrom);
        prank(STRANGER);
        ballots.execute(keys[0], 1, IBallots.Kind.ChangeRules, abi.encode(changed));
        prank(keys[0]);
        return ballots.proposeRemoval(0);
    }
}
