'use strict';

const assert = require('node:assert/strict');
const { ethers } = require('hardhat');
const {
  ALL, AGGREGATOR, PARTICIPANT, Phase, TERMS, MODEL, SCORED, ZERO, found, openJob, random, reverts, events, at,
  deadlineOf, commit, registered, propose, decide, anAggregate, publish, attested, opened,
} = require('./support');

describe('A job', () => {
  const terms = Object.values(TERMS).map(BigInt);
  const model = [MODEL.initial, ...Object.values(MODEL).slice(1, -1).map(BigInt), MODEL.byValue];
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
      (await events(as(members[1]).proposeJob(digest, TERMS, MODEL), ledger)).map(([name, ...args]) =>
        [name, ...args.map((arg) => arg.toArray?.() ?? arg)]),
      [['JobProposed', 1n, digest, address, terms, model], ['JobApproved', 1n, address, 1n]],
    );
    assert.equal(await ledger.jobs(), 1n);
    assert.deepEqual((await ledger.modelTermsOf(1)).toArray(), model);
    const [found_, kept, open] = await ledger.jobOf(1);
    assert.deepEqual([found_, kept.toArray(), open], [digest, terms, false]);
    assert.equal((await ledger.roundOf(1)).phase, Phase.None);
  });

  for (const [what, change] of [
    ['no rounds', { rounds: 0 }], ['no attempts', { attempts: 0 }], ['no time to commit to updates', { updateSeconds: 0 }],
    ['no time to open them', { openSeconds: 0 }],
    ['no time to aggregate', { aggregateSeconds: 0 }], ['no time to attest', { attestSeconds: 0 }],
    ['over a year to commit to updates', { updateSeconds: 31536001 }],
    ['over a year to open them', { openSeconds: 31536001 }], ['over a year to attest', { attestSeconds: 31536001 }],
    ['over a year to aggregate', { aggregateSeconds: 31536001 }],
    ['scores but no time to commit to them', { ...SCORED, scoreSeconds: 0 }],
    ['scores but no time to reveal', { ...SCORED, revealSeconds: 0 }],
    ['scores that nobody must reveal', { ...SCORED, scorers: 0 }],
    ['scores that more must reveal than may', { ...SCORED, scorers: 65 }],
    ['over a year to commit to scores', { ...SCORED, scoreSeconds: 31536001 }],
    ['over a year to reveal', { ...SCORED, revealSeconds: 31536001 }],
  ]) {
    it(`is refused with ${what}`, () =>
      reverts(as(members[0]).proposeJob(digest, { ...TERMS, ...change }, MODEL), ledger, 'RoundLedger_InvalidTerms'));
  }

  for (const [what, change] of [['no initial model', { initial: ZERO }], ['no values', { values: 0 }]]) {
    it(`is refused with ${what}`, () =>
      reverts(as(members[0]).proposeJob(digest, TERMS, { ...MODEL, ...change }), ledger, 'RoundLedger_InvalidModel'));
  }

  it('is refused without a document', () =>
    reverts(as(members[0]).proposeJob(ZERO, TERMS, MODEL), ledger, 'RoundLedger_InvalidTerms'));

  it('may set a whole year for each phase', () => as(members[0]).proposeJob(digest, {
    ...TERMS, updateSeconds: 31536000, openSeconds: 31536000, aggregateSeconds: 31536000, attestSeconds: 31536000,
    scoreSeconds: 31536000, revealSeconds: 31536000, scorers: 64,
  }, MODEL));

  it('is not a stranger\'s', async () => {
    await as(members[0]).proposeJob(digest, TERMS, MODEL);
    const refused = [consortium, 'Consortium_NotMember', [strangers[0].address]];
    await reverts(as(strangers[0]).proposeJob(digest, TERMS, MODEL), ...refused);
    await reverts(as(strangers[0]).approveJob(1, digest), ...refused);
    await reverts(as(strangers[0]).openRound(1), ...refused);
  });

  it('is unknown until proposed', async () => {
    for (const [call, ...args] of [['approveJob', 1, digest], ['openRound', 1], ['jobOf', 1], ['modelTermsOf', 1]]) {
      await reverts(as(members[0])[call](...args), ledger, 'RoundLedger_UnknownJob', [1]);
    }
  });

  it('opens with the approval of a majority, once', async () => {
    await as(members[0]).proposeJob(digest, TERMS, MODEL);
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
    await as(members[0]).proposeJob(digest, TERMS, MODEL);
    await reverts(as(members[1]).approveJob(1, other), ledger, 'RoundLedger_WrongDigest', [1, digest, other]);
    assert.deepEqual((await ledger.jobOf(1)).toArray()[2], false);
  });

  it('that took another\'s number in a reorganisation is not opened by the other\'s approvals', async () => {
    const evil = random();
    const before = await ethers.provider.send('evm_snapshot', []);
    await as(members[0]).proposeJob(digest, TERMS, MODEL);
    await ethers.provider.send('evm_revert', [before]);
    await as(members[3]).proposeJob(evil, TERMS, MODEL);
    await as(members[0]).proposeJob(digest, TERMS, MODEL);
    await reverts(as(members[1]).approveJob(1, digest), ledger, 'RoundLedger_WrongDigest', [1, evil, digest]);
    assert.equal((await ledger.jobOf(1)).open, false);
    for (const member of members.slice(1, 3)) await as(member).approveJob(2, digest);
    assert.equal((await ledger.jobOf(2)).open, true);
  });

  it('is approved once by each key', async () => {
    await as(members[0]).proposeJob(digest, TERMS, MODEL);
    await reverts(as(members[0]).approveJob(1, digest), ledger, 'RoundLedger_AlreadyApproved', [1, members[0].address]);
  });

  it('counts a member\'s approval once, whatever key it has later', async () => {
    const [fresh] = strangers;
    await as(members[0]).proposeJob(digest, TERMS, MODEL);
    await as(members[1]).approveJob(1, digest);
    await consortium.connect(members[1]).rotateKey(fresh.address);
    await reverts(as(fresh).approveJob(1, digest), ledger, 'RoundLedger_AlreadyApproved', [1, fresh.address]);
    await as(members[2]).approveJob(1, digest);
    assert.equal((await ledger.jobOf(1)).open, true);
  });

  it('loses every approval when others replace a key', async () => {
    const [fresh] = strangers;
    await as(members[0]).proposeJob(digest, TERMS, MODEL);
    await as(members[1]).approveJob(1, digest);
    for (const member of [members[0], members[2], members[3]]) {
      await consortium.connect(member).approveRotation(1, fresh.address);
    }
    assert.deepEqual(await events(as(members[2]).approveJob(1, digest), ledger), [['JobApproved', 1n, members[2].address, 1n]]);
    await as(members[0]).approveJob(1, digest);
    assert.equal((await ledger.jobOf(1)).open, false);
    await as(fresh).approveJob(1, digest);
    assert.equal((await ledger.jobOf(1)).open, true);
  });

  it('does not count the approval of a member that was removed', async () => {
    const world = await found([ALL, ALL, ALL, ALL, ALL]);
    ({ ledger, members } = world);
    await as(members[4]).proposeJob(digest, TERMS, MODEL);
    const made = await propose(world.ballots, members[0], 'proposeRemoval', 4);
    await decide(world.ballots, members.slice(0, 4), made);
    await as(members[0]).approveJob(1, digest);
    assert.deepEqual(await events(as(members[1]).approveJob(1, digest), ledger), [['JobApproved', 1n, members[1].address, 2n]]);
    await as(members[2]).approveJob(1, digest);
    assert.equal((await ledger.jobOf(1)).open, true);
  });

  describe('that the members closed', () => {
    const closed = async (world) => {
      ({ ledger, members } = world);
      const made = await propose(world.ballots, members[0], 'proposeClosing', 1);
      await decide(world.ballots, members, made);
    };

    it('opens no more rounds, and is not approved', async () => {
      const world = await found([ALL, ALL, ALL]);
      await world.ledger.proposeJob(digest, TERMS, MODEL);
      await closed(world);
      await reverts(as(members[1]).approveJob(1, digest), ledger, 'RoundLedger_JobClosed', [1]);
      const again = await propose(world.ballots, members[0], 'proposeClosing', 1);
      await reverts(decide(world.ballots, members, again), ledger, 'RoundLedger_JobClosed', [1]);
      await closed(await openJob([ALL, ALL, ALL]));
      await reverts(as(members[0]).openRound(1), ledger, 'RoundLedger_JobNotOpen', [1]);
    });

    it('finishes the round that is open', async () => {
      const world = await opened([ALL, ALL, ALL], { ...TERMS, aggregateSeconds: 5000 });
      await closed(world);
      const aggregate = await anAggregate(ledger);
      await publish(ledger, members[0], aggregate);
      await attested(world, aggregate);
      assert.equal((await ledger.roundOf(1)).phase, Phase.Finalised);
      assert.equal(await ledger.modelOf(1, 1), aggregate.root);
      await reverts(as(members[0]).openRound(1), ledger, 'RoundLedger_JobNotOpen', [1]);
    });

    it('is closed by Ballots alone', async () => {
      await as(members[0]).proposeJob(digest, TERMS, MODEL);
      await reverts(as(members[0]).closeJob(1), ledger, 'RoundLedger_NotBallots', [members[0].address]);
    });
  });

  it('is not kept from opening by a member that rotates again and again', async () => {
    await as(members[0]).proposeJob(digest, TERMS, MODEL);
    await as(members[1]).approveJob(1, digest);
    await consortium.connect(members[3]).rotateKey(strangers[0].address);
    await as(members[2]).approveJob(1, digest);
    assert.equal((await ledger.jobOf(1)).open, true);
  });

  it('runs beside another', async () => {
    ({ ledger, members } = await openJob([ALL, ALL, ALL]));
    await as(members[0]).proposeJob(digest, TERMS, MODEL);
    await as(members[1]).approveJob(2, digest);
    for (const job of [1, 2]) {
      await as(members[0]).openRound(job);
      await commit(ledger, members[1], undefined, 1, job);
    }
    const [first, second] = await Promise.all([1, 2].map((job) => ledger.commitmentBy(job, members[1].address)));
    assert.notEqual(first.commitment, second.commitment);
  });

  describe('opens its rounds', () => {
    beforeEach(async () => ({ ledger, consortium, members, strangers } = await openJob([ALL, PARTICIPANT, ALL, ALL])));
    const abandon = async (round) => {
      await at((await deadlineOf(ledger)) + 1n);
      await as(members[0]).advance(1, round);
    };

    it('by any aggregator, with its deadline', async () => {
      await reverts(as(members[1]).openRound(1), ledger, 'RoundLedger_RoleMissing', [members[1].address, AGGREGATOR]);
      const opening = await as(members[2]).openRound(1);
      const deadline = BigInt((await opening.getBlock()).timestamp + TERMS.updateSeconds);
      assert.deepEqual(await events(opening, ledger), [['RoundOpened', 1n, 1n, members[2].address, 1n, deadline]]);
      assert.deepEqual((await ledger.roundOf(1)).toArray(), [
        1n, 1n, 1n, deadline, Phase.Collecting, 4n, 4n, 3n, 0n, 0n, 0n, 0n, 0n, 0n, 0n, 4n,
      ]);
      assert.deepEqual((await ledger.courseOf(1)).toArray(), [members[2].address, 2n, 0n, 0n, 0n]);
    });

    it('one at a time', async () => {
      await as(members[0]).openRound(1);
      await reverts(as(members[2]).openRound(1), ledger, 'RoundLedger_WrongPhase', [1, Phase.Collecting]);
    });

    it('until as many are finalised as its terms say; others do not count', async () => {
      const world = await openJob([ALL, ALL, ALL], { ...TERMS, rounds: 2 });
      ({ ledger, members } = world);
      for (const round of [1, 2, 3, 4]) {
        await as(members[0]).openRound(1);
        if (round % 2) {
          await abandon(round);
          continue;
        }
        await registered(ledger, members, round);
        const aggregate = await anAggregate(ledger);
        await publish(ledger, members[0], aggregate, round);
        await attested(world, aggregate, round);
      }
      await reverts(as(members[0]).openRound(1), ledger, 'RoundLedger_JobComplete', [1, 2]);
    });

    it('and remembers the first of each epoch', async () => {
      await as(members[0]).openRound(1);
      await abandon(1);
      await as(members[0]).openRound(1);
      assert.deepEqual((await ledger.roundOf(1)).toArray().slice(0, 3), [2n, 1n, 1n]);
      await abandon(2);
      await consortium.connect(members[3]).rotateKey(strangers[0].address);
      await as(members[0]).openRound(1);
      assert.deepEqual((await ledger.roundOf(1)).toArray().slice(0, 3), [3n, 3n, 2n]);
    });
  });
});
