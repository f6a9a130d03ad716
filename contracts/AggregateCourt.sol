// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAggregateCourt} from "./interfaces/IAggregateCourt.sol";
import {IRoundLedger} from "./interfaces/IRoundLedger.sol";
import {Bits} from "./libraries/Bits.sol";
import {Tallies} from "./libraries/Tallies.sol";
import {Trees} from "./libraries/Trees.sol";

/// @title AggregateCourt
/// @notice Judges aggregates of one ledger.
/// @dev Checks only; what is stored is what a sender showed, in two words for each value.
contract AggregateCourt is IAggregateCourt {
    /// @param entries a hash over the updates that were shown
    struct Showing {
        Tallies.Kept tally;
        bytes32 entries;
    }

    uint256 private constant ENTRY = 65;
    uint8 private constant MEAN = 0;
    uint8 private constant MEDIAN = 1;
    uint8 private constant TRIMMED = 2;

    IRoundLedger private immutable _ledger;

    mapping(bytes32 place => Showing) private _shown;

    /// @notice Opens the court of the ledger that names this contract's address.
    constructor(IRoundLedger ledger_) {
        if (ledger_.court() != address(this)) revert AggregateCourt_NotNamed(address(ledger_), ledger_.court());
        _ledger = ledger_;
    }

    /// @inheritdoc IAggregateCourt
    function refute(Claimed calldata claimed, Point calldata point) external {
        _requireOrigin();
        (uint32 job, uint32 round, uint24 before) = (claimed.job, claimed.round, claimed.before);
        IRoundLedger.Model memory terms = _termsOf(job);
        bytes calldata updates = claimed.updates;
        bytes32 opened = _openedOf(claimed.document, updates, claimed.batches);
        bytes32 claim = _ledger.claimOf(job, round, opened, claimed.aggregate);
        uint256[] memory admitted = _admitted(updates, claimed.aggregate.verdicts);
        (int256 expected, int256 actual) = _judge(claimed, point, terms, admitted, claim);
        emit Convicted(
            job, round, before, claim, point.ground, point.member, point.value, expected, actual, msg.sender
        );
        _ledger.convict(job, round, before, claim);
    }

    /// @inheritdoc IAggregateCourt
    function show(
        uint32 job,
        bytes32 claim,
        uint64 value,
        int32 low,
        int32 high,
        uint8 first,
        bytes calldata updates,
        bytes calldata proof
    ) external {
        _requireOrigin();
        IRoundLedger.Model memory terms = _termsOf(job);
        Trees.Place memory place = _placeOf(terms, value);
        _requireBounds(terms.rule, low, high);
        Showing storage state = _shown[_keyOf(msg.sender, job, claim, value, low, high)];
        Tallies.Tally memory tally;
        bytes32 entries;
        if (first != 0) (tally, entries) = (Tallies.taken(state.tally), state.entries);
        if (tally.shown != first) revert AggregateCourt_NotShown(tally.shown);
        uint256 count = updates.length / ENTRY;
        if (count == 0 || updates.length % ENTRY != 0 || first + count > type(uint8).max) {
            revert AggregateCourt_InvalidUpdates(updates.length);
        }
        if (proof.length != count * place.size) revert AggregateCourt_WrongLength(proof.length, count * place.size);

        (uint256 entry, uint256 record) = (_startOf(updates), _startOf(proof));
        for (uint256 i = 0; i < count; ++i) {
            entries = _followedBy(entries, entry);
            _take(tally, terms.rule, low, high, entry, record, i, place);
            (entry, record) = (entry + ENTRY, record + place.size);
        }
        (state.tally, state.entries) = (Tallies.kept(tally), entries);
        emit Shown(job, claim, msg.sender, value, low, high, first, uint8(tally.shown));
    }

    /// @inheritdoc IAggregateCourt
    function shownOf(address sender, uint32 job, bytes32 claim, uint64 value, int32 low, int32 high)
        external
        view
        returns (uint8)
    {
        return _shown[_keyOf(sender, job, claim, value, low, high)].tally.shown;
    }

    /// @inheritdoc IAggregateCourt
    function ledger() external view returns (address) {
        return address(_ledger);
    }

    function _judge(
        Claimed calldata claimed,
        Point calldata point,
        IRoundLedger.Model memory terms,
        uint256[] memory admitted,
        bytes32 claim
    ) private view returns (int256 expected, int256 actual) {
        Ground ground = point.ground;
        _requireUsed(point);
        if (ground == Ground.Value) return _judgeValue(claimed, point, terms, admitted, claim);
        if (ground == Ground.Limit) return _judgeLimit(point, terms, _admittedOf(admitted, point.member));
        if (ground == Ground.Weight) {
            uint256 weight = _weightOf(_admittedOf(admitted, point.member));
            (expected, actual) = (int256(uint256(terms.maxWeight)), int256(weight));
            if (actual <= expected) revert AggregateCourt_Holds(expected, actual);
        } else {
            if (claimed.aggregate.root == 0) revert AggregateCourt_NoModel(claimed.job, claimed.round);
            (expected, actual) = (int256(uint256(terms.minUpdates)), int256(admitted.length));
            if (actual >= expected) revert AggregateCourt_Holds(expected, actual);
        }
    }

    /// @dev The value that base and updates make, which is not the model's.
    function _judgeValue(
        Claimed calldata claimed,
        Point calldata point,
        IRoundLedger.Model memory terms,
        uint256[] memory admitted,
        bytes32 claim
    ) private view returns (int256 expected, int256 actual) {
        IRoundLedger.Aggregate calldata aggregate = claimed.aggregate;
        if (aggregate.root == 0) revert AggregateCourt_NoModel(claimed.job, claimed.round);
        uint256 trim = terms.rule == MEDIAN && admitted.length != 0 ? (admitted.length - 1) / 2 : terms.trim;
        if (2 * trim >= admitted.length) revert AggregateCourt_NothingLeft(admitted.length, trim);
        Trees.Place memory place = _placeOf(terms, point.value);
        _requireBounds(terms.rule, point.low, point.high);

        Showing storage shown = _shown[_keyOf(msg.sender, claimed.job, claim, point.value, point.low, point.high)];
        Tallies.Tally memory tally = Tallies.taken(shown.tally);
        uint256 before = tally.shown;
        if (before > admitted.length) revert AggregateCourt_NotShown(before);
        uint256 length = (2 + admitted.length - before) * place.size;
        if (point.proof.length != length) revert AggregateCourt_WrongLength(point.proof.length, length);
        uint256 record = _startOf(point.proof);
        actual = _read(record, place, 0, aggregate.root);
        expected = _read(record + place.size, place, 1, aggregate.base);
        record += 2 * place.size;

        bytes32 entries;
        for (uint256 i = 0; i < before; ++i) {
            entries = _followedBy(entries, admitted[i]);
        }
        if (before != 0 && entries != shown.entries) revert AggregateCourt_NotShown(before);
        _takeAll(tally, terms.rule, point.low, point.high, admitted, record, place);
        expected +=
            terms.rule == MEAN ? Tallies.mean(tally) : Tallies.trimmed(tally, trim, point.low, point.high);
        if (actual == expected) revert AggregateCourt_Holds(expected, actual);
    }

    /// @dev The bound, and the value beyond it.
    function _judgeLimit(Point calldata point, IRoundLedger.Model memory terms, uint256 entry)
        private
        view
        returns (int256 expected, int256 actual)
    {
        Trees.Place memory place = _placeOf(terms, point.value);
        if (point.proof.length != place.size) revert AggregateCourt_WrongLength(point.proof.length, place.size);
        expected = int256(uint256(terms.maxValue));
        actual = _read(_startOf(point.proof), place, 0, _rootOf(entry));
        if (-expected <= actual && actual <= expected) revert AggregateCourt_Holds(expected, actual);
    }

    /// @dev The values of all updates that are not in the tally go into it, by their records from byte `record` on.
    function _takeAll(
        Tallies.Tally memory tally,
        uint8 rule,
        int256 low,
        int256 high,
        uint256[] memory admitted,
        uint256 record,
        Trees.Place memory place
    ) private view {
        unchecked {
            uint256 before = tally.shown;
            for (uint256 i = before; i < admitted.length; ++i) {
                uint256 entry = admitted[i];
                (bytes32 root, int256 value) = Trees.read(record, place);
                if (root != _rootOf(entry)) revert AggregateCourt_WrongProof(2 + i - before, root, _rootOf(entry));
                if (rule == MEAN) Tallies.addWeighted(tally, _weightOf(entry), value);
                else Tallies.addRanked(tally, low, high, value);
                record += place.size;
            }
        }
    }

    /// @dev The update's value goes into the tally.
    function _take(
        Tallies.Tally memory tally,
        uint8 rule,
        int32 low,
        int32 high,
        uint256 entry,
        uint256 record,
        uint256 number,
        Trees.Place memory place
    ) private view {
        int256 value = _read(record, place, number, _rootOf(entry));
        if (rule == MEAN) Tallies.addWeighted(tally, _weightOf(entry), value);
        else Tallies.addRanked(tally, low, high, value);
    }

    /// @dev The value in a record, which leads to `expected`.
    function _read(uint256 record, Trees.Place memory place, uint256 number, bytes32 expected)
        private
        view
        returns (int256 value)
    {
        bytes32 root;
        (root, value) = Trees.read(record, place);
        if (root != expected) revert AggregateCourt_WrongProof(number, root, expected);
    }

    function _termsOf(uint32 job) private view returns (IRoundLedger.Model memory terms) {
        terms = _ledger.modelTermsOf(job);
        if (!terms.byValue || terms.rule > TRIMMED) revert AggregateCourt_NotByValue(job);
    }

    /// @dev Where the admitted updates' entries begin in the calldata, in the order of the openings. There is one verdict for
    /// each open update, by ascending member index.
    function _admitted(bytes calldata updates, bytes calldata verdicts) private pure returns (uint256[] memory admitted) {
        uint256 count = updates.length / ENTRY;
        if (verdicts.length != count) revert AggregateCourt_InvalidUpdates(updates.length);
        (uint256 start, uint256 end) = (_startOf(updates), _startOf(updates) + updates.length);
        admitted = new uint256[](count);
        uint256 refused = _refusedOf(verdicts);
        uint256 open;
        for (uint256 entry = start; refused != 0 && entry < end; entry += ENTRY) {
            open |= 1 << _memberOf(entry);
        }
        uint256 found;
        unchecked {
            for (uint256 entry = start; entry < end; entry += ENTRY) {
                if (refused != 0) {
                    uint256 place = Bits.ones(open & (1 << _memberOf(entry)) - 1);
                    if (refused >> place & 1 != 0) continue;
                }
                admitted[found++] = entry;
            }
        }
        assembly ("memory-safe") {
            mstore(admitted, found)
        }
    }

    /// @dev A bitmap of the verdicts by which an update is not admitted: mostly none.
    function _refusedOf(bytes calldata verdicts) private pure returns (uint256 refused) {
        for (uint256 i = 0; i < verdicts.length; ++i) {
            if (verdicts[i] != 0) refused |= 1 << i;
        }
    }

    /// @dev The entry of a member's admitted update.
    function _admittedOf(uint256[] memory admitted, uint8 member) private pure returns (uint256) {
        for (uint256 i = 0; i < admitted.length; ++i) {
            if (_memberOf(admitted[i]) == member) return admitted[i];
        }
        revert AggregateCourt_NotAdmitted(member);
    }

    /// @dev What `RoundLedger.openedOf` was after these openings, of a job with this document.
    function _openedOf(bytes32 document, bytes calldata updates, bytes calldata batches)
        private
        pure
        returns (bytes32 opened)
    {
        if (updates.length % ENTRY != 0) revert AggregateCourt_InvalidUpdates(updates.length);
        opened = document;
        uint256 start;
        for (uint256 i = 0; i < batches.length; ++i) {
            uint256 end = start + uint8(batches[i]) * ENTRY;
            if (end > updates.length) revert AggregateCourt_InvalidUpdates(updates.length);
            opened = sha256(bytes.concat(opened, updates[start:end]));
            start = end;
        }
        if (start != updates.length) revert AggregateCourt_InvalidUpdates(updates.length);
    }

    function _placeOf(IRoundLedger.Model memory terms, uint64 value) private pure returns (Trees.Place memory) {
        if (value >= terms.values) revert AggregateCourt_UnknownValue(value, terms.values);
        return Trees.placeOf(value, terms.values);
    }

    function _keyOf(address sender, uint32 job, bytes32 claim, uint64 value, int32 low, int32 high)
        private
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(sender, job, claim, value, low, high));
    }

    function _startOf(bytes calldata data) private pure returns (uint256 start) {
        assembly ("memory-safe") {
            start := data.offset
        }
    }

    function _memberOf(uint256 entry) private pure returns (uint256 index) {
        assembly ("memory-safe") {
            index := byte(0, calldataload(entry))
        }
    }

    function _weightOf(uint256 entry) private pure returns (uint256 weight) {
        assembly ("memory-safe") {
            weight := and(shr(216, calldataload(entry)), 0xffffffff)
        }
    }

    function _rootOf(uint256 entry) private pure returns (bytes32 root) {
        assembly ("memory-safe") {
            root := calldataload(add(entry, 5))
        }
    }

    function _followedBy(bytes32 hash, uint256 entry) private pure returns (bytes32 next) {
        assembly ("memory-safe") {
            let room := mload(64)
            mstore(room, hash)
            calldatacopy(add(room, 32), entry, ENTRY)
            next := keccak256(room, add(32, ENTRY))
        }
    }

    /// @dev A contract, or a key with delegated code, would act in a transaction that shows no call of this contract.
    function _requireOrigin() private view {
        if (msg.sender != tx.origin || msg.sender.code.length != 0) {
            revert AggregateCourt_NotOrigin(msg.sender, tx.origin);
        }
    }

    function _requireBounds(uint8 rule, int32 low, int32 high) private pure {
        if (rule == MEAN && (low != 0 || high != 0)) revert AggregateCourt_WrongBounds(low, high);
    }

    /// @dev What the ground has no use for is zero.
    function _requireUsed(Point calldata point) private pure {
        Ground ground = point.ground;
        bool one = ground == Ground.Limit || ground == Ground.Weight;
        bool shown = ground == Ground.Value || ground == Ground.Limit;
        bool used = one || point.member == 0;
        if (!shown) used = used && point.value == 0 && point.proof.length == 0;
        if (ground != Ground.Value) used = used && point.low == 0 && point.high == 0;
        if (ground == Ground.None || !used) revert AggregateCourt_InvalidPoint(ground);
    }
}
