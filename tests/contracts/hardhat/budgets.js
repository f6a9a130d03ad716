'use strict';

const assert = require('node:assert/strict');
const { ethers } = require('hardhat');
const {
  ALL, AGGREGATOR, PARTICIPANT, TERMS, MODEL, ZERO, random, found, commit, at, deadlineOf, reverts, events, gasOf, printed,
} = require('./support');

const LIMIT = 60_000;
const COST = 175_090_068n;
const SCOPE = ethers.id('patients-2026');
const NOBODY = ethers.ZeroAddress;
const LONG = { ...TERMS, rounds: 20 };

describe('Budgets', () => {
  let board, ledger, members, strangers, consortium;
  const terms = (changes = {}) => ({ scope: SCOPE, cost: COST, budget: 3n * COST, ...changes });
  const as = (signer) => board.connect(signer);
  const refused = (call, name, ...args) => reverts(call, board, `BudgetBoard_${name}`, args.length ? args : undefined);
  const configure = (changes, by = members[0], job = 1) => as(by).configure(job, terms(changes));
  const spend = (i, job = 1, round = 1) => as(members[i]).spend(job, round);
  const begin = async (roles = Array(4).fill(ALL)) => {
    ({ budgets: board, ledger, members, strangers, consortium } = await found(roles));
  };
  /** A job that its members have approved, with these terms or without any. */
  const opened = async (changes = {}, job = 1) => {
    const digest = random();
    await ledger.connect(members[0]).proposeJob(digest, LONG, MODEL);
    if (changes) await configure(changes, members[0], job);
    for (const member of members.slice(1, 3)) await ledger.connect(member).approveJob(job, digest);
  };
  const round = (job = 1) => ledger.connect(members[0]).openRound(job);
  /** The next round; nobody brings anything to the one before. */
  const next = async (job = 1) => {
    await at(await deadlineOf(ledger, job) + 1000n);
    await ledger.connect(members[2]).advance(job, (await ledger.roundOf(job)).round);
    await round(job);
  };

  describe('of a job', () => {
    beforeEach(async () => {
      await begin();
      await ledger.connect(members[0]).proposeJob(random(), LONG, MODEL);
    });

    it('are configured by its proposer', async () => {
      const said = [SCOPE, COST, 3n * COST];
      assert.deepEqual(await events(configure(), board), [['SpendingConfigured', 1n, said]]);
      assert.deepEqual((await board.termsOf(1)).toArray(), said);
      assert.deepEqual((await board.termsOf(2)).toArray(), [ZERO, 0n, 0n]);
      assert.equal(await board.ledger(), await ledger.getAddress());
      assert.equal(await board.consortium(), await consortium.getAddress());
    });

    it('are configured by nobody else, once, before it is open', async () => {
      await refused(configure({}, members[1]), 'NotProposer', members[1].address, members[0].address);
      await refused(configure({}, members[0], 2), 'NotProposer', members[0].address, NOBODY);
      await configure();
      await refused(configure(), 'AlreadyConfigured', 1);
      await opened(null, 2);
      await refused(configure({}, members[0], 2), 'JobOpen', 2);
    });

    it('have a scope, a cost, and a budget for one round at least', async () => {
      for (const wrong of [{ scope: ZERO }, { cost: 0 }, { budget: COST - 1n }, { budget: 0 }]) await refused(configure(wrong), 'InvalidTerms');
      await configure({ cost: 1, budget: 1 });
    });
  });

  describe('are spent', () => {
    beforeEach(async () => {
      await begin();
      await opened();
    });

    it('once a round by each participant, and add up', async () => {
      await round();
      assert.deepEqual(await board.hasSpent(1, 0).then(Array.from), [0n, false]);
      assert.deepEqual(await events(spend(1), board), [['Spent', 1n, 1n, members[1].address, COST]]);
      await refused(spend(1), 'AlreadySpent', 1, 1, 1);
      await spend(0);
      await next();
      assert.deepEqual(await board.hasSpent(1, 1).then(Array.from), [1n, true]);
      assert.deepEqual(await events(spend(1, 1, 2), board), [['Spent', 1n, 2n, members[1].address, 2n * COST]]);
      assert.deepEqual(await board.hasSpent(1, 1).then(Array.from), [2n, true]);
      assert.deepEqual(await board.hasSpent(1, 0).then(Array.from), [2n, false]);
      assert.deepEqual(await Promise.all([0, 1, 2].map((i) => board.spentOf(SCOPE, i))), [COST, 2n * COST, 0n]);
      assert.equal(await board.budgetOf(SCOPE), 3n * COST);
    });

    it('up to the budget exactly, whatever became of the rounds', async () => {
      await round();
      for (const number of [1, 2, 3]) {
        await spend(2, 1, number);
        await next();
      }
      await refused(spend(2, 1, 4), 'Overspent', SCOPE, 2, 4n * COST, 3n * COST);
      await spend(1, 1, 4);
    });

    it('in the round that collects, until its last second', async () => {
      await refused(spend(1, 1, 0), 'WrongRound', 1, 0, 0);
      await refused(spend(1), 'WrongRound', 1, 1, 0);
      await round();
      await refused(spend(1, 1, 2), 'WrongRound', 1, 2, 1);
      const deadline = await deadlineOf(ledger);
      await at(deadline);
      await spend(1);
      await at(deadline + 1n);
      await refused(spend(2), 'DeadlinePassed', deadline, deadline + 1n);
      await next();
      for (const member of members) await commit(ledger, member, undefined, 2);
      await refused(spend(1, 1, 2), 'WrongPhase', 1, 2);
    });

    it('in jobs that cost something', async () => {
      await opened(null, 2);
      await round(2);
      await refused(spend(1, 2), 'CostsNothing', 2);
    });

    it('by participants whose key spoke for them when the round was opened, and in their own transaction', async () => {
      await begin([ALL, ALL, ALL, AGGREGATOR]);
      await opened();
      await round();
      await refused(spend(3), 'RoleMissing', members[3].address, PARTICIPANT);
      await refused(as(strangers[0]).spend(1, 1), 'RoleMissing', strangers[0].address, PARTICIPANT);
      await consortium.connect(members[1]).rotateKey(strangers[1].address);
      await refused(as(strangers[1]).spend(1, 1), 'NotInElectorate', strangers[1].address, 2, 1);
      await refused(spend(1), 'RoleMissing', members[1].address, PARTICIPANT);
      await next();
      await as(strangers[1]).spend(1, 2);
      assert.equal(await board.spentOf(SCOPE, 1), COST);
    });
  });

  describe('of a scope', () => {
    beforeEach(() => begin());

    it('are those of all its jobs together, and never rise', async () => {
      await opened({ budget: 5n * COST });
      await opened({ cost: 1n, budget: 2n * COST }, 2);
      await opened({ scope: ethers.id('other') }, 3);
      for (const job of [1, 2, 3]) await round(job);
      await spend(1);
      assert.equal(await board.budgetOf(SCOPE), 5n * COST);
      await spend(1, 2);
      assert.equal(await board.budgetOf(SCOPE), 2n * COST);
      assert.equal(await board.spentOf(SCOPE, 1), COST + 1n);
      await spend(1, 3);
      await next(1);
      await refused(spend(1, 1, 2), 'Overspent', SCOPE, 1, 2n * COST + 1n, 2n * COST);
      await ledger.connect(members[0]).proposeJob(random(), LONG, MODEL);
      await refused(configure({ budget: 2n * COST + 1n }, members[0], 4), 'BudgetRaised', SCOPE, 2n * COST + 1n, 2n * COST);
      await configure({ budget: 2n * COST }, members[0], 4);
    });

    it('are not lowered by a job in which nobody spent', async () => {
      await opened({ budget: 5n * COST });
      await opened({ budget: COST }, 2);
      await round();
      await spend(0);
      assert.equal(await board.budgetOf(SCOPE), 5n * COST);
    });
  });
});

