// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBudgetBoard} from "./interfaces/IBudgetBoard.sol";
import {IConsortium} from "./interfaces/IConsortium.sol";
import {IRoundLedger} from "./interfaces/IRoundLedger.sol";
import {MARK} from "./libraries/Bits.sol";

/// @title BudgetBoard
/// @notice The privacy budgets of one ledger's jobs, and which members withdrew their data from them.
contract BudgetBoard is IBudgetBoard {
    /// @dev `spenders` is a bitmap by member index with `MARK`, of round `round`, the latest in which anybody spent.
    struct Job {
        bytes32 scope;
        uint64 cost;
        uint64 budget;
        uint32 round;
        uint256 spenders;
    }

    uint8 private constant PARTICIPANT = 1;

    IConsortium private immutable _consortium;
    IRoundLedger private immutable _ledger;

    mapping(uint32 number => Job) private _jobs;
    mapping(bytes32 scope => uint64 budget) private _budgets;
    mapping(bytes32 scope => mapping(uint8 index => uint64 total)) private _spent;
    mapping(uint32 job => mapping(uint8 index => bytes32 statement)) private _statements;

    /// @notice Opens an empty board for the rounds of `ledger_`.
    constructor(IRoundLedger ledger_) {
        _consortium = IConsortium(ledger_.consortium());
        _ledger = ledger_;
    }

    /// @inheritdoc IBudgetBoard
    function configure(uint32 job, Spending calldata terms) external {
        _requireOrigin();
        address proposer = _ledger.proposerOf(job);
        if (msg.sender != proposer) revert BudgetBoard_NotProposer(msg.sender, proposer);
        (,, bool isOpen) = _ledger.jobOf(job);
        if (isOpen) revert BudgetBoard_JobOpen(job);
        Job storage state = _jobs[job];
        if (state.cost != 0) revert BudgetBoard_AlreadyConfigured(job);
        if (terms.scope == 0 || terms.cost == 0 || terms.budget < terms.cost) revert BudgetBoard_InvalidTerms();
        uint64 least = _budgets[terms.scope];
        if (least != 0 && terms.budget > least) revert BudgetBoard_BudgetRaised(terms.scope, terms.budget, least);

        (state.scope, state.cost, state.budget) = (terms.scope, terms.cost, terms.budget);
        emit SpendingConfigured(job, terms);
    }

    /// @inheritdoc IBudgetBoard
    function spend(uint32 job, uint32 round) external {
        _requireOrigin();
        Job storage state = _jobs[job];
        (uint64 cost, uint64 budget, uint32 last) = (state.cost, state.budget, state.round);
        if (cost == 0) revert BudgetBoard_CostsNothing(job);
        uint8 index = _requireSpender(_requireCollecting(job, round));
        uint256 spenders = last == round ? state.spenders : MARK;
        if (spenders >> index & 1 != 0) revert BudgetBoard_AlreadySpent(job, round, index);
        bytes32 scope = state.scope;
        uint64 least = _budgets[scope];
        if (least != 0 && least < budget) budget = least;
        uint256 total = uint256(_spent[scope][index]) + cost;
        if (total > budget) revert BudgetBoard_Overspent(scope, index, total, budget);

        if (last != round) state.round = round;
        state.spenders = spenders | 1 << index;
        _spent[scope][index] = uint64(total);
        if (budget != least) _budgets[scope] = budget;
        emit Spent(job, round, msg.sender, uint64(total));
    }

    /// @inheritdoc IBudgetBoard
    function withdrawData(uint32 job, bytes32 digest, bytes32 statement) external {
        _requireOrigin();
        (bytes32 expected,,) = _ledger.jobOf(job);
        if (digest != expected) revert BudgetBoard_WrongDigest(job, expected, digest);
        (uint8 index, uint8 roles,) = _consortium.standingOf(msg.sender);
        if (roles == 0) revert BudgetBoard_NotMember(msg.sender);
        if (statement == 0) revert BudgetBoard_NoStatement();
        if (_statements[job][index] != 0) revert BudgetBoard_AlreadyWithdrawn(job, index);

        _statements[job][index] = statement;
        emit DataWithdrawn(job, msg.sender, statement);
    }

    /// @inheritdoc IBudgetBoard
    function termsOf(uint32 job) external view returns (Spending memory) {
        Job storage state = _jobs[job];
        return Spending(state.scope, state.cost, state.budget);
    }

    /// @inheritdoc IBudgetBoard
    function budgetOf(bytes32 scope) external view returns (uint64) {
        return _budgets[scope];
    }

    /// @inheritdoc IBudgetBoard
    function spentOf(bytes32 scope, uint8 index) external view returns (uint64) {
        return _spent[scope][index];
    }

    /// @inheritdoc IBudgetBoard
    function hasSpent(uint32 job, uint8 index) external view returns (uint32 round, bool spent) {
        Job storage state = _jobs[job];
        return (state.round, (state.spenders & ~MARK) >> index & 1 != 0);
    }

    /// @inheritdoc IBudgetBoard
    function statementOf(uint32 job, uint8 index) external view returns (bytes32) {
        return _statements[job][index];
    }

    /// @inheritdoc IBudgetBoard
    function ledger() external view returns (address) {
        return address(_ledger);
    }

    /// @inheritdoc IBudgetBoard
    function consortium() external view returns (address) {
        return address(_consortium);
    }

    /// @dev The round collects updates now; returns the epoch in which it was opened.
    function _requireCollecting(uint32 job, uint32 round) private view returns (uint32 epoch) {
        IRoundLedger.Round memory current = _ledger.roundOf(job);
        if (round != current.round || round == 0) revert BudgetBoard_WrongRound(job, round, current.round);
        if (current.phase != IRoundLedger.Phase.Collecting) revert BudgetBoard_WrongPhase(job, round);
        if (block.timestamp > current.deadline) {
            revert BudgetBoard_DeadlinePassed(current.deadline, block.timestamp);
        }
        return current.epoch;
    }

    /// @dev The caller is a participant, and its key spoke for its member in `epoch`.
    function _requireSpender(uint32 epoch) private view returns (uint8) {
        (uint8 index, uint8 roles, uint32 since) = _consortium.standingOf(msg.sender);
        if (roles & PARTICIPANT == 0) revert BudgetBoard_RoleMissing(msg.sender, PARTICIPANT);
        if (since > epoch) revert BudgetBoard_NotInElectorate(msg.sender, since, epoch);
        return index;
    }

    /// @dev A contract, or a key with delegated code, would act in a transaction that shows no call of this contract.
    function _requireOrigin() private view {
        if (msg.sender != tx.origin || msg.sender.code.length != 0) revert BudgetBoard_NotOrigin(msg.sender, tx.origin);
    }
}
