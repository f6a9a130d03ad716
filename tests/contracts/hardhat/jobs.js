'use strict';

const assert = require('node:assert/strict');
const { ethers } = require('hardhat');
const {
  ALL, AGGREGATOR, PARTICIPANT, Phase, TERMS, SCORED, found, openJob, random, reverts, events, at, deadlineOf, submit,
} = require('./support');

describe('A job', () => {
  const terms = Object.values(TERMS).map(BigInt);
  const digest = random();
  let ledger, consortium, members, strangers;
  beforeEach(async () => ({ ledger, consortium, members, strangers } = await found([ALL, PARTICIPANT, ALL, AGGREGATOR])));
  const as = (signer) => ledger.connect(signer);

  it('belongs to one consortium', async () => {
    assert.equal(await ledger.consortium(), await consortium.getAddress());
    assert.equal(await ledger.jobs(), 0n);
  });

  it('is proposed with the proposer\'s approval', async () => {
    const { address } = members[1];
    assert.deepEqual(
      (await events(as(members[1]).proposeJob(digest, TERMS), ledger)).map(([name, ...args]) =>
        [name, ...args.map((arg) => arg.toArray?.() ?? arg)]),
      [['JobProposed', 1n, digest, address, terms], ['JobApproved', 1n, address, 1n]],
    );
    assert.equal(await ledger.jobs(), 1n);
    const [found_, kept, open] = await ledger.jobOf(1);
    assert.deepEqual([found_, kept.toArray(), open], [digest, terms, false]);
    assert.equal((await ledger.roundOf(1)).phase, Phase.None);
  });

  for (const [what, change] of [
    ['no rounds', { rounds: 0 }], ['no attempts', { attempts: 0 }], ['no time to submit', { updateSeconds: 0 }],
    ['no time to aggregate', { aggregateSeconds: 0 }], ['no time to attest', { attestSeconds: 0 }],
    ['over a year to submit', { updateSeconds: 31536001 }], ['over a year to attest', { attestSeconds: 31536001 }],
    ['over a year to aggregate', { aggregateSeconds: 31536001 }],
    ['scores but no time to commit', { ...SCORED, scoreSeconds: 0 }],
    ['scores but no time to reveal', { ...SCORED, revealSeconds: 0 }],
    ['scores that nobody must reveal', { ...SCORED, scorers: 0 }],
    ['over a year to commit', { ...SCORED, scoreSeconds: 31536001 }],
    ['over a year to reveal', { ...SCORED, revealSeconds: 31536001 }],
  ]) {
    it(`is refused with ${what}`, () =>
      reverts(as(members[0]).proposeJob(digest, { ...TERMS, ...change }), ledger, 'RoundLedger_InvalidTerms'));
  }

  it('is refused without a document', () =>
    reverts(as(members[0]).proposeJob(`0x${'00'.repeat(32)}`, TERMS), ledger, 'RoundLedger_InvalidTerms'));

  it('may set a whole year for each phase', () => as(members[0]).proposeJob(digest, {
    ...TERMS, updateSeconds: 31536000, aggregateSeconds: 31536000, attestSeconds: 31536000,
    scoreSeconds: 31536000, revealSeconds: 31536000, scorers: 255,
  }));

  it('is not a stranger\'s', async () => {
    await as(members[0]).proposeJob(digest, TERMS);
    const refused = [consortium, 'Consortium_NotMember', [strangers[0].address]];
    await reverts(as(strangers[0]).proposeJob(digest, TERMS), ...refused);
    await reverts(as(strangers[0]).approveJob(1, digest), ...refused);
    await reverts(as(strangers[0]).openRound(1), ...refused);
  });

  it('is unknown until proposed', async () => {
    for (const [call, ...args] of [['approveJob', 1, digest], ['openRound', 1], ['jobOf', 1]]) {
      await reverts(as(members[0])[call](...args), ledger, 'RoundLedger_UnknownJob', [1]);
    }
  });

  it('opens with the approval of a majority, once', async () => {
    await as(members[0]).proposeJob(digest, TERMS);
    await as(members[1]).approveJob(1, digest);
    await reverts(as(members[0]).openRound(1), ledger, 'RoundLedger_JobNotOpen', [1]);
    assert.deepEqual(await events(as(members[2]).approveJob(1, digest), ledger), [
      ['JobApproved', 1n, members[2].address, 3n],
      ['JobOpened', 1n, 1n],
    ]);
    assert.equal((await ledger.jobOf(1)).open, true);
    assert.deepEqual(await events(as(members[3]).approveJob(1, digest), ledger), [['JobApproved', 1n, members[3].address, 4n]]);
  });

  it('is approved by its document, not by its number', async () => {
    const other = random();
    await as(members[0]).proposeJob(digest, TERMS);
    await reverts(as(members[1]).approveJob(1, other), ledger, 'RoundLedger_WrongDigest', [1, digest, other]);
    assert.deepEqual((await ledger.jobOf(1)).toArray()[2], false);
  });

  it('that took another\'s number in a reorganisation is not opened by the other\'s approvals', async () => {
    const evil = random();
    const before = await ethers.provider.send('evm_snapshot', []);
    await as(members[0]).proposeJob(digest, TERMS);
    await ethers.provider.send('evm_revert', [before]);
    await as(members[3]).proposeJob(evil, TERMS);
    await as(members[0]).proposeJob(digest, TERMS);
    await reverts(as(members[1]).approveJob(1, digest), ledger, 'RoundLedger_WrongDigest', [1, evil, digest]);
    assert.equal((await ledger.jobOf(1)).open, false);
    for (const member of members.slice(1, 3)) await as(member).approveJob(2, digest);
    assert.equal((await ledger.jobOf(2)).open, true);
  });

  it('is approved once by each key', async () => {
    await as(members[0]).proposeJob(digest, TERMS);
    await reverts(as(members[0]).approveJob(1, digest), ledger, 'RoundLedger_AlreadyApproved', [1, members[0].address]);
  });

  it('does not count the approval of a retired key', async () => {
    await as(members[0]).proposeJob(digest, TERMS);
    await as(members[1]).approveJob(1, digest);
    await consortium.connect(members[1]).rotateKey(strangers[0].address);
    await as(members[2]).approveJob(1, digest);
    assert.equal((await ledger.jobOf(1)).open, false);
    await as(strangers[0]).approveJob(1, digest);
    assert.equal((await ledger.jobOf(1)).open, true);
  });

  it('is not kept from opening by a member that rotates again and again', async () => {
    await as(members[0]).proposeJob(digest, TERMS);
    await as(members[1]).approveJob(1, digest);
    await consortium.connect(members[3]).rotateKey(strangers[0].address);
    await as(members[2]).approveJob(1, digest);
    assert.equal((await ledger.jobOf(1)).open, true);
  });

  it('runs beside another', async () => {
    ({ ledger, members } = await openJob([ALL, ALL, ALL]));
    await as(members[0]).proposeJob(digest, TERMS);
    await as(members[1]).approveJob(2, digest);
    for (const job of [1, 2]) {
      await as(members[0]).openRound(job);
      await submit(ledger, members[1], 1, job);
    }
    assert.notEqual((await ledger.headOf(1, members[1].address)).head, (await ledger.headOf(2, members[1].address)).head);
  });

  describe('opens its rounds', () => {
    beforeEach(async () => ({ ledger, consortium, members, strangers } = await openJob([ALL, PARTICIPANT, ALL, ALL])));
    const abandon = async (round) => {
      await at((await deadlineOf(ledger)) + 2n * BigInt(TERMS.aggregateSeconds) + 1n);
      await as(members[0]).abandonRound(1, round);
    };

    it('by any aggregator, with its deadline', async () => {
      await reverts(as(members[1]).openRound(1), ledger, 'RoundLedger_RoleMissing', [members[1].address, AGGREGATOR]);
      const opening = await as(members[2]).openRound(1);
      const deadline = BigInt((await opening.getBlock()).timestamp + TERMS.updateSeconds);
      assert.deepEqual(await events(opening, ledger), [['RoundOpened', 1n, 1n, members[2].address, 1n, deadline]]);
      assert.deepEqual((await ledger.roundOf(1)).toArray(), [1n, 1n, 1n, deadline, Phase.Collecting, 4n, 0n]);
    });

    it('one at a time', async () => {
      await as(members[0]).openRound(1);
      await reverts(as(members[2]).openRound(1), ledger, 'RoundLedger_WrongPhase', [1, Phase.Collecting]);
    });

    it('as many as its terms say', async () => {
      for (const round of [1, 2, 3]) {
        await as(members[0]).openRound(1);
        await abandon(round);
      }
      await reverts(as(members[0]).openRound(1), ledger, 'RoundLedger_JobComplete', [1, 3]);
    });

    it('and remembers the first of each epoch', async () => {
      await as(members[0]).openRound(1);
      await abandon(1);
      await as(members[0]).openRound(1);
      assert.deepEqual((await ledger.roundOf(1)).toArray().slice(0, 3), [2n, 1n, 1n]);
      await abandon(2);
      await consortium.connect(members[3]).rotateKey(strangers[0].address);
      await as(members[0]).openRound(1);
      assert.deepEqual((await ledger.roundOf(1)).toArray().slice(0, 3), [3n, 2n, 3n]);
    });
  });
});
