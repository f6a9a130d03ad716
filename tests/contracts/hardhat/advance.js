'use strict';

const assert = require('node:assert/strict');
const {
  AGGREGATOR, PARTICIPANT, SCORER, ALL, Phase, Reason, TERMS, random, claimOf, openJob, commit, openings, registered,
  collected, opened, published, attested, finalised, anAggregate, publish, agree, oppose, at, deadlineOf, phaseOf,
  reverts, events,
} = require('./support');

const AGGREGATE = BigInt(TERMS.aggregateSeconds);

describe('A round', () => {
  let ledger, consortium, members, strangers, claim, aggregate;
  const given = async (world) => ({ ledger, consortium, members, strangers, claim, aggregate } = await world);
  const advance = (member = members[3], round = 1, job = 1) => ledger.connect(member).advance(job, round);
  const strikes = () => Promise.all(members.map((_, i) => ledger.strikesOf(1, i)));
  const names = async (call) => (await events(call, ledger)).map(([name]) => name);
  /** Waits for the phase's end; in its last second nothing can be moved on. */
  const wait = async (seconds = 0n) => {
    const deadline = (await deadlineOf(ledger)) + seconds;
    await at(deadline);
    await reverts(advance(), ledger, 'RoundLedger_DeadlineNotPassed', [deadline, deadline]);
    await at(deadline + 1n);
  };
  const reopen = async (member, round) => {
    await ledger.connect(member).openRound(1);
    await registered(ledger, members, round);
  };

  it('that its opener leaves is abandoned by any member, and the opener is struck', async () => {
    await given(opened([ALL, ALL, ALL, SCORER]));
    await wait();
    assert.deepEqual(await events(advance(), ledger), [['RoundAbandoned', 1n, 1n, Reason.NoAggregate]]);
    assert.equal(await phaseOf(ledger), Phase.Abandoned);
    assert.deepEqual(await strikes(), [1n, 0n, 0n, 0n]);
    await reverts(advance(), ledger, 'RoundLedger_WrongPhase', [1, Phase.Abandoned]);
  });

  it('that time alone led to Aggregating ends in the same way', async () => {
    const world = await collected();
    await given(world);
    await ledger.openUpdates(1, 1, openings(world.updates[0]));
    await wait(2n * AGGREGATE);
    assert.deepEqual(await events(advance(), ledger), [['RoundAbandoned', 1n, 1n, Reason.NoAggregate]]);
    assert.deepEqual(await strikes(), [1n, 0n, 0n, 0n]);
  });

  it('that too few attest goes on without a strike, then is abandoned', async () => {
    await given(published());
    await wait();
    const sent = await advance();
    const deadline = BigInt((await sent.getBlock()).timestamp) + AGGREGATE;
    assert.deepEqual(await events(sent, ledger), [['AttemptFailed', 1n, 1n, 1n, deadline]]);
    assert.deepEqual([await phaseOf(ledger), await deadlineOf(ledger)], [Phase.Aggregating, deadline]);
    await reverts(
      publish(ledger, members[0], aggregate), ledger, 'RoundLedger_AggregatorFailed', [members[0].address]);
    await publish(ledger, members[1], await anAggregate(ledger));
    await wait();
    assert.deepEqual(await events(advance(), ledger), [
      ['AttemptFailed', 1n, 1n, 2n, 0n], ['RoundAbandoned', 1n, 1n, Reason.NoQuorum],
    ]);
    assert.deepEqual(await strikes(), [0n, 0n, 0n, 0n]);
  });

  it('that a majority attests without a result goes on with a strike, then is refuted', async () => {
    await given(published());
    await agree(ledger, members[1], claim);
    await oppose(ledger, members[2]);
    await wait();
    await advance();
    assert.deepEqual(await strikes(), [1n, 0n, 0n, 0n]);
    const second = await anAggregate(ledger);
    await publish(ledger, members[1], second);
    await agree(ledger, members[0], await claimOf(ledger, 1, 1, second), 2);
    await oppose(ledger, members[2], random(), 2);
    await wait();
    assert.deepEqual(await names(advance()), ['AttemptFailed', 'RoundRefuted']);
    assert.equal(await phaseOf(ledger), Phase.Refuted);
    assert.deepEqual(await strikes(), [1n, 1n, 0n, 0n]);
  });

  for (const [speakers, struck] of [[1, 0n], [2, 1n]]) {
    it(`of 4 in which ${speakers + 1} speak in time strikes ${struck ? 'its aggregator' : 'nobody'}`, async () => {
      await given(published());
      await agree(ledger, members[1], claim);
      if (speakers === 2) await oppose(ledger, members[2]);
      await wait();
      await advance();
      assert.equal(await ledger.strikesOf(1, 0), struck);
    });
  }

  it('that nobody aggregates again is abandoned, without another strike', async () => {
    await given(published());
    for (const member of members.slice(1, 3)) await oppose(ledger, member);
    await wait();
    assert.deepEqual(await events(advance(), ledger), [['RoundAbandoned', 1n, 1n, Reason.NoAggregate]]);
    assert.deepEqual(await strikes(), [1n, 0n, 0n, 0n]);
  });

  it('is moved on by members alone, once, while it runs', async () => {
    await given(published([ALL, ALL, ALL, ALL], { ...TERMS, attempts: 1 }));
    await at((await deadlineOf(ledger)) + 1n);
    await reverts(advance(strangers[0]), consortium, 'Consortium_NotMember', [strangers[0].address]);
    await reverts(advance(members[0], 2), ledger, 'RoundLedger_WrongRound', [1, 2, 1]);
    await reverts(advance(members[0], 0, 2), ledger, 'RoundLedger_WrongPhase', [2, Phase.None]);
    await consortium.connect(members[3]).rotateKey(strangers[0].address);
    await advance(strangers[0]);
    await reverts(advance(strangers[0]), ledger, 'RoundLedger_WrongPhase', [1, Phase.Abandoned]);
  });

  it('that ended otherwise is not moved on', async () => {
    await given(published());
    await attested({ ledger, consortium, members }, aggregate);
    await at((await deadlineOf(ledger)) + 1n);
    await reverts(advance(), ledger, 'RoundLedger_WrongPhase', [1, Phase.Finalised]);

    await given(published([ALL, ALL, ALL, ALL], { ...TERMS, attempts: 1 }));
    for (const member of members.slice(1, 3)) await oppose(ledger, member);
    await at((await deadlineOf(ledger)) + 1n);
    await reverts(advance(), ledger, 'RoundLedger_WrongPhase', [1, Phase.Refuted]);
  });

  it('whose whole electorate rotated is abandoned, and the job goes on', async () => {
    await given(published([ALL, ALL, ALL, ALL], { ...TERMS, attempts: 1 }));
    for (const [i, member] of members.entries()) await consortium.connect(member).rotateKey(strangers[i].address);
    for (const stranger of strangers.slice(0, 4)) {
      await reverts(agree(ledger, stranger, claim), ledger, 'RoundLedger_NotInElectorate');
    }
    await at((await deadlineOf(ledger)) + 1n);
    await advance(strangers[2]);
    await ledger.connect(strangers[0]).openRound(1);
    await commit(ledger, strangers[1], undefined, 2);
  });

  describe('whose attempt failed by votes', () => {
    const fail = async (attempt = 1, against = members.slice(1, 3)) => {
      await oppose(ledger, against[0], random(), attempt);
      return oppose(ledger, against[1], random(), attempt);
    };

    it('has another of any aggregator but that one, at once, until the deadline', async () => {
      await given(published());
      await fail();
      const deadline = await deadlineOf(ledger);
      await reverts(
        publish(ledger, members[0], await anAggregate(ledger)), ledger, 'RoundLedger_AggregatorFailed', [members[0].address]);
      await reverts(agree(ledger, members[3], claim), ledger, 'RoundLedger_WrongPhase', [1, Phase.Aggregating]);
      await at(deadline);
      const second = await anAggregate(ledger);
      await publish(ledger, members[1], second);
      await reverts(agree(ledger, members[2], claim), ledger, 'RoundLedger_WrongAttempt', [1, 1, 2]);
      claim = await claimOf(ledger, 1, 1, second);
      await agree(ledger, members[0], claim, 2);
      assert.deepEqual((await events(agree(ledger, members[2], claim, 2), ledger))[1], [
        'RoundFinalised', 1n, 1n, 2n, second.root,
      ]);
      assert.equal(await ledger.modelOf(1, 1), second.root);
    });

    it('is too late for another after the deadline', async () => {
      await given(published());
      await fail();
      const deadline = await deadlineOf(ledger);
      await at(deadline + 1n);
      await reverts(publish(ledger, members[1], await anAggregate(ledger)), ledger, 'RoundLedger_DeadlinePassed', [
        deadline, deadline + 1n,
      ]);
    });

    it('is refuted when the attempts are used up', async () => {
      await given(published());
      await fail();
      await publish(ledger, members[1], await anAggregate(ledger));
      assert.deepEqual(
        await events(fail(2, [members[0], members[2]]), ledger).then((all) => all.slice(1)),
        [['AttemptFailed', 1n, 1n, 2n, 0n], ['RoundRefuted', 1n, 1n]]);
      assert.equal(await phaseOf(ledger), Phase.Refuted);
      await reverts(
        publish(ledger, members[2], await anAggregate(ledger)), ledger, 'RoundLedger_WrongPhase', [1, Phase.Refuted]);
      assert.deepEqual(await strikes(), [1n, 1n, 0n, 0n]);
      await ledger.connect(members[2]).openRound(1);
    });

    it('is refuted when every aggregator has failed', async () => {
      const roles = [ALL, ALL, PARTICIPANT, PARTICIPANT];
      await given(published(roles, { ...TERMS, attempts: 5 }));
      await fail();
      await publish(ledger, members[1], await anAggregate(ledger));
      assert.equal((await events(fail(2, [members[0], members[2]]), ledger)).at(-1)[0], 'RoundRefuted');
    });

    it('is forgotten in the next round', async () => {
      await given(published([ALL, ALL, ALL, ALL], { ...TERMS, attempts: 1 }));
      await fail();
      assert.equal(await phaseOf(ledger), Phase.Refuted);
      await reopen(members[1], 2);
      await publish(ledger, members[1], await anAggregate(ledger), 2);
      for (const member of members.slice(2)) await oppose(ledger, member, random(), 1, 2);
      await reopen(members[2], 3);
      await at((await deadlineOf(ledger)) - AGGREGATE + 1n);
      await publish(ledger, members[0], await anAggregate(ledger), 3);
    });
  });
});

