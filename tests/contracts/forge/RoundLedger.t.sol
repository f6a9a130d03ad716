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

    function testFuzz_HeadIsTheSpecifiedHash(uint32 weight, bytes32 root, bytes32 cid) public {
        vm.assume(weight != 0);
        prank(keyOf(1));
        ledger.submitUpdate(1, 1, weight, root, cid);
        (bytes28 head, uint32 round) = ledger.headOf(1, keyOf(1));
        check(head == bytes28(keccak256(abi.encode(bytes28(0), uint32(1), uint32(1), weight, root, cid))), "head");
        check(round == 1, "round");
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
        ledger.submitUpdate(1, 1, 1, "root", "cid");
    }

    function testFuzz_StrangerIsRefused(address stranger, uint8 choice) public {
        vm.assume(uint160(stranger) < 0x10000 || uint160(stranger) >= 0x10005);
        vm.expectRevert(abi.encodeWithSelector(IConsortium.Consortium_NotMember.selector, stranger));
        prank(stranger);
        choice %= 8;
        if (choice == 0) ledger.proposeJob("job", terms());
        else if (choice == 1) ledger.approveJob(1, "job");
        else if (choice == 2) ledger.openRound(1);
        else if (choice == 3) ledger.submitUpdate(1, 1, 1, "root", "cid");
        else if (choice == 4) ledger.publishAggregate(1, 1, "root", "cid", "");
        else if (choice == 5) ledger.abandonRound(1, 1);
        else if (choice == 6) consortium.rotateKey(stranger);
        else consortium.approveRotation(0, stranger);
    }

    /// @dev Neither a contract nor delegated code proposes or approves a job for a member.
    function test_AJobIsProposedAndApprovedByItsOrigin() public {
        bytes memory expected =
            abi.encodeWithSelector(IRoundLedger.RoundLedger_NotOrigin.selector, keyOf(4), keyOf(1));
        vm.expectRevert(expected);
        vm.prank(keyOf(4), keyOf(1));
        ledger.proposeJob("job", terms());
        vm.expectRevert(expected);
        vm.prank(keyOf(4), keyOf(1));
        ledger.approveJob(1, "job");
        prank(keyOf(4));
        ledger.approveJob(1, "job");
    }

    function testFuzz_ClaimsDifferWithEveryPart(bytes32 root, bytes32 cid, bytes calldata verdicts) public view {
        bytes32 claim = ledger.claimOf(1, 1, root, cid, verdicts);
        check(claim == keccak256(abi.encode(1, 1, root, cid, keccak256(verdicts))), "encoding");
        check(claim != ledger.claimOf(2, 1, root, cid, verdicts), "job");
        check(claim != ledger.claimOf(1, 2, root, cid, verdicts), "round");
        check(claim != ledger.claimOf(1, 1, ~root, cid, verdicts), "root");
        check(claim != ledger.claimOf(1, 1, root, ~cid, verdicts), "cid");
        check(claim != ledger.claimOf(1, 1, root, cid, bytes.concat(verdicts, hex"00")), "verdicts");
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
        vm.warp(ledger.roundOf(1).deadline + 1);
        prank(keyOf(0));
        ledger.publishAggregate(1, 1, "root", "cid", "");
        bytes32 claim = ledger.claimOf(1, 1, "root", "cid", "");
        uint256 majority = size / 2 + 1;
        uint256 agreeing = 1;
        uint256 disagreeing = 0;
        for (uint256 i = 1; agreeing < majority && size - disagreeing >= majority; ++i) {
            check(ledger.roundOf(1).phase == IRoundLedger.Phase.Attesting, "decided early");
            bool agrees = lies & (1 << i) == 0;
            if (agrees) ++agreeing;
            else ++disagreeing;
            prank(keyOf(i));
            ledger.attest(1, 1, 1, agrees ? claim : bytes32("lie"));
        }
        bool finalised = agreeing == majority;
        IRoundLedger.Phase phase = ledger.roundOf(1).phase;
        check(phase == (finalised ? IRoundLedger.Phase.Finalised : IRoundLedger.Phase.Aggregating), "phase");
        check(ledger.modelOf(1, 1) == (finalised ? bytes32("root") : bytes32(0)), "model");
    }
}
