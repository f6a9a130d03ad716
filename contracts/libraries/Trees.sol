// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Trees
/// @notice Tensor roots: RFC 6962's tree with SHA-256 over leaves of 1 KiB, 256 values of int32, little-endian; the last
/// one is shorter where the stream ends.
/// @dev A record, in calldata, is a leaf followed by its path, lowest first. One loop runs for each hash of each record, and
/// is most of what a judgement costs besides its calldata: so it takes three at once, and all that it needs is worked out
/// before.
library Trees {
    /// @param length bytes of the leaf
    /// @param size bytes of the record
    /// @param offset where in the leaf the value is, in bytes
    /// @param sides for each hash of the path, from bit 5 on: 1 where it stands to the left; behind the last one a 1
    struct Place {
        uint256 length;
        uint256 size;
        uint256 offset;
        uint256 sides;
    }

    uint256 private constant WIDTH = 4;
    uint256 private constant VALUES = 256;
    uint256 private constant HASH = 32;

    /// @notice Where a value stands in every stream of so many values; `value` is one of them.
    function placeOf(uint256 value, uint256 values) internal pure returns (Place memory place) {
        unchecked {
            (uint256 position, uint256 width) = (value / VALUES, (values + VALUES - 1) / VALUES);
            uint256 left = values - position * VALUES;
            place.length = WIDTH * (left < VALUES ? left : VALUES);
            place.offset = WIDTH * (value % VALUES);
            (uint256 size, uint256 sides, uint256 bit) = (place.length, 0, HASH);
            for (; width > 1; (position, width) = (position / 2, (width + 1) / 2)) {
                if (position % 2 == 0 && position + 1 == width) continue;
                (size, sides, bit) = (size + HASH, sides | (position & 1) * bit, 2 * bit);
            }
            (place.size, place.sides) = (size, sides | bit);
        }
    }

    /// @notice The root that the record from byte `start` of the calldata leads to, and the value.
    function read(uint256 start, Place memory place) internal view returns (bytes32 root, int256 value) {
        (uint256 length, uint256 offset, uint256 sides) = (place.length, place.offset, place.sides);
        assembly ("memory-safe") {
            let word := shr(224, calldataload(add(start, offset)))
            word := or(shl(8, and(word, 0xff00ff)), and(shr(8, word), 0xff00ff))
            value := signextend(3, or(shl(16, and(word, 0xffff)), shr(16, word)))

            let room := mload(64)
            mstore8(room, 0)
            calldatacopy(add(room, 1), start, length)
            // Each hash is put where the next one is made of it: 1, left, right. A precompile that lacks gas leaves too
            // little for anything after it.
            let left := add(room, 1)
            let node := add(left, and(sides, 32))
            pop(staticcall(gas(), 2, room, add(length, 1), node, 32))
            mstore8(room, 1)
            let both := add(add(left, left), 32)
            start := add(start, length)
            for {} gt(sides, 255) { start := add(start, 96) } {
                mstore(sub(both, node), calldataload(start))
                node := add(left, and(shr(1, sides), 32))
                pop(staticcall(gas(), 2, room, 65, node, 32))
                mstore(sub(both, node), calldataload(add(start, 32)))
                node := add(left, and(shr(2, sides), 32))
                pop(staticcall(gas(), 2, room, 65, node, 32))
                mstore(sub(both, node), calldataload(add(start, 64)))
                sides := shr(3, sides)
                node := add(left, and(sides, 32))
                pop(staticcall(gas(), 2, room, 65, node, 32))
            }
            for {} gt(sides, 63) { start := add(start, 32) } {
                mstore(sub(both, node), calldataload(start))
                sides := shr(1, sides)
                node := add(left, and(sides, 32))
                pop(staticcall(gas(), 2, room, 65, node, 32))
            }
            root := mload(node)
        }
    }
}
