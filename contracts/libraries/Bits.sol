// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev No member has index 255: with this bit an empty bitmap of members is not zero, so that its first member costs no
/// more than the others.
uint256 constant MARK = 1 << 255;

/// @title Bits
/// @notice Bitmaps of members: bit i is member i's.
library Bits {
    /// @notice How many bits are set, of at most 255: added up in pairs, fours and bytes, and these by a multiplication.
    function ones(uint256 bits) internal pure returns (uint256) {
        unchecked {
            bits -= bits >> 1 & type(uint256).max / 3;
            bits = (bits & type(uint256).max / 5) + (bits >> 2 & type(uint256).max / 5);
            bits = bits + (bits >> 4) & type(uint256).max / 17;
            return bits * (type(uint256).max / 255) >> 248;
        }
    }
}
