// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBallots} from "../interfaces/IBallots.sol";

/// @title Actions
/// @notice What a proposal may ask for, as far as that depends on nothing but the bytes.
library Actions {
    uint8 private constant ALL_ROLES = 7;
    /// @dev Half, and the largest part that n - 1 of n members exceed for every n from 3 on.
    uint256 private constant LEAST_MAJORITY = 5_000;
    uint256 private constant LARGEST_MAJORITY = 6_666;
    uint256 private constant MAXIMUM_SECONDS = 365 days;

    /// @notice Reverts unless `action` is the one ABI encoding of the arguments of that kind.
    function requireShape(IBallots.Kind kind, bytes memory action) internal pure {
        bytes memory widths = _widthsOf(kind);
        bool fits = widths.length != 0 && action.length == 32 * widths.length;
        for (uint256 i = 0; fits && i < widths.length; ++i) {
            uint256 word;
            assembly ("memory-safe") {
                word := mload(add(add(action, 32), mul(32, i)))
            }
            uint256 bits = 8 * uint256(uint8(widths[i]));
            fits = bits == 256 || word >> bits == 0;
        }
        if (!fits) revert IBallots.Ballots_InvalidAction(kind, action);
    }

    /// @notice Reverts unless these are some of the roles there are.
    function requireRoles(uint8 roles) internal pure {
        if (roles == 0 || roles > ALL_ROLES) revert IBallots.Ballots_InvalidRoles(roles);
    }

    /// @notice Reverts unless the rules leave every later decision possible.
    function requireRules(IBallots.Rules memory given) internal pure {
        bool majority = given.majority >= LEAST_MAJORITY && given.majority <= LARGEST_MAJORITY;
        bool times = given.voteSeconds > 0 && given.voteSeconds <= MAXIMUM_SECONDS && given.executeSeconds > 0
            && given.executeSeconds <= MAXIMUM_SECONDS && given.delaySeconds <= MAXIMUM_SECONDS;
        if (!majority || !times) revert IBallots.Ballots_InvalidRules();
    }

    /// @dev How many bytes of each word may be used.
    function _widthsOf(IBallots.Kind kind) private pure returns (bytes memory) {
        if (kind == IBallots.Kind.AdmitMember) return hex"14012020";
        if (kind == IBallots.Kind.RemoveMember) return hex"01";
        if (kind == IBallots.Kind.ChangeRoles) return hex"0101";
        if (kind == IBallots.Kind.ChangeRules) return hex"02040404";
        if (kind == IBallots.Kind.CloseJob) return hex"04";
        if (kind == IBallots.Kind.Release) return hex"20200404202020";
        if (kind == IBallots.Kind.Revoke) return hex"202020";
        if (kind == IBallots.Kind.RollBack) return hex"2020";
        if (kind == IBallots.Kind.NameSuccessor) return hex"0814";
        if (kind == IBallots.Kind.RewindJob) return hex"0404";
        return "";
    }
}
