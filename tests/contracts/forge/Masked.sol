// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Consortium} from "../../../contracts/Consortium.sol";
import {MaskBoard} from "../../../contracts/MaskBoard.sol";
import {RoundLedger} from "../../../contracts/RoundLedger.sol";
import {IMaskBoard} from "../../../contracts/interfaces/IMaskBoard.sol";
import {IRoundLedger} from "../../../contracts/interfaces/IRoundLedger.sol";
import {Base} from "./Base.sol";

/// @dev A masked job, and rounds of it in which some updates are open.
abstract contract Masked is Base {
    Consortium public consortium;
    RoundLedger public ledger;
    MaskBoard public board;

    function masking() internal pure returns (IMaskBoard.Masking memory) {
        return IMaskBoard.Masking({
            segment: 4,
            smallest: 3,
            threshold: 0,
            setUpSeconds: 6,
            setSeconds: 8,
            unmaskSeconds: 10,
            shareSeconds: 12
        });
    }

    function foundMasked(uint256 members) internal {
        address[] memory keys = new address[](members);
        for (uint256 i = 0; i < members; ++i) {
            keys[i] = keyOf(i);
        }
        (consortium, ledger,,) = deploy(keys);
        board = MaskBoard(create("MaskBoard", abi.encode(ledger)));
        prank(keys[0]);
        ledger.proposeJob("job", terms(), model());
        prank(keys[0]);
        board.configure(1, masking());
        for (uint256 i = 1; i < consortium.majority(); ++i) {
            prank(keys[i]);
            ledger.approveJob(1, "job");
        }
    }

    /// @dev All members have mask keys, and these are the first segment's cast.
    function fixCast(uint256 members, uint256 cast) internal {
        for (uint256 i = 0; i < members; ++i) {
            prank(keyOf(i));
            board.registerKey(bytes32(i + 1));
        }
        prank(keyOf(0));
        board.openSegment(1, 1);
        vm.warp(vm.getBlockTimestamp() + masking().setUpSeconds + 1);
        prank(keyOf(0));
        board.proposeCast(1, 1, cast);
        for (uint256 i = 1; board.castOf(1, 1) == 0; ++i) {
            prank(keyOf(i));
            board.agreeCast(1, 1, cast);
        }
    }

    /// @dev Another round, by this member: the members in `parties` commit, and those of them in `showing` are open.
    function openRound(uint8 opener, uint256 members, uint256 parties, uint256 showing)
        internal
        returns (uint32 round)
    {
        prank(consortium.keyOf(opener));
        ledger.openRound(1);
        round = ledger.roundOf(1).round;
        bytes memory openings;
        for (uint8 i = 0; i < members; ++i) {
            if (parties >> i & 1 == 0) continue;
            Update memory update = updateOf(consortium.keyOf(i), keccak256(abi.encode(round, i)));
            prank(update.party);
            ledger.commitUpdate(1, round, sealOf(ledger, 1, round, update));
            if (showing >> i & 1 == 1) openings = bytes.concat(openings, opening(update));
        }
        if (ledger.roundOf(1).phase == IRoundLedger.Phase.Collecting) vm.warp(ledger.roundOf(1).deadline + 1);
        if (openings.length != 0) {
            prank(STRANGER);
            ledger.openUpdates(1, round, openings);
        }
        IRoundLedger.Present memory present = ledger.presentOf(1);
        if (present.phase == IRoundLedger.Phase.Opening) vm.warp(uint256(present.deadline) + 1);
    }

    function sharesOf(uint256 members) internal pure returns (bytes memory shares) {
        for (uint256 i = 0; i < 256; ++i) {
            if (members >> i & 1 == 1) shares = bytes.concat(shares, bytes1(uint8(i)), keccak256(abi.encode(i)));
        }
    }
}
