// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Privacy budgets, and data that are withdrawn
/// @notice Where members of jobs with noise spend what the noise leaves: a round's cost, once a round, out of the budget
/// of a scope. Costs and budgets are in units of 2^-32 (docs/spec/privacy.md tells what they mean); here they are added up.
/// And where a member of any job says that it brings no more of its data into it (docs/spec/withdrawal.md).
/// @dev A scope names rows, such as those of one registry in one year, and outlives jobs: each member has spent in it what
/// all of its rounds, in all jobs of the scope, cost.
interface IBudgetBoard {
    /// @notice What a job's rounds cost; its document says the same, and the audit compares.
    /// @param scope what is spent in, not zero
    /// @param cost of one round, not zero
    /// @param budget what a member may spend in the scope, at least the cost
    struct Spending {
        bytes32 scope;
        uint64 cost;
        uint64 budget;
    }

    /// @notice The job's rounds cost something.
    event SpendingConfigured(uint32 indexed job, Spending terms);
    /// @notice A member spent a round's cost. `total` is what it has spent in the job's scope, this included.
    event Spent(uint32 indexed job, uint32 indexed round, address indexed member, uint64 total);
    /// @notice A member brings no more of its data into the job's rounds after the current one. `statement` is the digest
    /// of the CID of what it signed to say so, and why.
    event DataWithdrawn(uint32 indexed job, address indexed member, bytes32 statement);

    error BudgetBoard_InvalidTerms();
    error BudgetBoard_NotOrigin(address caller, address origin);
    error BudgetBoard_NotProposer(address caller, address proposer);
    error BudgetBoard_JobOpen(uint32 job);
    error BudgetBoard_AlreadyConfigured(uint32 job);
    error BudgetBoard_BudgetRaised(bytes32 scope, uint64 budget, uint64 least);
    error BudgetBoard_CostsNothing(uint32 job);
    error BudgetBoard_WrongRound(uint32 job, uint32 round, uint32 current);
    error BudgetBoard_WrongPhase(uint32 job, uint32 round);
    error BudgetBoard_DeadlinePassed(uint40 deadline, uint256 time);
    error BudgetBoard_RoleMissing(address key, uint8 role);
    error BudgetBoard_NotInElectorate(address key, uint32 since, uint32 epoch);
    error BudgetBoard_AlreadySpent(uint32 job, uint32 round, uint8 index);
    error BudgetBoard_Overspent(bytes32 scope, uint8 index, uint256 total, uint64 budget);
    error BudgetBoard_WrongDigest(uint32 job, bytes32 expected, bytes32 actual);
    error BudgetBoard_NotMember(address key);
    error BudgetBoard_NoStatement();
    error BudgetBoard_AlreadyWithdrawn(uint32 job, uint8 index);

    /// @notice Says what a job's rounds cost: once, by its proposer, before it is open. Who approves the job looks here
    /// first.
    /// @dev A scope's budget cannot be raised: a job that names more than it reverts. Here and in `spend` the caller must be
    /// the transaction's origin (`BudgetBoard_NotOrigin`).
    function configure(uint32 job, Spending calldata terms) external;

    /// @notice Spends the round's cost for the caller, a participant: once a round, while updates are committed to. Only
    /// where all that its member spent in the scope stays within the budget.
    /// @dev The budget is that of the scope or of the job, whichever is less; a job whose budget is less than the scope's
    /// lowers it with the first that is spent there. A key must have spoken for its member when the round was opened. What
    /// is spent stays spent, whatever becomes of the round: the update may have been seen.
    function spend(uint32 job, uint32 round) external;

    /// @notice Withdraws the caller's data from a job, for its rounds to come: once for each member and job, for good.
    /// @param digest of the job's document: a number alone would be another job after a reorganisation
    /// @param statement digest of the CID of the statement, not zero
    /// @dev Any member may, of any job that was proposed, however far it has come. Nothing here or in a round depends on
    /// it: who reads the ledger sees which member kept its word. A key that replaces another finds its member's word.
    function withdrawData(uint32 job, bytes32 digest, bytes32 statement) external;

    /// @notice What a job's rounds cost; all zero where they cost nothing.
    function termsOf(uint32 job) external view returns (Spending memory);

    /// @notice The budget of a scope; zero while nothing was spent in it.
    function budgetOf(bytes32 scope) external view returns (uint64);

    /// @notice What a member has spent in a scope, by its index.
    function spentOf(bytes32 scope, uint8 index) external view returns (uint64);

    /// @notice Whether a member has spent in the latest round of a job in which anybody has, and that round's number; 0
    /// before the first.
    function hasSpent(uint32 job, uint8 index) external view returns (uint32 round, bool spent);

    /// @notice The statement by which a member, by its index, withdrew its data from a job; zero while it did not.
    function statementOf(uint32 job, uint8 index) external view returns (bytes32);

    /// @notice The ledger whose rounds cost something here.
    function ledger() external view returns (address);

    /// @notice The consortium whose members spend here.
    function consortium() external view returns (address);
}
