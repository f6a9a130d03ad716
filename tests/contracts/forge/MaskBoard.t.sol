// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMaskBoard} from "../../../contracts/interfaces/IMaskBoard.sol";
import {Masked} from "./Masked.sol";

contract MaskBoardTest is Masked {
    function test_AContractSaysNothing() public {
        foundMasked(3);
        bytes[] memory calls = new bytes[](11);
        calls[0] = abi.encodeCall(board.configure, (1, masking()));
        calls[1] = abi.encodeCall(board.registerKey, ("key"));
        calls[2] = abi.encodeCall(board.setUp, (1, 0, type(uint40).max, "cid"));
        calls[3] = abi.encodeCall(board.proposeSet, (1, 1, 7, "receipts"));
        calls[4] = abi.encodeCall(board.agreeSet, (1, 1, 7));
        calls[5] = abi.encodeCall(board.unmask, (1, 1, "seed", ""));
        calls[6] = abi.encodeCall(board.giveShares, (1, 1, ""));
        calls[7] = abi.encodeCall(board.open, (1, 1, "key"));
        calls[8] = abi.encodeCall(board.openSegment, (1, 1));
        calls[9] = abi.encodeCall(board.proposeCast, (1, 1, 7));
        calls[10] = abi.encodeCall(board.agreeCast, (1, 1, 7));
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(keyOf(0), keyOf(1));
            (bool succeeded, bytes memory reason) = address(board).call(calls[i]);
            bytes memory expected = abi.encodeWithSelector(IMaskBoard.MaskBoard_NotOrigin.selector, keyOf(0), keyOf(1));
            check(!succeeded && keccak256(reason) == keccak256(expected), "said");
        }
    }

    /// @dev For any cast, commitments, openings and set: what is proposed is open, in the cast and large enough, and
    /// nothing else is refused.
    function testFuzz_ASetIsOfOpenUpdatesOfTheCast(
        uint8 size,
        uint256 cast,
        uint256 parties,
        uint256 showing,
        uint256 set
    ) public {
        uint256 members = 3 + uint256(size) % 6;
        uint256 all = (1 << members) - 1;
        foundMasked(members);
        (parties, set) = (parties & all, set & all);
        (showing, cast) = (showing & parties, cast & all);
        if (ones(cast) < 2 * members / 3 + 1) cast = all;
        fixCast(members, cast);
        uint32 round = openRound(0, members, parties, showing);
        prank(keyOf(0));
        (bool succeeded,) = address(board).call(abi.encodeCall(board.proposeSet, (1, round, set, "receipts")));
        check(succeeded == (set & ~showing == 0 && set & ~cast == 0 && ones(set) >= 3), "set");
    }

    /// @dev For any roster, threshold, smallest set and cast: it is out of the roster, and as many as rebuild a secret.
    function testFuzz_ACastIsOutOfTheRoster(uint256 keyed, uint8 threshold, uint256 cast) public {
        uint256 members = 9;
        foundMasked(members);
        (keyed, cast, threshold) = (keyed & 0x1ff, cast & 0x1ff, threshold % 10);
        IMaskBoard.Masking memory terms_ = masking();
        terms_.threshold = threshold;
        prank(keyOf(0));
        ledger.proposeJob("another", terms(), model());
        prank(keyOf(0));
        board.configure(2, terms_);
        for (uint256 i = 0; i < members; ++i) {
            if (keyed >> i & 1 == 0) continue;
            prank(keyOf(i));
            board.registerKey("key");
        }
        uint256 least = threshold == 0 ? 2 * ones(keyed) / 3 + 1 : threshold;
        if (2 * least <= ones(keyed)) least = ones(keyed) / 2 + 1;
        if (least < 3) least = 3;
        prank(keyOf(1));
        (bool succeeded,) = address(board).call(abi.encodeCall(board.openSegment, (2, 1)));
        check(succeeded == (ones(keyed) >= least), "roster");
        if (!succeeded) return;
        vm.warp(vm.getBlockTimestamp() + terms_.setUpSeconds + 1);
        prank(keyOf(1));
        (succeeded,) = address(board).call(abi.encodeCall(board.proposeCast, (2, 1, cast)));
        check(succeeded == (cast & ~keyed == 0 && ones(cast) >= least), "cast");
    }

    /// @dev For any set, shares of round keys are of the cast's members outside it, by ascending index.
    function testFuzz_SharesAreOfOneKind(uint256 set, uint256 of_, bytes32 noise) public {
        foundMasked(9);
        set = set & 0x1ff | 7;
        uint256 cast = set | uint8(noise[1]) | 0x7f;
        fixCast(9, cast);
        if (noise[0] < 0x50) of_ &= cast & ~set;
        else if (noise[0] < 0xa0) of_ &= cast;
        uint32 round = openRound(0, 9, set, set);
        prank(keyOf(0));
        board.proposeSet(1, round, set, "receipts");
        for (uint256 i = 1; i < 5; ++i) {
            prank(keyOf(i));
            board.agreeSet(1, round, set);
        }
        prank(keyOf(1));
        (bool succeeded,) = address(board).call(abi.encodeCall(board.unmask, (1, round, noise, sharesOf(of_))));
        check(succeeded == (of_ & ~(cast & ~set) == 0), "round keys");
        vm.warp(vm.getBlockTimestamp() + masking().unmaskSeconds + 1);
        (,,, uint256 silent) = board.setOf(1);
        check(silent == (succeeded ? set & ~uint256(2) : set), "silent");
        prank(keyOf(2));
        (succeeded,) = address(board).call(abi.encodeCall(board.giveShares, (1, round, sharesOf(of_))));
        check(succeeded == (of_ & ~(silent | cast & ~set) == 0 && of_ != 0), "shares");
    }
}
