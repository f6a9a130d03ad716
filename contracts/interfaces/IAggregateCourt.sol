// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IRoundLedger} from "./IRoundLedger.sol";

/// @title The court that needs no majority
/// @notice Any key has an aggregate convicted by showing, by arithmetic on what is on the ledger, that it is not what its
/// updates make it: in one transaction, against every vote. docs/spec/court.md tells it in words.
/// @dev A judgement is a function of its calldata, of a claim and of the job's terms. It holds for jobs whose terms say
/// `byValue`: each value of a model follows from the same values of its base and of the admitted updates.
interface IAggregateCourt {
    /// @notice Why an aggregate is false.
    /// @param Value a value of the model is not what base and admitted updates make it
    /// @param Limit an admitted update has a value of larger magnitude than the job's terms allow
    /// @param Weight an admitted update has a larger weight than the job's terms allow
    /// @param TooFew there is a model, though fewer updates were admitted than the job's terms ask for
    enum Ground {
        None,
        Value,
        Limit,
        Weight,
        TooFew
    }

    /// @notice An aggregate, and all that its claim is made of.
    /// @param before number of the round that was finalised before it; 0 before any
    /// @param document SHA-256 of the job's document
    /// @param updates every open update of the round in the order of the openings, 65 bytes each: member index (1), weight
    /// (4), tensor root (32), and what its party had committed to (28)
    /// @param batches for each call of `openUpdates` that opened any one byte: how many
    struct Claimed {
        uint32 job;
        uint32 round;
        uint24 before;
        bytes32 document;
        IRoundLedger.Aggregate aggregate;
        bytes updates;
        bytes batches;
    }

    /// @notice What is shown of it. What its ground has no use for is zero.
    /// @param member Limit, Weight: whose update
    /// @param value Value, Limit: number of the value in the stream, from 0
    /// @param low Value, under median and trimmed mean: the lowest of the values that count, and `high` the highest of them
    /// @param proof Value: a record of the model, of its base, and of each admitted update that was not shown before, in the
    /// order of `updates`; Limit: a record of the update. A record is the leaf of 1 KiB (the last one shorter) that has
    /// the value, and its path to the tensor root, lowest first (RFC 6962)
    struct Point {
        Ground ground;
        uint8 member;
        uint64 value;
        int32 low;
        int32 high;
        bytes proof;
    }

    /// @notice A claim was convicted; the ledger's own events follow.
    /// @param before number of the round that was finalised before it
    /// @param member Limit, Weight: whose update; else 0
    /// @param value Value, Limit: number of the value; else 0
    /// @param expected Value: the value that base and updates make; Limit, Weight, TooFew: the bound
    /// @param actual the model's value; the update's value or weight; how many updates were admitted
    event Convicted(
        uint32 indexed job,
        uint32 indexed round,
        uint32 before,
        bytes32 claim,
        Ground ground,
        uint8 member,
        uint64 value,
        int256 expected,
        int256 actual,
        address caller
    );

    /// @notice `caller` showed the admitted updates of a claim from number `first` on; `shown` of them are shown now, in the
    /// calls from the latest with `first` 0 on. What they are is in the transaction; `refute` checks them.
    event Shown(
        uint32 indexed job,
        bytes32 indexed claim,
        address indexed caller,
        uint64 value,
        int32 low,
        int32 high,
        uint8 first,
        uint8 shown
    );

    error AggregateCourt_NotNamed(address ledger, address court);
    error AggregateCourt_NotByValue(uint32 job);
    error AggregateCourt_InvalidUpdates(uint256 length);
    error AggregateCourt_InvalidPoint(Ground ground);
    error AggregateCourt_NoModel(uint32 job, uint32 round);
    error AggregateCourt_UnknownValue(uint64 value, uint64 values);
    error AggregateCourt_WrongLength(uint256 length, uint256 expected);
    error AggregateCourt_WrongProof(uint256 record, bytes32 root, bytes32 expected);
    error AggregateCourt_NotAdmitted(uint8 member);
    error AggregateCourt_NotShown(uint256 shown);
    error AggregateCourt_WrongBounds(int32 low, int32 high);
    error AggregateCourt_NothingLeft(uint256 admitted, uint256 trim);
    error AggregateCourt_Holds(int256 expected, int256 actual);
    error AggregateCourt_NotOrigin(address caller, address origin);

    /// @notice Convicts an aggregate that is attested now, or that was finalised and is not void. Anybody may call; one that
    /// shows nothing reverts.
    /// @dev Here and in `show` the caller must be the transaction's origin, and have no code (`AggregateCourt_NotOrigin`):
    /// every conviction then stands whole in a transaction, which readers of transactions alone judge again.
    function refute(Claimed calldata claimed, Point calldata point) external;

    /// @notice Shows the first admitted updates of a claim, or the next ones, to this contract, where all of them do not fit
    /// into one transaction. The caller's later `refute` of the same claim, value and bounds goes on from there.
    /// @dev What is shown is kept for its sender alone, and checked against the claim by `refute`.
    /// @param first how many were shown before; 0 begins again
    /// @param updates the next admitted ones, as in `Claimed`
    /// @param proof a record of each
    function show(
        uint32 job,
        bytes32 claim,
        uint64 value,
        int32 low,
        int32 high,
        uint8 first,
        bytes calldata updates,
        bytes calldata proof
    ) external;

    /// @notice How many updates `sender` showed so.
    function shownOf(address sender, uint32 job, bytes32 claim, uint64 value, int32 low, int32 high)
        external
        view
        returns (uint8);

    /// @notice The ledger whose claims are judged.
    function ledger() external view returns (address);
}