describe('Data', () => {
  const STATEMENT = ethers.id('statement');
  let board, ledger, members, strangers, consortium, digest;
  const refused = (call, name, ...args) => reverts(call, board, `BudgetBoard_${name}`, args.length ? args : undefined);
  const withdraw = (by, { job = 1, of = digest, statement = STATEMENT } = {}) => board.connect(by).withdrawData(job, of, statement);

  beforeEach(async () => {
    ({ budgets: board, ledger, members, strangers, consortium } = await found([ALL, ALL, ALL, AGGREGATOR]));
    digest = random();
    await ledger.connect(members[0]).proposeJob(digest, LONG, MODEL);
  });

  it('are withdrawn by any member, from a job however far it has come', async () => {
    assert.equal(await board.statementOf(1, 1), ZERO);
    assert.deepEqual(await events(withdraw(members[1]), board), [['DataWithdrawn', 1n, members[1].address, STATEMENT]]);
    assert.equal(await board.statementOf(1, 1), STATEMENT);
    for (const member of members.slice(1, 3)) await ledger.connect(member).approveJob(1, digest);
    await ledger.connect(members[0]).openRound(1);
    await withdraw(members[3], { statement: ethers.id('another') });
    assert.deepEqual(await Promise.all([0, 1, 2, 3].map((i) => board.statementOf(1, i))), [ZERO, STATEMENT, ZERO, ethers.id('another')]);
  });

  it('are withdrawn once, for good, whatever key the member has', async () => {
    await withdraw(members[1]);
    await refused(withdraw(members[1], { statement: ethers.id('another') }), 'AlreadyWithdrawn', 1, 1);
    await consortium.connect(members[1]).rotateKey(strangers[1].address);
    await refused(withdraw(strangers[1]), 'AlreadyWithdrawn', 1, 1);
    await refused(withdraw(members[1]), 'NotMember', members[1].address);
    await ledger.connect(members[0]).proposeJob(random(), LONG, MODEL);
    assert.equal(await board.statementOf(2, 1), ZERO);
  });

  it('are withdrawn from the job that is meant, by a statement', async () => {
    await refused(withdraw(members[1], { of: STATEMENT }), 'WrongDigest', 1, digest, STATEMENT);
    await refused(withdraw(members[1], { statement: ZERO }), 'NoStatement');
    await reverts(withdraw(members[1], { job: 2 }), ledger, 'RoundLedger_UnknownJob', [2]);
    await reverts(withdraw(members[1], { job: 0, of: ZERO }), ledger, 'RoundLedger_UnknownJob', [0]);
  });

  it('are withdrawn by nobody who is no member', async () => {
    await refused(withdraw(strangers[0]), 'NotMember', strangers[0].address);
  });

  it('that are withdrawn hold up no round, and what was spent stays', async () => {
    await board.connect(members[0]).configure(1, { scope: SCOPE, cost: COST, budget: 3n * COST });
    for (const member of members.slice(1, 3)) await ledger.connect(member).approveJob(1, digest);
    await ledger.connect(members[0]).openRound(1);
    await withdraw(members[1]);
    await board.connect(members[1]).spend(1, 1);
    assert.equal(await board.spentOf(SCOPE, 1), COST);
  });
});