describe('Strikes', () => {
  let ledger, members;
  const leave = async (member, round) => {
    await ledger.connect(member).openRound(1);
    await registered(ledger, members, round);
    await at((await deadlineOf(ledger)) + 1n);
    await ledger.advance(1, round);
  };

  it('make their member wait before it opens a round, 8 turns at most', async () => {
    ({ ledger, members } = await openJob([AGGREGATOR | PARTICIPANT, ALL, ALL]));
    for (let round = 1; round <= 10; ++round) {
      const before = BigInt(round - 1);
      const { endedAt } = await ledger.courseOf(1);
      const from = endedAt + (before > 8n ? 8n : before) * AGGREGATE;
      if (round > 1) {
        await at(from - 1n);
        await reverts(ledger.openRound(1), ledger, 'RoundLedger_StrikesToWaitFor', [members[0].address, before, from]);
        await at(from);
      }
      await leave(members[0], round);
      assert.equal(await ledger.strikesOf(1, 0), BigInt(round));
    }
    assert.equal((await ledger.courseOf(1)).finalised, 0n);
    await ledger.connect(members[1]).openRound(1);
  });

  it('are lifted one by one, by rounds that their member finalises', async () => {
    ({ ledger, members } = await openJob([ALL, ALL, ALL]));
    await leave(members[0], 1);
    for (const [round, left] of [[2, 0n], [3, 0n]]) {
      await at((await ledger.courseOf(1)).endedAt + AGGREGATE);
      await ledger.openRound(1);
      await registered(ledger, members, round);
      const aggregate = await anAggregate(ledger);
      await publish(ledger, members[0], aggregate, round);
      await agree(ledger, members[1], await claimOf(ledger, 1, round, aggregate), 1, round);
      assert.equal(await ledger.strikesOf(1, 0), left);
    }
  });

  it('are each job\'s own', async () => {
    ({ ledger, members } = await finalised());
    await leave(members[0], 2);
    assert.deepEqual([await ledger.strikesOf(1, 0), await ledger.strikesOf(2, 0)], [1n, 0n]);
  });
});
