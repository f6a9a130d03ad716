// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AggregateCourt} from "../../../contracts/AggregateCourt.sol";
import {RoundLedger} from "../../../contracts/RoundLedger.sol";
import {IAggregateCourt} from "../../../contracts/interfaces/IAggregateCourt.sol";
import {IRoundLedger} from "../../../contracts/interfaces/IRoundLedger.sol";
import {Base} from "./Base.sol";

/// @dev A job that the court judges, and its twin: streams in memory, trees by recursion, means by sorting.
abstract contract Courts is Base {
    uint256 internal constant LEAF = 256;

    /// @param weights one for each update, by member index
    /// @param streams the updates' values
    /// @param verdicts one byte for each update
    struct Game {
        uint8 rule;
        uint8 trim;
        int32[] base;
        uint32[] weights;
        int32[][] streams;
        bytes verdicts;
    }

    RoundLedger internal ledger;
    AggregateCourt internal court;

    /// @dev Job 1 of the game's terms, for as many members as it has updates; at least 3.
    function begin(Game memory game) internal {
        uint256 members = game.streams.length < 3 ? 3 : game.streams.length;
        address[] memory keys = new address[](members);
        for (uint256 i = 0; i < members; ++i) {
            keys[i] = keyOf(i);
        }
        (, ledger,,) = deploy(keys);
        court = AggregateCourt(ledger.court());
        IRoundLedger.Model memory said = model();
        (said.initial, said.values) = (rootOf(game.base), uint64(game.base.length));
        (said.rule, said.trim, said.minUpdates) = (game.rule, game.trim, 1);
        (said.maxWeight, said.maxValue) = (type(uint32).max, uint32(type(int32).max));
        prank(keys[0]);
        ledger.proposeJob("job", terms(), said);
        for (uint256 i = 1; i <= members / 2; ++i) {
            prank(keys[i]);
            ledger.approveJob(1, "job");
        }
    }

    /// @dev The round, published with this model by the first member; opened in two calls, from the last to the first.
    function played(Game memory game, int32[] memory made)
        internal
        returns (IAggregateCourt.Claimed memory claimed, bytes32 claim)
    {
        uint256 count = game.streams.length;
        prank(keyOf(0));
        ledger.openRound(1);
        claimed.round = ledger.roundOf(1).round;
        (claimed.job, claimed.before, claimed.document) = (1, ledger.courseOf(1).latest, "job");
        bytes memory openings;
        for (uint256 i = 0; i < count; ++i) {
            Update memory update = updateOf(keyOf(i), rootOf(game.streams[i]));
            update.weight = game.weights[i];
            prank(update.party);
            bytes28 committed = sealOf(ledger, 1, claimed.round, update);
            ledger.commitUpdate(1, claimed.round, committed);
            openings = bytes.concat(opening(update), openings);
            claimed.updates =
                bytes.concat(abi.encodePacked(uint8(i), update.weight, update.root, committed), claimed.updates);
        }
        if (ledger.roundOf(1).phase == IRoundLedger.Phase.Collecting) vm.warp(ledger.roundOf(1).deadline + 1);
        prank(STRANGER);
        ledger.openUpdates(1, claimed.round, slice(openings, 0, 104));
        if (count > 1) {
            prank(STRANGER);
            ledger.openUpdates(1, claimed.round, openings); // the first one is passed over
        }
        claimed.batches = count > 1 ? abi.encodePacked(uint8(1), uint8(count - 1)) : bytes(hex"01");
        vm.roll(vm.getBlockNumber() + 1);
        claimed.aggregate = aggregateOf(ledger, 1, rootOf(made));
        claimed.aggregate.verdicts = game.verdicts;
        claim = claimNow(ledger, 1, claimed.aggregate);
        prank(keyOf(0));
        ledger.publishAggregate(1, claimed.round, claimed.aggregate, claim);
        check(ledger.claimBy(1) == claim, "claim");
    }

    /// @dev What shows that `value` of the model is wrong, if it is.
    function pointOf(Game memory game, int32[] memory made, uint256 value)
        internal
        pure
        returns (IAggregateCourt.Point memory point)
    {
        point.ground = IAggregateCourt.Ground.Value;
        point.value = uint64(value);
        (, point.low, point.high) = meanOf(game, value);
        point.proof = bytes.concat(record(made, value), record(game.base, value));
        for (uint256 i = game.streams.length; i > 0; --i) {
            if (game.verdicts[i - 1] == 0) point.proof = bytes.concat(point.proof, record(game.streams[i - 1], value));
        }
    }

    /// @dev The model that follows; only where each value fits.
    function honest(Game memory game) internal pure returns (int32[] memory made, bool fits) {
        made = new int32[](game.base.length);
        fits = true;
        for (uint256 i = 0; i < made.length; ++i) {
            (int256 mean,,) = meanOf(game, i);
            int256 value = game.base[i] + mean;
            made[i] = int32(value);
            fits = fits && made[i] == value;
        }
    }

    /// @dev One value of the mean update, rounded by cases; and the lowest and highest of the values that count.
    function meanOf(Game memory game, uint256 value) internal pure returns (int256 mean, int32 low, int32 high) {
        (int256 sum, int256 by) = (0, 0);
        int256[] memory column = new int256[](game.streams.length);
        uint256 count;
        for (uint256 i = 0; i < game.streams.length; ++i) {
            if (game.verdicts[i] != 0) continue;
            int256 one = game.streams[i][value];
            sum += int256(uint256(game.weights[i])) * one;
            by += int256(uint256(game.weights[i]));
            uint256 place = count++;
            for (; place > 0 && column[place - 1] > one; --place) {
                column[place] = column[place - 1];
            }
            column[place] = one;
        }
        if (game.rule != 0) {
            uint256 trim = game.rule == 1 ? (count - 1) / 2 : game.trim;
            (low, high) = (int32(column[trim]), int32(column[count - 1 - trim]));
            (sum, by) = (0, int256(count - 2 * trim));
            for (uint256 i = trim; i < count - trim; ++i) {
                sum += column[i];
            }
        }
        int256 rest = sum % by;
        mean = sum / by;
        if (2 * (rest < 0 ? -rest : rest) >= by) mean += sum < 0 ? int256(-1) : int256(1);
    }

    function rootOf(int32[] memory stream) internal pure returns (bytes32) {
        return _root(stream, 0, (stream.length + LEAF - 1) / LEAF);
    }

    /// @dev The leaf that has the value, and its path.
    function record(int32[] memory stream, uint256 value) internal pure returns (bytes memory) {
        uint256 place = value / LEAF;
        return bytes.concat(_leaf(stream, place), _path(stream, place, 0, (stream.length + LEAF - 1) / LEAF));
    }

    /// @dev RFC 6962, section 2.1: the tree over the leaves from `first` on.
    function _root(int32[] memory stream, uint256 first, uint256 leaves) private pure returns (bytes32) {
        if (leaves == 1) return sha256(bytes.concat(hex"00", _leaf(stream, first)));
        uint256 left = _left(leaves);
        return sha256(
            bytes.concat(hex"01", _root(stream, first, left), _root(stream, first + left, leaves - left))
        );
    }

    /// @dev The same, section 2.1.1.
    function _path(int32[] memory stream, uint256 place, uint256 first, uint256 leaves)
        private
        pure
        returns (bytes memory)
    {
        if (leaves == 1) return "";
        uint256 left = _left(leaves);
        if (place < left) {
            return bytes.concat(_path(stream, place, first, left), _root(stream, first + left, leaves - left));
        }
        return bytes.concat(_path(stream, place - left, first + left, leaves - left), _root(stream, first, left));
    }

    function _left(uint256 leaves) private pure returns (uint256 left) {
        for (left = 1; 2 * left < leaves; left *= 2) {}
    }

    function _leaf(int32[] memory stream, uint256 place) private pure returns (bytes memory leaf) {
        uint256 first = place * LEAF;
        uint256 count = stream.length - first < LEAF ? stream.length - first : LEAF;
        leaf = new bytes(4 * count + 28); // each value is written with 28 bytes behind it
        for (uint256 i = 0; i < count; ++i) {
            uint32 word = uint32(stream[first + i]);
            word = (word & 0xff00ff) << 8 | word >> 8 & 0xff00ff;
            word = word << 16 | word >> 16;
            assembly ("memory-safe") {
                mstore(add(add(leaf, 32), mul(4, i)), shl(224, word))
            }
        }
        assembly ("memory-safe") {
            mstore(leaf, mul(4, count))
        }
    }
}
