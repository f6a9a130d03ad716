// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Consortium} from "../../../contracts/Consortium.sol";
import {RoundLedger} from "../../../contracts/RoundLedger.sol";
import {IConsortium} from "../../../contracts/interfaces/IConsortium.sol";
import {IRoundLedger} from "../../../contracts/interfaces/IRoundLedger.sol";
import {Base} from "./Base.sol";

/// @dev Properties of single calls, for any argument.
contract RoundLedgerTest is Base {
    Consortium private consortium;
    RoundLedger private ledger;

    function setUp() public {
        (consortium, ledger) = found(5);
        prank(keyOf(0));
        ledger.openRound(1);
    }

    function testFuzz_CommitmentIsTheSpecifiedHash(uint32 round, uint32 weight, bytes32 root, bytes32 cid, bytes16 salt)
        public
        view
    {
        Update memory update = Update(keyOf(1), weight, root, cid, salt);
        bytes28 commitment = ledger.commitmentOf(1, round, keyOf(1), weight, root, cid, salt);
        check(commitment == sealOf(ledger, 1, round, update), "commitment");
    }

    /// @dev What was committed to opens, and nothing else: `part` of it is changed.
    function testFuzz_OnlyWhatWasCommittedToOpens(uint32 weight, bytes32 root, bytes32 cid, bytes16 salt, uint8 part)
        public
    {
        vm.assume(weight != 0);
        Update memory update = Update(keyOf(1), weight, root, cid, salt);
        prank(keyOf(1));
        ledger.commitUpdate(1, 1, sealOf(ledger, 1, 1, update));
        vm.warp(ledger.roundOf(1).deadline + 1);
        bytes memory changed = opening(update);
        uint256 place = 20 + uint256(part) % 84;
        changed[place] = ~changed[place];
        vm.expectRevert(
            abi.encodeWithSelector(
                IRoundLedger.RoundLedger_NotWhatWasCommitted.selector, uint32(1), uint32(1), keyOf(1)
            )
        );
        prank(STRANGER);
        ledger.openUpdates(1, 1, changed);
        prank(STRANGER);
        ledger.openUpdates(1, 1, opening(update));
        check(ledger.roundOf(1).phase == IRoundLedger.Phase.Aggregating, "open");
    }

    /// @dev Any openings of seven updates, in any order and number, open each update in it once.
    function testFuzz_EachUpdateOpensOnce(uint256 order, uint8 count) public {
        (, ledger) = found(7);
        prank(keyOf(0));
        ledger.openRound(1);
        for (uint256 i = 0; i < 7; ++i) {
            Update memory update = updateOf(keyOf(i), bytes32(i));
            prank(keyOf(i));
            ledger.commitUpdate(1, 1, sealOf(ledger, 1, 1, update));
        }
        uint256 open = 0;
        for (uint256 call = 0; call < 3 && ones(open) < 7; ++call) {
            bytes memory openings;
            for (uint256 i = 0; i <= count % 10; ++i) {
                uint256 index = uint256(keccak256(abi.encode(order, call, i))) % 7;
                open |= 1 << index;
                openings = bytes.concat(openings, opening(updateOf(keyOf(index), bytes32(index))));
            }
            prank(STRANGER);
            ledger.openUpdates(1, 1, openings);
            check(ledger.roundOf(1).opened == ones(open), "opened");
        }
        bool all = ones(open) == 7;
        check((ledger.roundOf(1).phase == IRoundLedger.Phase.Aggregating) == all, "phase");
    }

    function testFuzz_UpdateIsInTimeUntilTheDeadline(uint40 time) public {
        vm.assume(time >= block.timestamp);
        uint40 deadline = ledger.roundOf(1).deadline;
        vm.warp(time);
        if (time > deadline) {
            vm.expectRevert(
                abi.encodeWithSelector(IRoundLedger.RoundLedger_DeadlinePassed.selector, deadline, uint256(time))
            );
        }
        prank(keyOf(1));
        ledger.commitUpdate(1, 1, "commitment");
    }

    /// @dev The wait for strikes has an end: after any number of them it is 8 turns at most.
    function test_StrikesAreWaitedForNoLongerThanEightTurns() public {
        uint256 turn = terms().aggregateSeconds;
        for (uint32 round = 1; round <= 300; ++round) {
            Update memory update = updateOf(keyOf(1), bytes32(uint256(round)));
            prank(keyOf(1));
            ledger.commitUpdate(1, round, sealOf(ledger, 1, round, update));
            vm.warp(ledger.roundOf(1).deadline + 1);
            prank(STRANGER);
            ledger.openUpdates(1, round, opening(update));
            vm.warp(ledger.roundOf(1).deadline + 1);
            prank(keyOf(2));
            ledger.advance(1, round);
            uint8 strikes = round < 255 ? uint8(round) : 255;
            check(ledger.strikesOf(1, 0) == strikes, "strikes");
            uint256 from = ledger.courseOf(1).endedAt + (strikes < 8 ? strikes : 8) * turn;
            vm.warp(from - 1);
            vm.expectRevert(
                abi.encodeWithSelector(IRoundLedger.RoundLedger_StrikesToWaitFor.selector, keyOf(0), strikes, from)
            );
            prank(keyOf(0));
            ledger.openRound(1);
            vm.warp(from);
            prank(keyOf(0));
            ledger.openRound(1);
        }
    }

    function testFuzz_StrangerIsRefused(address stranger, uint8 choice) public {
        vm.assume(uint160(stranger) < 0x10000 || uint160(stranger) >= 0x10005);
        vm.assume(stranger.code.length == 0);
        choice %= 6;
        if (choice == 4) _open(1);
        IRoundLedger.Aggregate memory none;
        vm.expectRevert(abi.encodeWithSelector(IConsortium.Consortium_NotMember.selector, stranger));
        prank(stranger);
        if (choice == 0) ledger.proposeJob("job", terms(), model());
        else if (choice == 1) ledger.approveJob(1, "job");
        else if (choice == 2) ledger.openRound(1);
        else if (choice == 3) ledger.commitUpdate(1, 1, "commitment");
        else if (choice == 4) ledger.publishAggregate(1, 1, none, 0);
        else ledger.advance(1, 1);
    }

    function test_AnybodysCallIsAPlainAccounts() public {
        bytes4 reason = IRoundLedger.RoundLedger_NotOrigin.selector;
        requirePlain(address(ledger), abi.encodeCall(ledger.openUpdates, (1, 1, "")), reason);
        requirePlain(address(ledger), abi.encodeCall(ledger.advance, (1, 1)), reason);
        requirePlain(address(ledger), abi.encodeCall(ledger.openRound, (1)), reason);
    }

    /// @dev Neither a contract nor delegated code makes a statement for a member.
    function test_AStatementIsItsOrigins() public {
        bytes[] memory calls = new bytes[](6);
        IRoundLedger.Aggregate memory none;
        calls[0] = abi.encodeCall(ledger.proposeJob, ("job", terms(), model()));
        calls[1] = abi.encodeCall(ledger.approveJob, (1, "job"));
        calls[2] = abi.encodeCall(ledger.openRound, (1));
        calls[3] = abi.encodeCall(ledger.commitUpdate, (1, 1, "commitment"));
        calls[4] = abi.encodeCall(ledger.publishAggregate, (1, 1, none, 0));
        calls[5] = abi.encodeCall(ledger.attest, (1, 1, 1, IRoundLedger.Form.Agree, 0, 0));
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(keyOf(4), keyOf(1));
            (bool succeeded, bytes memory reason) = address(ledger).call(calls[i]);
            bytes memory expected =
                abi.encodeWithSelector(IRoundLedger.RoundLedger_NotOrigin.selector, keyOf(4), keyOf(1));
            check(!succeeded && keccak256(reason) == keccak256(expected), "in another's transaction");
        }
    }

    function testFuzz_ClaimsDifferWithEveryPart(IRoundLedger.Aggregate memory aggregate, bytes32 opened, uint8 part)
        public
        view
    {
        bytes32 claim = ledger.claimOf(1, 1, opened, aggregate);
        check(claim != ledger.claimOf(2, 1, opened, aggregate), "job");
        check(claim != ledger.claimOf(1, 2, opened, aggregate), "round");
        check(claim != ledger.claimOf(1, 1, ~opened, aggregate), "opened");
        part %= 9;
        if (part == 0) aggregate.base = ~aggregate.base;
        else if (part == 1) aggregate.root = ~aggregate.root;
        else if (part == 2) aggregate.cid = ~aggregate.cid;
        else if (part == 3) aggregate.asOf = ~aggregate.asOf;
        else if (part == 4) aggregate.anchor = ~aggregate.anchor;
        else if (part == 5) aggregate.head = ~aggregate.head;
        else if (part == 6) aggregate.receipts = ~aggregate.receipts;
        else if (part == 7) aggregate.carried = ~aggregate.carried;
        else aggregate.verdicts = bytes.concat(aggregate.verdicts, hex"00");
        check(claim != ledger.claimOf(1, 1, opened, aggregate), "part");
    }

    function testFuzz_ClaimIsTheSpecifiedHash(
        IRoundLedger.Aggregate memory said,
        bytes32 opened,
        uint32 job,
        uint32 round
    ) public view {
        bytes memory where = abi.encode(keccak256("fedledger/claim/5"), block.chainid, ledger, job, round);
        bytes memory what = abi.encode(said.base, opened, said.root, said.cid, said.asOf, said.anchor, said.head);
        what = bytes.concat(what, abi.encode(said.receipts, said.carried, keccak256(said.verdicts)));
        check(ledger.claimOf(job, round, opened, said) == keccak256(bytes.concat(where, what)), "claim");
    }

    /// @dev Whoever publishes signs the very openings that the ledger had, and every part of the aggregate.
    function testFuzz_OnlyTheClaimThatTheLedgerComputesIsPublished(bytes32 claim, bytes32 opened, uint8 part) public {
        _open(2);
        vm.roll(vm.getBlockNumber() + 1);
        IRoundLedger.Aggregate memory aggregate = aggregateOf(ledger, 1, "root");
        bytes32 computed = claimNow(ledger, 1, aggregate);
        part %= 5;
        if (part == 1) claim = ledger.claimOf(1, 1, opened, aggregate);
        else if (part == 2) claim = ledger.claimOf(1, 2, ledger.openedOf(1), aggregate);
        else if (part == 3) claim = ledger.claimOf(2, 1, ledger.openedOf(1), aggregate);
        else if (part == 4) aggregate.head = opened;
        if (part == 4) (claim, computed) = (computed, claimNow(ledger, 1, aggregate));
        vm.assume(claim != computed);
        vm.expectRevert(abi.encodeWithSelector(IRoundLedger.RoundLedger_WrongClaim.selector, claim, computed));
        prank(keyOf(0));
        ledger.publishAggregate(1, 1, aggregate, claim);
        check(ledger.roundOf(1).attempt == 0 && ledger.claimBy(1) == 0, "published");

        prank(keyOf(0));
        ledger.publishAggregate(1, 1, aggregate, computed);
        check(ledger.claimBy(1) == computed, "another claim");
    }

    function testFuzz_MajorityDecides(uint8 size, uint256 lies) public {
        _requireMajorityDecides(uint8(3 + uint256(size) % 30), lies);
    }

    function test_MajorityDecidesInTheLargestConsortium() public {
        _requireMajorityDecides(255, 0);
        _requireMajorityDecides(255, type(uint256).max);
        _requireMajorityDecides(254, type(uint256).max / 3);
    }

    /// @dev A majority for finalises, its impossibility refutes, nothing else does. Bit i: member i lies.
    function _requireMajorityDecides(uint8 size, uint256 lies) private {
        (, ledger) = found(size);
        prank(keyOf(0));
        ledger.openRound(1);
        _open(2);
        vm.roll(vm.getBlockNumber() + 1);
        IRoundLedger.Aggregate memory aggregate = aggregateOf(ledger, 1, "root");
        bytes32 claim = claimNow(ledger, 1, aggregate);
        prank(keyOf(0));
        ledger.publishAggregate(1, 1, aggregate, claim);
        uint256 majority = size / 2 + 1;
        uint256 agreeing = 1;
        uint256 disagreeing = 0;
        for (uint256 i = 1; agreeing < majority && size - disagreeing >= majority; ++i) {
            check(ledger.roundOf(1).phase == IRoundLedger.Phase.Attesting, "decided early");
            bool agrees = lies & (1 << i) == 0;
            if (agrees) ++agreeing;
            else ++disagreeing;
            prank(keyOf(i));
            if (agrees) ledger.attest(1, 1, 1, IRoundLedger.Form.Agree, claim, 0);
            else if (i % 2 == 0) ledger.attest(1, 1, 1, IRoundLedger.Form.Other, "lie", 0);
            else ledger.attest(1, 1, 1, IRoundLedger.Form.Missing, claim, 0);
        }
        bool finalised = agreeing == majority;
        IRoundLedger.Phase phase = ledger.roundOf(1).phase;
        check(phase == (finalised ? IRoundLedger.Phase.Finalised : IRoundLedger.Phase.Aggregating), "phase");
        check(ledger.modelOf(1, 1) == (finalised ? bytes32("root") : bytes32(0)), "model");
    }

    /// @dev The first members' updates are open, and nobody else's.
    function _open(uint256 count) private {
        bytes memory openings;
        for (uint256 i = 0; i < count; ++i) {
            Update memory update = updateOf(keyOf(i), bytes32(i));
            prank(keyOf(i));
            ledger.commitUpdate(1, 1, sealOf(ledger, 1, 1, update));
            openings = bytes.concat(openings, opening(update));
        }
        vm.warp(ledger.roundOf(1).deadline + 1);
        prank(STRANGER);
        ledger.openUpdates(1, 1, openings);
    }
}
