// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BudgetBoard} from "../../../contracts/BudgetBoard.sol";
import {Consortium} from "../../../contracts/Consortium.sol";
import {RoundLedger} from "../../../contracts/RoundLedger.sol";
import {IBudgetBoard} from "../../../contracts/interfaces/IBudgetBoard.sol";
import {IRoundLedger} from "../../../contracts/interfaces/IRoundLedger.sol";
import {Base} from "./Base.sol";

/// @dev Members of several jobs in few scopes spend at any time, and the chain is reorganised.
contract BudgetBoardTest is Base {
    uint256 private constant MEMBERS = 3;
    uint256 private constant SCOPES = 2;
    uint32 private constant JOBS = 4;

    Consortium private consortium;
    RoundLedger private ledger;
    BudgetBoard private board;

    /// @dev What a model beside the contract says was spent, and the least budget of the jobs spent in so far.
    mapping(uint256 scope => mapping(uint256 member => uint256 total)) private spent;
    mapping(uint256 scope => uint256 budget) private least;
    mapping(uint32 job => uint256 scope) private scopeOf;

    function setUp() external {
        (consortium, ledger) = found(MEMBERS);
        board = BudgetBoard(create("BudgetBoard", abi.encode(ledger)));
    }

    /// @dev 10,000 sequences. Each of `words` is one act; some say what the jobs are, too.
    /// forge-config: default.fuzz.runs = 10000
    function testFuzz_NoSequenceOverspends(uint32[16] calldata words) external {
        for (uint32 job = 2; job < 2 + JOBS; ++job) {
            _propose(job, words[job]);
        }
        for (uint256 i = 0; i < words.length; ++i) {
            _act(words[i]);
            _compare();
        }
    }

    function test_NobodySpeaksInATransactionThatAnotherSigned() external {
        _job(2, IBudgetBoard.Spending("scope", 1, 1));
        _open(2);
        bytes memory expected =
            abi.encodeWithSelector(IBudgetBoard.BudgetBoard_NotOrigin.selector, keyOf(0), keyOf(1));
        vm.expectRevert(expected);
        vm.prank(keyOf(0), keyOf(1));
        board.spend(2, 1);
        vm.expectRevert(expected);
        vm.prank(keyOf(0), keyOf(1));
        board.configure(2, IBudgetBoard.Spending("scope", 1, 1));
        vm.expectRevert(expected);
        vm.prank(keyOf(0), keyOf(1));
        board.withdrawData(2, "noisy", "statement");
    }

    /// @dev Each of `words` is a member's try at one of the jobs. The first counts, whatever the others do.
    function testFuzz_DataAreWithdrawnOnceByEachMember(uint32[16] calldata words) external {
        for (uint32 job = 2; job < 2 + JOBS; ++job) {
            _job(job, IBudgetBoard.Spending("scope", 1, 1));
        }
        bytes32[MEMBERS][JOBS] memory said;
        for (uint256 i = 0; i < words.length; ++i) {
            (uint32 job, uint8 member) = (words[i] % JOBS, uint8((words[i] >> 4) % MEMBERS));
            bytes32 statement = bytes32(uint256(words[i] >> 8));
            prank(keyOf(member));
            try board.withdrawData(2 + job, "noisy", statement) {
                check(said[job][member] == 0 && statement != 0, "withdrawn twice, or by nothing");
                said[job][member] = statement;
            } catch {
                check(said[job][member] != 0 || statement == 0, "refused");
            }
            for (uint32 one = 0; one < JOBS; ++one) {
                for (uint8 who = 0; who < MEMBERS; ++who) {
                    check(board.statementOf(2 + one, who) == said[one][who], "statement");
                }
            }
        }
    }

    function testFuzz_ABudgetIsMetExactlyAndNotPassed(uint64 cost, uint64 rest, uint8 rounds) external {
        vm.assume(cost != 0 && rest < cost && rounds != 0 && cost < type(uint64).max / 16);
        rounds = rounds % 8 + 1;
        uint64 budget = cost * rounds + rest;
        _job(2, IBudgetBoard.Spending("scope", cost, budget));
        for (uint32 i = 1; i <= rounds; ++i) {
            _open(2);
            prank(keyOf(1));
            board.spend(2, i);
            check(board.spentOf("scope", 1) == cost * i, "total");
        }
        _open(2);
        vm.expectRevert(
            abi.encodeWithSelector(
                IBudgetBoard.BudgetBoard_Overspent.selector, bytes32("scope"), 1, uint256(cost) * (rounds + 1), budget
            )
        );
        prank(keyOf(1));
        board.spend(2, rounds + 1);
    }

    /// @dev Each job has one of the scopes, a cost of 1 to 8 and a budget of some of them.
    function _propose(uint32 job, uint32 word) private {
        uint64 cost = 1 + word % 8;
        uint64 budget = cost * (1 + (word >> 3) % 6) + (word >> 6) % cost;
        scopeOf[job] = (word >> 10) % SCOPES;
        _job(job, IBudgetBoard.Spending(_scope(scopeOf[job]), cost, budget));
    }

    function _act(uint32 word) private {
        uint32 job = 2 + word % JOBS;
        if ((word >> 4) % 4 == 0) return _open(job);
        if ((word >> 4) % 4 == 1) return _reorganise(job, word >> 6);
        _spend(job, (word >> 6) % MEMBERS);
    }

    /// @dev What happened on a branch is undone; something else happens instead.
    function _reorganise(uint32 job, uint32 word) private {
        uint256 state = vm.snapshotState();
        uint32 round = ledger.roundOf(job).round;
        for (uint256 i = 0; i < MEMBERS; ++i) {
            prank(keyOf(i));
            try board.spend(job, round) {} catch {}
        }
        check(vm.revertToState(state), "not undone");
        _spend(job, word % MEMBERS);
    }

    function _spend(uint32 job, uint256 member) private {
        IRoundLedger.Round memory round = ledger.roundOf(job);
        IBudgetBoard.Spending memory terms = board.termsOf(job);
        (uint32 last, bool was) = board.hasSpent(job, uint8(member));
        uint256 scope = scopeOf[job];
        uint256 budget = least[scope] != 0 && least[scope] < terms.budget ? least[scope] : terms.budget;
        bool may = round.round != 0 && !(was && last == round.round) && vm.getBlockTimestamp() <= round.deadline
            && spent[scope][member] + terms.cost <= budget;
        prank(keyOf(member));
        try board.spend(job, round.round) {
            check(may, "overspent");
            spent[scope][member] += terms.cost;
            least[scope] = budget;
        } catch {
            check(!may, "refused");
        }
    }

    function _compare() private view {
        for (uint256 scope = 0; scope < SCOPES; ++scope) {
            check(board.budgetOf(_scope(scope)) == least[scope], "budget");
            for (uint8 member = 0; member < MEMBERS; ++member) {
                uint256 total = board.spentOf(_scope(scope), member);
                check(total == spent[scope][member] && (total == 0 || total <= least[scope] || _wasLowered(scope)), "spent");
            }
        }
    }

    /// @dev A budget that was lowered may be less than what was spent before.
    function _wasLowered(uint256 scope) private view returns (bool) {
        for (uint32 job = 2; job < 2 + JOBS; ++job) {
            if (scopeOf[job] == scope && board.termsOf(job).budget > least[scope]) return true;
        }
        return false;
    }

    function _job(uint32 job, IBudgetBoard.Spending memory terms_) private {
        prank(keyOf(0));
        check(ledger.proposeJob("noisy", terms(), model()) == job, "number");
        prank(keyOf(0));
        board.configure(job, terms_);
        prank(keyOf(1));
        ledger.approveJob(job, "noisy");
    }

    /// @dev The next round; the one before it ends without updates.
    function _open(uint32 job) private {
        IRoundLedger.Round memory round = ledger.roundOf(job);
        if (round.round != 0 && round.phase < IRoundLedger.Phase.Finalised) {
            vm.warp(vm.getBlockTimestamp() + 1000);
            prank(keyOf(1));
            ledger.advance(job, round.round);
        }
        prank(keyOf(0));
        ledger.openRound(job);
    }

    function _scope(uint256 number) private pure returns (bytes32) {
        return bytes32(number + 1);
    }
}
