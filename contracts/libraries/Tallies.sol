// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAggregateCourt} from "../interfaces/IAggregateCourt.sol";

/// @title Tallies
/// @notice One value of the mean update, from the same value of each admitted update, one after another and in any order.
/// @dev The weighted mean needs a sum. Median and trimmed mean need no order either: the caller says the lowest and the
/// highest of the values that count, and four counts show whether they are.
library Tallies {
    /// @param shown how many values, of 255 at most
    /// @param weight sum of the weights, each below 2^32
    /// @param sum of weight times value; under median and trimmed mean of the values between `low` and `high`. Its magnitude
    /// is below 2^72
    /// @param below how many are less than `low`
    /// @param toLow how many are not above `low`
    /// @param belowHigh how many are less than `high`
    /// @param toHigh how many are not above `high`
    struct Tally {
        uint256 shown;
        uint256 weight;
        int256 sum;
        uint256 below;
        uint256 toLow;
        uint256 belowHigh;
        uint256 toHigh;
    }

    /// @dev A `Tally` in one word.
    struct Kept {
        uint8 shown;
        uint48 weight;
        int96 sum;
        uint8 below;
        uint8 toLow;
        uint8 belowHigh;
        uint8 toHigh;
    }

    function addWeighted(Tally memory tally, uint256 weight, int256 value) internal pure {
        unchecked {
            ++tally.shown;
            tally.weight += weight;
            tally.sum += int256(weight) * value;
        }
    }

    function addRanked(Tally memory tally, int256 low, int256 high, int256 value) internal pure {
        unchecked {
            ++tally.shown;
            tally.below += _number(value < low);
            tally.toLow += _number(value <= low);
            tally.belowHigh += _number(value < high);
            tally.toHigh += _number(value <= high);
            if (value > low && value < high) tally.sum += value;
        }
    }

    /// @notice The weighted mean, rounded half away from zero.
    function mean(Tally memory tally) internal pure returns (int256) {
        return divide(tally.sum, int256(tally.weight));
    }

    /// @notice The mean of what is left without the `trim` lowest and the `trim` highest values, rounded half away from zero.
    /// Reverts unless `low` is the first of the rest in ascending order, and `high` the last.
    function trimmed(Tally memory tally, uint256 trim, int32 low, int32 high) internal pure returns (int256) {
        uint256 end = tally.shown - trim;
        bool first = tally.below <= trim && trim < tally.toLow;
        bool last = tally.belowHigh < end && end <= tally.toHigh;
        if (low > high || !first || !last) revert IAggregateCourt.AggregateCourt_WrongBounds(low, high);
        if (low == high) return low;
        int256 lows = int256(tally.toLow - trim) * low;
        int256 highs = int256(end - tally.belowHigh) * high;
        return divide(lows + tally.sum + highs, int256(end - trim));
    }

    /// @notice sum / divisor, rounded half away from zero; `divisor` is above 0.
    function divide(int256 sum, int256 divisor) internal pure returns (int256) {
        int256 half = sum < 0 ? -divisor : divisor;
        return (2 * sum + half) / (2 * divisor);
    }

    function _number(bool holds) private pure returns (uint256 one) {
        assembly ("memory-safe") {
            one := holds
        }
    }

    function kept(Tally memory tally) internal pure returns (Kept memory) {
        return Kept(
            uint8(tally.shown),
            uint48(tally.weight),
            int96(tally.sum),
            uint8(tally.below),
            uint8(tally.toLow),
            uint8(tally.belowHigh),
            uint8(tally.toHigh)
        );
    }

    function taken(Kept memory all) internal pure returns (Tally memory) {
        return Tally(all.shown, all.weight, all.sum, all.below, all.toLow, all.belowHigh, all.toHigh);
    }
}