describe('Gas of budgets', () => {
  const table = printed();

  it(`of a round's cost: at most ${LIMIT}, from a member's second time on`, async () => {
    const { budgets, ledger, members } = await found(Array(4).fill(ALL));
    const digest = random();
    await ledger.connect(members[0]).proposeJob(digest, LONG, MODEL);
    table.push(['configure', await gasOf(budgets.connect(members[0]).configure(1, { scope: SCOPE, cost: COST, budget: 1n << 62n }))]);
    for (const member of members.slice(1, 3)) await ledger.connect(member).approveJob(1, digest);
    const used = {};
    for (const number of [1, 2, 3]) {
      if (number > 1) {
        await at(await deadlineOf(ledger, 1) + 1000n);
        await ledger.connect(members[1]).advance(1, number - 1);
      }
      await ledger.connect(members[0]).openRound(1);
      used[number] = [];
      for (const member of members.slice(0, 3)) used[number].push(await gasOf(budgets.connect(member).spend(1, number)));
    }
    for (const [number, gas] of Object.entries(used)) table.push([`spend, round ${number}: the first, the next, the next`, ...gas]);
    const said = await Promise.all([1, 2].map((i) => budgets.connect(members[i]).withdrawData(1, digest, random())));
    table.push(['withdrawData', ...(await Promise.all(said.map(gasOf)))]);
    table.push(['deploy BudgetBoard', await gasOf(budgets.deploymentTransaction())]);
    assert.ok(Math.max(...used[3]) <= LIMIT, `${used[3]}`);
  });
});
