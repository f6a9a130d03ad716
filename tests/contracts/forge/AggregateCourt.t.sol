// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AggregateCourt} from "../../../contracts/AggregateCourt.sol";
import {RoundLedger} from "../../../contracts/RoundLedger.sol";
import {IAggregateCourt} from "../../../contracts/interfaces/IAggregateCourt.sol";
import {IRoundLedger} from "../../../contracts/interfaces/IRoundLedger.sol";
import {Tallies} from "../../../contracts/libraries/Tallies.sol";
import {Courts} from "./Courts.sol";

contract AggregateCourtTest is Courts {
    uint256 private constant SCENES = 6;
    uint256 private constant BENT = 42;

    /// @dev A lie that was published, and what convicts it.
    struct Scene {
        RoundLedger ledger;
        bytes shown;
    }

    Scene[] private scenes;

    /// @dev Two of each rule, of one leaf and of three; the lie is in one value alone.
    function setUp() public {
        for (uint256 i = 0; i < SCENES; ++i) {
            Game memory game = _unlike(i);
            begin(game);
            (int32[] memory made,) = honest(game);
            ++made[BENT];
            (IAggregateCourt.Claimed memory claimed,) = played(game, made);
            scenes.push(Scene(ledger, abi.encode(claimed, pointOf(game, made, BENT))));
        }
    }

    function test_AnybodysCallIsAPlainAccounts() public {
        (IAggregateCourt.Claimed memory claimed, IAggregateCourt.Point memory point) = _enter(0);
        bytes4 reason = IAggregateCourt.AggregateCourt_NotOrigin.selector;
        requirePlain(address(court), abi.encodeCall(court.refute, (claimed, point)), reason);
        requirePlain(address(court), abi.encodeCall(court.show, (1, "claim", 0, 0, 0, 0, "", "")), reason);
    }

    function test_EveryUnbentProofConvicts() public {
        for (uint256 i = 0; i < SCENES; ++i) {
            (IAggregateCourt.Claimed memory claimed, IAggregateCourt.Point memory point) = _enter(i);
            prank(STRANGER);
            court.refute(claimed, point);
        }
    }

    /// @dev A proof with anything changed shows nothing, though the model is a lie.
    /// forge-config: default.fuzz.runs = 10500
    function testFuzz_ABentProofIsRefused(uint256 scene, uint256 bend, uint256 how) public {
        (IAggregateCourt.Claimed memory claimed, IAggregateCourt.Point memory point) = _enter(scene);
        if (bend % 2 == 0) _bendClaim(claimed, bend / 2, how);
        else _bendPoint(point, bend / 2, how);
        _refused(claimed, point, "");
    }

    /// @dev Every lie falls, and nothing honest does: models honest or bent in one value, under every rule, with values that
    /// are small, alike, or the ends of int32, of one leaf to three.
    /// forge-config: default.fuzz.runs = 1200
    function testFuzz_ALieFallsAndNothingHonestDoes(uint256 seed, uint32 by) public {
        Game memory game = _aGame(seed);
        begin(game);
        (int32[] memory made,) = honest(game);
        uint256 value = _draw(seed, "value") % made.length;
        (int256 mean,,) = meanOf(game, value);
        int256 expected = game.base[value] + mean;
        if (seed % 4 != 0) {
            unchecked {
                made[value] = int32(uint32(made[value]) + (seed % 2 == 0 ? 1 : by));
            }
        }
        (IAggregateCourt.Claimed memory claimed,) = played(game, made);
        IAggregateCourt.Point memory point = pointOf(game, made, value);
        if (made[value] != expected) {
            prank(STRANGER);
            court.refute(claimed, point);
            check(ledger.roundOf(1).phase == IRoundLedger.Phase.Aggregating, "a lie stands");
        } else {
            bytes4 holds = IAggregateCourt.AggregateCourt_Holds.selector;
            _refused(claimed, point, abi.encodeWithSelector(holds, expected, expected));
        }
    }

    /// @dev The same arithmetic for up to 255 updates, and for no other bounds.
    /// forge-config: default.fuzz.runs = 2000
    function testFuzz_MeansAreThoseBySorting(uint256 seed, int32 low, int32 high) public view {
        Game memory game = _values(seed, 1 + seed % 255, 1, uint8(_draw(seed, "rule") % 3));
        (int256 mean, int32 lowest, int32 highest) = meanOf(game, 0);
        if (game.rule != 0) {
            if (seed % 3 == 0) (low, high) = (game.streams[seed % game.streams.length][0], highest);
            try this.tallied(game, low, high) returns (int256) {
                check(low == lowest && high == highest, "other bounds");
            } catch {
                check(low != lowest || high != highest, "these bounds");
            }
        }
        check(this.tallied(game, lowest, highest) == mean, "mean");
    }

    function tallied(Game calldata game, int32 low, int32 high) external pure returns (int256) {
        Tallies.Tally memory tally;
        for (uint256 i = 0; i < game.streams.length; ++i) {
            int256 value = game.streams[i][0];
            if (game.rule == 0) Tallies.addWeighted(tally, game.weights[i], value);
            else Tallies.addRanked(tally, low, high, value);
        }
        if (game.rule == 0) return Tallies.mean(tally);
        uint256 trim = game.rule == 1 ? (game.streams.length - 1) / 2 : game.trim;
        return Tallies.trimmed(tally, trim, low, high);
    }

    function _refused(IAggregateCourt.Claimed memory claimed, IAggregateCourt.Point memory point, bytes memory reason)
        private
    {
        prank(STRANGER);
        (bool succeeded, bytes memory said) = address(court).call(abi.encodeCall(court.refute, (claimed, point)));
        check(!succeeded, "convicted");
        check(reason.length == 0 || keccak256(said) == keccak256(reason), "for another reason");
    }

    function _enter(uint256 number)
        private
        returns (IAggregateCourt.Claimed memory claimed, IAggregateCourt.Point memory point)
    {
        Scene storage scene = scenes[number % SCENES];
        ledger = scene.ledger;
        court = AggregateCourt(ledger.court());
        return abi.decode(scene.shown, (IAggregateCourt.Claimed, IAggregateCourt.Point));
    }

    function _bendClaim(IAggregateCourt.Claimed memory claimed, uint256 part, uint256 how) private pure {
        IRoundLedger.Aggregate memory aggregate = claimed.aggregate;
        bytes32 mask = bytes32(1 << how % 256);
        part %= 16;
        if (part == 0) _flip(claimed.updates, how);
        else if (part == 1) claimed.updates = _swapped(claimed.updates, 65, how);
        else if (part == 2) claimed.updates = _cut(claimed.updates, how);
        else if (part == 3) _flip(claimed.batches, how);
        else if (part == 4) claimed.batches = bytes.concat(claimed.batches, bytes1(uint8(how)));
        else if (part == 5) aggregate.verdicts[how % aggregate.verdicts.length] ^= bytes1(uint8(1 + how % 255));
        else if (part == 6) aggregate.root ^= mask;
        else if (part == 7) aggregate.base ^= mask;
        else if (part == 8) aggregate.cid ^= mask;
        else if (part == 9) aggregate.asOf ^= uint40(1 << how % 40);
        else if (part == 10) aggregate.anchor ^= mask;
        else if (part == 11) (aggregate.head, aggregate.receipts) = (aggregate.receipts, aggregate.head);
        else if (part == 12) claimed.job ^= uint32(1 << how % 32);
        else if (part == 13) claimed.round ^= uint32(1 << how % 32);
        else if (part == 14) claimed.document ^= mask;
        else claimed.before ^= uint24(1 << how % 24);
    }

    function _bendPoint(IAggregateCourt.Point memory point, uint256 part, uint256 how) private pure {
        part %= 9;
        if (part < 3) _flip(point.proof, how);
        else if (part == 3) point.proof = _swapped(point.proof, point.proof.length / 7, how);
        else if (part == 4) point.proof = _cut(point.proof, how);
        else if (part == 5) point.proof = bytes.concat(point.proof, bytes1(uint8(how)));
        else if (part == 6) point.value ^= uint64(1 << how % 64);
        else if (part == 7) point.member ^= uint8(1 << how % 8);
        else if (how % 3 == 0) point.ground = IAggregateCourt.Ground(how / 3 % 2 == 0 ? 0 : 2 + how / 6 % 3);
        else if (how % 3 == 1) point.low ^= int32(uint32(1 << how / 3 % 32));
        else point.high ^= int32(uint32(1 << how / 3 % 32));
    }

    function _flip(bytes memory data, uint256 how) private pure {
        data[how / 8 % data.length] ^= bytes1(uint8(1 << how % 8));
    }

    /// @dev Without its first bytes, or its last.
    function _cut(bytes memory data, uint256 how) private pure returns (bytes memory) {
        uint256 size = 1 + how / 2 % data.length;
        return how % 2 == 0 ? slice(data, size, data.length) : slice(data, 0, data.length - size);
    }

    /// @dev Two parts of that size change places.
    function _swapped(bytes memory data, uint256 size, uint256 how) private pure returns (bytes memory) {
        uint256 parts = data.length / size;
        uint256 i = how % (parts - 1);
        uint256 j = i + 1 + how / parts % (parts - 1 - i);
        return bytes.concat(
            slice(data, 0, i * size),
            slice(data, j * size, j * size + size),
            slice(data, i * size + size, j * size),
            slice(data, i * size, i * size + size),
            slice(data, j * size + size, data.length)
        );
    }

    /// @dev A game of five updates whose values are all different, and none of them the lie's.
    function _unlike(uint256 number) private pure returns (Game memory game) {
        game = _values(number, 5, number < 3 ? 100 : 600, uint8(number % 3));
        for (uint256 i = 0; i < 5; ++i) {
            game.weights[i] = uint32(1 + i);
            for (uint256 j = 0; j < game.base.length; ++j) {
                game.streams[i][j] = int32(int256(_draw(i, j) % 1_000_000)) - 500_000 + int32(int256(i));
            }
        }
        for (uint256 j = 0; j < game.base.length; ++j) {
            game.base[j] = int32(int256(_draw(99, j) % 1_000_000));
        }
        game.trim = game.rule == 2 ? 1 : 0;
    }

    /// @dev Any game, of up to seven updates, some of which are not admitted.
    function _aGame(uint256 seed) private pure returns (Game memory game) {
        uint256[6] memory lengths = [uint256(1), 3, 256, 257, 40, 700];
        game = _values(seed, 1 + seed % 7, lengths[_draw(seed, "length") % 6], uint8(_draw(seed, "rule") % 3));
        uint256 admitted = game.streams.length;
        for (uint256 i = 0; i < game.streams.length; ++i) {
            if (_draw(seed, i + 7) % 4 != 0 || admitted == 1) continue;
            game.verdicts[i] = 0x09;
            --admitted;
        }
        game.trim = game.rule == 2 ? uint8(_draw(seed, "trim") % ((admitted - 1) / 2 + 1)) : 0;
    }

    function _values(uint256 seed, uint256 count, uint256 length, uint8 rule) private pure returns (Game memory game) {
        (game.rule, game.verdicts) = (rule, new bytes(count));
        if (rule == 2) game.trim = uint8(_draw(seed, "trim") % ((count - 1) / 2 + 1));
        (game.weights, game.streams) = (new uint32[](count), new int32[][](count));
        uint256 kind = _draw(seed, "kind") % 5;
        game.base = _stream(seed, uint256(bytes32("base")), length, kind);
        for (uint256 i = 0; i < count; ++i) {
            uint256 any = _draw(seed, i);
            game.weights[i] = kind == 0 ? 1 : any % 5 == 0 ? type(uint32).max : uint32(1 + any % (1 << 24));
            game.streams[i] = _stream(seed, any, length, kind);
        }
    }

    /// @dev Small values, whose means are halves; all alike; the ends of int32; any; those of a trained model.
    function _stream(uint256 seed, uint256 which, uint256 length, uint256 kind) private pure returns (int32[] memory stream) {
        stream = new int32[](length);
        uint256 any = _draw(seed, which);
        for (uint256 i = 0; i < length; ++i) {
            if (i % 8 == 0) any = _draw(any, i);
            uint32 word = uint32(any >> 32 * (i % 8));
            if (kind == 0) stream[i] = int32(word % 7) - 3;
            else if (kind == 1) stream[i] = -77;
            else if (kind == 2) stream[i] = word % 3 == 0 ? type(int32).min : word % 3 == 1 ? type(int32).max : int32(0);
            else if (kind == 3) stream[i] = int32(word);
            else stream[i] = int32(word) >> 14;
        }
    }

    function _draw(uint256 seed, uint256 which) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, which)));
    }

    function _draw(uint256 seed, string memory which) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, which)));
    }
}
