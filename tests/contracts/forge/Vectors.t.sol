// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Consortium} from "../../../contracts/Consortium.sol";
import {RoundLedger} from "../../../contracts/RoundLedger.sol";
import {ScoreBoard} from "../../../contracts/ScoreBoard.sol";
import {IRoundLedger} from "../../../contracts/interfaces/IRoundLedger.sol";
import {Base} from "./Base.sol";

/// @dev The contracts compute what the vectors say, as Python does (tests/spec/test_vectors.py).
contract VectorsTest is Base {
    uint256 private constant MEMBERS = 7;
    uint256 private constant WORD = type(uint256).max / 255; // each byte is 1

    string private json;
    Consortium private consortium;
    RoundLedger private ledger;
    ScoreBoard private board;

    function setUp() public {
        json = vm.readFile("tests/vectors/scores.json");
    }

    function test_OneScoreOfEach() public {
        _replay(".cases[0]", 3);
    }

    function test_MoreThanAWordOnAnotherChain() public {
        _replay(".cases[1]", 4);
    }

    function test_WithheldReveals() public {
        _replay(".cases[2]", 5);
    }

    function test_ThreeChunksRevealedOutOfOrder() public {
        _replay(".cases[3]", 3);
    }

    /// @dev docs/spec/commitments.md has it: of a ledger at one address of chain 31337.
    function test_ACommitment() public {
        (, RoundLedger deployed) = found(3);
        RoundLedger there = RoundLedger(0x5FbDB2315678afecb367f032d93F642f64180aa3);
        vm.etch(address(there), address(deployed).code);
        vm.chainId(31337);
        bytes28 commitment = there.commitmentOf(
            1,
            2,
            0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266,
            569,
            bytes32(WORD),
            bytes32(2 * WORD),
            bytes16(bytes32(3 * WORD))
        );
        check(commitment == hex"5716e8b55adc2287e02970b8e4be0a3edcfd4bc8821b66476257690e", "commitment");
    }

    function _replay(string memory path, uint256 scorers) private {
        uint32 job = uint32(_number(path, ".job"));
        uint32 round = uint32(_number(path, ".round"));
        _found(_address(path, ".board"));
        vm.chainId(_number(path, ".chain"));
        IRoundLedger.Aggregate memory aggregate;
        aggregate.verdicts = _bytes(path, ".aggregate.verdicts");
        _finalise(job, round, _word(path, ".claim"));

        vm.roll(vm.getBlockNumber() + 1);
        vm.setBlockhash(vm.getBlockNumber() - 1, _word(path, ".block"));
        prank(_key(0));
        board.openScoring(job, round, 0, aggregate);
        (,, bytes32 seed,,) = board.scoringOf(job);
        check(seed == _word(path, ".seed"), "seed");

        for (uint256 i = 0; i < scorers; ++i) {
            string memory scorer = _at(path, i);
            prank(_address(scorer, ".key"));
            board.commitScores(job, round, _word(scorer, ".commitment"));
        }
        vm.warp(block.timestamp + terms().scoreSeconds + 1);
        for (uint256 i = 0; i < scorers; ++i) {
            string memory scorer = _at(path, i);
            bytes memory packed = _bytes(scorer, ".packed");
            check(hashOf(_address(scorer, ".key"), packed, 0) == _word(scorer, ".hash"), "hash");
            if (!vm.parseJsonBool(json, string.concat(scorer, ".reveals"))) continue;
            prank(_address(scorer, ".key"));
            board.revealScores(job, round, _word(scorer, ".salt"), packed);
        }
        vm.warp(block.timestamp + terms().revealSeconds);
        bytes memory medians = _bytes(path, ".packed");
        for (uint256 start = 0; start < medians.length; start += 128) {
            uint256 end = start + 128 < medians.length ? start + 128 : medians.length;
            bytes memory scores = _range(path, scorers, start, end);
            prank(STRANGER);
            board.settleScores(job, round, uint8(start / 4), scores, slice(medians, start, end));
        }
        check(board.rootOf(job, round) == _word(path, ".scores_root"), "root");
    }

    function _range(string memory path, uint256 scorers, uint256 start, uint256 end)
        private
        view
        returns (bytes memory scores)
    {
        for (uint256 i = 0; i < scorers; ++i) {
            string memory scorer = _at(path, i);
            if (!vm.parseJsonBool(json, string.concat(scorer, ".reveals"))) continue;
            scores = bytes.concat(scores, rangeOf(_address(scorer, ".key"), _bytes(scorer, ".packed"), start, end));
        }
    }

    /// @dev The board stands where the vector says.
    function _found(address where) private {
        address[] memory keys = new address[](MEMBERS);
        for (uint256 i = 0; i < MEMBERS; ++i) {
            keys[i] = _key(i);
        }
        (consortium, ledger,,) = deploy(keys);
        vm.etch(where, create("ScoreBoard", abi.encode(ledger)).code);
        board = ScoreBoard(where);
    }

    /// @dev The claim is the vector's, whatever was published: scores are made of no other part of it.
    function _finalise(uint32 job, uint32 round, bytes32 claim) private {
        for (uint256 i = 0; i < job; ++i) {
            prank(_key(0));
            ledger.proposeJob("job", terms(), model());
        }
        for (uint256 i = 1; i < 4; ++i) {
            prank(_key(i));
            ledger.approveJob(job, "job");
        }
        for (uint32 i = 1; i < round; ++i) {
            prank(_key(0));
            ledger.openRound(job);
            vm.warp(ledger.roundOf(job).deadline + 1);
            prank(_key(0));
            ledger.advance(job, i);
        }
        play(consortium, ledger, job, "root", hex"00");
        bytes memory claimOf = bytes.concat(ledger.claimOf.selector, abi.encode(job, round));
        vm.mockCall(address(ledger), claimOf, abi.encode(claim));
        vm.mockCall(address(ledger), abi.encodeCall(ledger.claimAfter, (job, 0)), abi.encode(claim));
    }

    function _key(uint256 index) private pure returns (address) {
        return address(uint160((index + 1) * 0x101));
    }

    function _at(string memory path, uint256 scorer) private pure returns (string memory) {
        return string.concat(path, ".scorers[", string(abi.encodePacked(bytes1(uint8(0x30 + scorer)))), "]");
    }

    function _number(string memory path, string memory name) private view returns (uint256) {
        return vm.parseJsonUint(json, string.concat(path, name));
    }

    function _address(string memory path, string memory name) private view returns (address) {
        return vm.parseJsonAddress(json, string.concat(path, name));
    }

    function _word(string memory path, string memory name) private view returns (bytes32) {
        return bytes32(_bytes(path, name));
    }

    function _bytes(string memory path, string memory name) private view returns (bytes memory) {
        return vm.parseBytes(vm.parseJsonString(json, string.concat(path, name)));
    }
}
