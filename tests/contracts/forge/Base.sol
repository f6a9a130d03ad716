// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Consortium} from "../../../contracts/Consortium.sol";
import {RoundLedger} from "../../../contracts/RoundLedger.sol";
import {IRoundLedger} from "../../../contracts/interfaces/IRoundLedger.sol";

/// @dev The cheat codes in use.
interface Vm {
    function prank(address sender) external;
    function warp(uint256 time) external;
    function expectRevert(bytes calldata reason) external;
    function assume(bool condition) external;
}

/// @dev Keys, a consortium of them, and a ledger with one open job.
abstract contract Base {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    uint8 internal constant PARTICIPANT = 1;
    uint8 internal constant AGGREGATOR = 2;
    uint8 internal constant ALL = 7;

    function terms() internal pure returns (IRoundLedger.Terms memory) {
        return IRoundLedger.Terms({
            rounds: type(uint32).max, updateSeconds: 100, aggregateSeconds: 50, attestSeconds: 80, attempts: 2
        });
    }

    function keyOf(uint256 i) internal pure returns (address) {
        return address(uint160(0x10000 + i));
    }

    /// @dev Members hold `keyOf(0)` and up, and all roles; job 1 is open.
    function found(uint256 members) internal returns (Consortium consortium, RoundLedger ledger) {
        address[] memory keys = new address[](members);
        uint8[] memory roles = new uint8[](members);
        for (uint256 i = 0; i < members; ++i) {
            (keys[i], roles[i]) = (keyOf(i), ALL);
        }
        consortium = new Consortium(keys, roles);
        ledger = new RoundLedger(consortium);
        vm.prank(keys[0]);
        ledger.proposeJob("job", terms());
        for (uint256 i = 1; i < consortium.majority(); ++i) {
            vm.prank(keys[i]);
            ledger.approveJob(1);
        }
    }

    function check(bool holds, string memory what) internal pure {
        require(holds, what);
    }
}
