'use strict';

const assert = require('node:assert/strict');
const { ethers, network } = require('hardhat');
const {
  ALL, Phase, Reason, Kind, TERMS, MODEL, ZERO, random, found, anUpdate, commit, reveal, anAggregate, publish, claimOf,
  openedOf, agree, oppose, propose, decide, openScoring, at, deadlineOf, phaseOf, reverts, events,
} = require('./support');
const { Rule, Ground, NOTHING, treeOf, meanOf, ENTRY, openedDigest, claimedOf, pointOf, hex } = require('./courts');

const MIN = -(2 ** 31);
const MAX = 2 ** 31 - 1;
const text = (word) => ethers.encodeBytes32String(word);
/** Numbers that look like any, the same in every run. */
const drawing = (seed) => (bound) => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % (2 * bound + 1) - bound;

describe('A court', () => {
  let world, ledger, court, members, stranger, base, document;
  const values = 300;

  /** Job 1, of a model with these terms. */
  async function given(model = {}, { size = 5, terms = TERMS, start = Array.from({ length: values }, (_, i) => i * i - 4000) } = {}) {
    world = await found(Array(size).fill(ALL));
    ({ ledger, court, members, strangers: [stranger] } = world);
    base = treeOf(start);
    const said = { ...MODEL, initial: base.root, values: start.length, ...model };
    document = random();
    await ledger.connect(members[0]).proposeJob(document, terms, said);
    for (const member of members.slice(1, Math.floor(size / 2) + 1)) await ledger.connect(member).approveJob(1, document);
    ledger = ledger.connect(members[0]);
    world = { ...world, ledger, said };
  }

  /** The next round, open: members with these updates, opened in batches of these places. */
  async function openedRound(updates, batches = [updates.map((_, i) => i)]) {
    await ledger.openRound(1);
    const { round } = await ledger.roundOf(1);
    const sent = updates.map(({ tree, weight = 100 }, i) => anUpdate(members[i], { root: tree.root, weight, index: i }));
    for (const [i, update] of sent.entries()) await commit(ledger, members[i], update, round);
    if ((await phaseOf(ledger)) === Phase.Collecting) await at((await deadlineOf(ledger)) + 1n);
    for (const batch of batches) await reveal(ledger, batch.map((i) => sent[i]), round);
    return { round, batches: batches.map((batch) => batch.map((i) => sent[i])), order: batches.flat() };
  }

  /** The model that these updates make, or one that differs from it by `lie`, a value for each place. */
  function modelOf(updates, on, { lie = {}, rule = world.said.rule, trim = world.said.trim } = {}) {
    return treeOf(on.values.map((value, i) => lie[i] ?? Number(BigInt(value)
      + meanOf(rule, trim, updates.map(({ tree }) => tree.values[i]), updates.map(({ weight = 100 }) => weight)).mean)));
  }

  /** A round whose model is published, by the first member; all that a refutation takes. */
  async function publishedRound(updates, { lie = {}, on = base, batches, verdicts, root, changes = {} } = {}) {
    const { latest } = await ledger.courseOf(1);
    const played = await openedRound(updates, batches);
    const said = verdicts ?? `0x${'00'.repeat(updates.length)}`;
    const admitted = played.order.filter((i) => ethers.getBytes(said)[i] === 0);
    const counted = admitted.map((i) => updates[i]);
    const model = root === undefined ? modelOf(counted, on, { lie }) : { root };
    const cid = model.root === ZERO ? ZERO : random();
    const carried = model.root === ZERO ? ZERO : random();
    const aggregate = await anAggregate(ledger, { root: model.root, cid, carried, verdicts: said, ...changes });
    await publish(ledger, members[0], aggregate, played.round);
    const claimed = claimedOf(document, Number(played.round), latest, aggregate, played.batches);
    const claim = await claimOf(ledger, 1, played.round, aggregate);
    const streams = [model, on, ...counted.map(({ tree }) => tree)];
    const bounds = (value) => {
      const { low, high } = meanOf(world.said.rule, world.said.trim, counted.map(({ tree }) => tree.values[value]), counted.map(({ weight = 100 }) => weight));
      return { low, high };
    };
    return { ...played, updates, aggregate, claimed, claim, model, streams, point: (value) => pointOf(value, streams, bounds(value)) };
  }

  /** The same, attested by a majority. */
  async function finalisedRound(updates, how) {
    const made = await publishedRound(updates, how);
    for (const member of members.slice(1, Math.floor(members.length / 2) + 1)) await agree(ledger, member, made.claim, 1, made.round);
    return made;
  }

  const some = (count, seed = 7, weights = []) => {
    const draw = drawing(seed);
    return Array.from({ length: count }, (_, i) => ({ tree: treeOf(base.values.map(() => draw(90_000))), weight: weights[i] ?? 100 + i }));
  };
  const refute = (claimed, point, by = stranger) => court.connect(by).refute(claimed, point);
  const holds = (made, value) => reverts(refute(made.claimed, made.point(value)), court, 'AggregateCourt_Holds', [
    BigInt(made.model.values[value]), BigInt(made.model.values[value])]);
  const inside = (contract, call) => events(call, contract);

  it('belongs to the ledger that names it', async () => {
    await given();
    assert.equal(await court.ledger(), await ledger.getAddress());
    assert.equal(await ledger.court(), await court.getAddress());
    await reverts(
      ethers.deployContract('AggregateCourt', [await ledger.getAddress()]), court, 'AggregateCourt_NotNamed',
      [await ledger.getAddress(), await court.getAddress()]);
  });

  describe('under', () => {
    for (const [name, model, size] of [
      ['the weighted mean', {}, 5], ['the median of an odd number', { rule: Rule.Median }, 5], ['the median of an even number', { rule: Rule.Median }, 4],
      ['the trimmed mean', { rule: Rule.Trimmed, trim: 1 }, 5], ['the trimmed mean of one value', { rule: Rule.Trimmed, trim: 2 }, 5],
    ]) {
      it(`${name} finds that an honest model holds, and a value off by one does not`, async () => {
        await given(model, { size });
        const updates = some(size);
        const batches = [[3, 1], [0, 2], [4]].map((batch) => batch.filter((i) => i < size)).filter((batch) => batch.length);
        const lies = { 0: 1, 255: -1, 256: 1, 299: -1 };
        const honest = modelOf(updates, base);
        const lie = Object.fromEntries(Object.entries(lies).map(([i, by]) => [i, honest.values[i] + by]));
        const made = await publishedRound(updates, { batches, lie });
        for (const value of [1, 128, 254, 257, 298]) await holds(made, value);
        for (const [value, by] of Object.entries(lies)) {
          const state = await network.provider.send('evm_snapshot', []);
          const sent = refute(made.claimed, made.point(Number(value)));
          const expected = BigInt(honest.values[value]);
          assert.deepEqual(await inside(court, sent), [
            ['Convicted', 1n, 1n, 0n, made.claim, Ground.Value, 0n, BigInt(value), expected, expected + BigInt(by), stranger.address]]);
          await network.provider.send('evm_revert', [state]);
        }
      });
    }

    it('any rule takes equal values, and rounds halves away from zero', async () => {
      for (const [rule, columns, means] of [
        [Rule.Mean, [[1, 2], [-1, -2], [0, 1], [0, -1], [5, 5]], [2, -2, 1, -1, 5]],
        [Rule.Median, [[1, 2], [-1, -2], [3, 3], [MIN, MAX], [MAX, MAX]], [2, -2, 3, -1, MAX]],
      ]) {
        await given({ rule, minUpdates: 1 }, { size: 3, start: [0, 0, 0, 0, 0] });
        const updates = [0, 1].map((i) => ({ tree: treeOf(columns.map((column) => column[i])), weight: 1 }));
        assert.deepEqual(modelOf(updates, base).values, means);
        const made = await publishedRound(updates);
        for (const value of means.keys()) await holds(made, value);
      }
    });
  });

  it('adds up 255 updates of the largest weight at both ends of int32', async () => {
    const weight = 2 ** 24 - 1;
    for (const extreme of [MIN, MAX]) {
      const terms = { ...TERMS, updateSeconds: 1000, openSeconds: 1000, aggregateSeconds: 1000 };
      await given({ minUpdates: 1, maxWeight: weight, maxValue: MAX }, { size: 255, terms, start: [0, -extreme - 1] });
      const updates = Array.from({ length: 255 }, () => ({ tree: treeOf([extreme, extreme]), weight }));
      const batches = [0, 60, 120, 180, 240].map((from) => Array.from({ length: Math.min(60, 255 - from) }, (_, i) => from + i));
      const made = await publishedRound(updates, { batches });
      assert.deepEqual(made.model.values, [extreme, -1]);
      for (const value of [0, 1]) await holds(made, value);
    }
  });

  it('convicts any model of values that do not fit', async () => {
    await given({ minUpdates: 1 }, { size: 3, start: [MAX - 5, 0] });
    const updates = [1, 2, 3].map((i) => ({ tree: treeOf([10 * i, 1]) }));
    const made = await publishedRound(updates, { lie: { 0: MAX } });
    const [[, , , , , , , , expected, actual]] = await inside(court, refute(made.claimed, made.point(0)));
    assert.deepEqual([expected, actual], [BigInt(MAX) + 15n, BigInt(MAX)]);
  });

  describe('convicts an attempt', () => {
    let made;
    beforeEach(async () => {
      await given();
      made = await publishedRound(some(5), { lie: { 7: 0 } });
    });

    it('whatever was voted, and another aggregator goes on', async () => {
      await agree(ledger, members[1], made.claim);
      const sent = await refute(made.claimed, made.point(7));
      const deadline = BigInt((await sent.getBlock()).timestamp + TERMS.aggregateSeconds);
      assert.deepEqual(await inside(ledger, sent), [['AttemptFailed', 1n, 1n, 1n, deadline]]);
      assert.equal(await phaseOf(ledger), Phase.Aggregating);
      assert.equal(await ledger.strikesOf(1, 0), 1n);
      assert.equal(await ledger.isConvicted(1, 1), false);
      await reverts(agree(ledger, members[2], made.claim), ledger, 'RoundLedger_WrongPhase', [1, Phase.Aggregating]);
      await reverts(publish(ledger, members[0], made.aggregate), ledger, 'RoundLedger_AggregatorFailed', [members[0].address]);
      await reverts(refute(made.claimed, made.point(7)), ledger, 'RoundLedger_WrongClaim', [made.claim, ZERO]);
    });

    it('again where another aggregator repeats it, which refutes the round', async () => {
      await refute(made.claimed, made.point(7));
      await publish(ledger, members[1], made.aggregate);
      assert.equal(await ledger.claimBy(1), made.claim);
      const sent = await refute(made.claimed, made.point(7), members[0]);
      assert.deepEqual(await inside(ledger, sent), [['AttemptFailed', 1n, 1n, 2n, 0n], ['RoundRefuted', 1n, 1n]]);
      assert.equal(await phaseOf(ledger), Phase.Refuted);
      await ledger.connect(members[2]).openRound(1); // nothing is convicted
    });

    it('after its deadline, while nobody has moved it on', async () => {
      await at((await deadlineOf(ledger)) + 1n);
      await refute(made.claimed, made.point(7));
      assert.equal(await phaseOf(ledger), Phase.Aggregating);
    });

    it('not where the round before is another', async () => {
      await reverts(refute({ ...made.claimed, before: 1 }, made.point(7)), ledger, 'RoundLedger_WrongClaim', [made.claim, ZERO]);
    });

    it('only once it is published', async () => {
      await reverts(refute({ ...made.claimed, round: 2 }, made.point(7)), ledger, 'RoundLedger_WrongClaim');
      const other = { ...made.aggregate, head: random() };
      await reverts(refute({ ...made.claimed, aggregate: other }, made.point(7)), ledger, 'RoundLedger_WrongClaim');
    });
  });

  describe('convicts a finalised model', () => {
    let rounds;
    /** So many finalised rounds, of which these lie. */
    const playing = async (count, ...lying) => {
      rounds = [];
      let on = base;
      for (let round = 1; round <= count; ++round) {
        const lie = lying.includes(round) ? { 7: round } : {};
        rounds.push(await finalisedRound(some(3, 7 + round), { lie, on }));
        on = rounds.at(-1).model;
      }
    };
    const convict = (round) => refute(rounds[round - 1].claimed, rounds[round - 1].point(7));
    const LONG = { ...TERMS, rounds: 20, scoreSeconds: 60, revealSeconds: 40, scorers: 1 };
    /** Of the conviction that stands. */
    const proposedRewind = async (member = members[0]) =>
      propose(world.ballots, member, 'proposeRewind', 1, (await ledger.convictionOf(1)).convicted);
    const rewind = async () => decide(world.ballots, members.slice(0, 3), await proposedRewind());
    beforeEach(() => given({}, { terms: LONG }));

    it('and what is built on it, until the members rewind the job', async () => {
      await playing(4, 3);
      const sent = await convict(3);
      assert.deepEqual(await inside(ledger, sent), [['ModelConvicted', 1n, 3n, 2n]]);
      assert.deepEqual((await ledger.convictionOf(1)).toArray(), [3n, 2n]);
      assert.deepEqual(await Promise.all([1, 2, 3, 4].map((round) => ledger.isConvicted(1, round))), [false, false, true, true]);
      assert.equal(await ledger.modelOf(1, 3), rounds[2].model.root);
      await reverts(ledger.openRound(1), ledger, 'RoundLedger_Convicted', [1, 3]);
      await reverts(convict(3), ledger, 'RoundLedger_Convicted', [1, 3]);

      const executed = await rewind();
      assert.deepEqual(await inside(ledger, executed), [['JobRewound', 1n, 3n, 2n]]);
      const { latest, finalised } = await ledger.courseOf(1);
      assert.deepEqual([latest, finalised], [2n, 4n]);
      assert.deepEqual((await ledger.convictionOf(1)).toArray(), [0n, 0n]);
      assert.deepEqual((await ledger.voidOf(1)).map((one) => one.toArray()), [[3n, 4n, 2n]]);
      assert.deepEqual(await Promise.all([1, 2, 3, 4, 5].map((round) => ledger.isConvicted(1, round))), [false, false, true, true, false]);
      for (const before of [2, 3, 4]) assert.equal(await ledger.claimAfter(1, before), ZERO);
      await reverts(convict(3), ledger, 'RoundLedger_WrongClaim', [rounds[2].claim, ZERO]);

      const next = await finalisedRound(some(3, 99), { on: rounds[1].model });
      assert.equal(next.aggregate.base, rounds[1].model.root);
      assert.equal(Number(next.round), 5);
      for (const before of [2, 3, 4]) assert.equal(await ledger.claimAfter(1, before), next.claim);
      assert.equal(await ledger.claimAfter(1, 1), rounds[1].claim);
      assert.equal(await ledger.isConvicted(1, 5), false);
      await holds(next, 7);
    });

    it('at the first round: the job goes on from the initial model', async () => {
      await playing(1, 1);
      await convict(1);
      await rewind();
      assert.equal((await ledger.courseOf(1)).latest, 0n);
      const next = await finalisedRound(some(3, 99));
      assert.equal(next.aggregate.base, base.root);
      assert.equal(await ledger.claimAfter(1, 0), next.claim);
    });

    it('and an earlier one later, but none that is convicted already', async () => {
      await playing(4, 2, 4);
      await convict(4);
      assert.deepEqual((await ledger.convictionOf(1)).toArray(), [4n, 3n]);
      await convict(2);
      assert.deepEqual((await ledger.convictionOf(1)).toArray(), [2n, 1n]);
      await reverts(convict(4), ledger, 'RoundLedger_Convicted', [1, 2]);
      await rewind();
      assert.equal((await ledger.courseOf(1)).latest, 1n);
      assert.deepEqual((await ledger.voidOf(1)).map((one) => one.toArray()), [[2n, 4n, 1n]]);
    });

    it('time and again, with void rounds inside void rounds', async () => {
      await playing(3, 2);
      await convict(2);
      await rewind();
      const fourth = await finalisedRound(some(3, 44), { on: rounds[0].model, lie: { 7: 5 } });
      for (const before of [2, 3]) { // void: a model to rewind to that is none
        await reverts(refute({ ...fourth.claimed, before }, fourth.point(7)), ledger, 'RoundLedger_WrongClaim', [fourth.claim, ZERO]);
      }
      await refute(fourth.claimed, fourth.point(7));
      assert.deepEqual((await ledger.convictionOf(1)).toArray(), [4n, 1n]);
      await rewind();
      const fifth = await finalisedRound(some(3, 55), { on: rounds[0].model });
      assert.deepEqual((await ledger.voidOf(1)).map((one) => one.toArray()), [[2n, 3n, 1n], [4n, 4n, 1n]]);
      for (const before of [1, 2, 3, 4]) assert.equal(await ledger.claimAfter(1, before), fifth.claim);
      const flags = await Promise.all([1, 2, 3, 4, 5].map((round) => ledger.isConvicted(1, round)));
      assert.deepEqual(flags, [false, true, true, true, false]);
    });

    it('and an earlier one after a rewind: its rounds swallow those that were void', async () => {
      await playing(3, 1, 3);
      await convict(3);
      await rewind();
      await finalisedRound(some(3, 44), { on: rounds[1].model });
      await convict(1);
      assert.deepEqual((await ledger.convictionOf(1)).toArray(), [1n, 0n]);
      await rewind();
      assert.deepEqual((await ledger.voidOf(1)).map((one) => one.toArray()), [[1n, 4n, 0n]]);
      assert.equal((await ledger.courseOf(1)).latest, 0n);
    });

    for (const [what, under] of [
      ['collecting', async () => ledger.openRound(1)],
      ['opening', async () => { await ledger.openRound(1); await commit(ledger, members[0], undefined, 2); }],
      ['aggregating', () => openedRound(some(3))],
      ['attesting', () => publishedRound(some(3), { on: rounds[0].model })],
    ]) {
      it(`and abandons the round that is ${what}`, async () => {
        await playing(1, 1);
        await under();
        assert.deepEqual(await inside(ledger, convict(1)), [
          ['ModelConvicted', 1n, 1n, 0n], ['RoundAbandoned', 1n, 2n, Reason.BaseConvicted]]);
        assert.equal(await phaseOf(ledger), Phase.Abandoned);
        assert.equal(await ledger.strikesOf(1, 0), 0n);
        assert.equal(await ledger.claimBy(1), ZERO);
        await rewind();
        assert.deepEqual((await ledger.voidOf(1)).map((one) => one.toArray()), [[1n, 2n, 0n]]);
        await ledger.openRound(1);
      });
    }

    it('while its round takes late attestations, which stay on record', async () => {
      await playing(1, 1);
      await convict(1);
      assert.deepEqual((await inside(ledger, agree(ledger, members[4], rounds[0].claim)))[0][0], 'Attested');
    });

    it('of a job that is closed, which is not rewound', async () => {
      await playing(1, 1);
      const close = await propose(world.ballots, members[0], 'proposeClosing', 1);
      await decide(world.ballots, members.slice(0, 3), close);
      await convict(1);
      assert.equal(await ledger.isConvicted(1, 1), true);
      await reverts(rewind(), ledger, 'RoundLedger_JobClosed', [1]);
    });

    it('and the members may close the job instead', async () => {
      await playing(1, 1);
      await convict(1);
      await decide(world.ballots, members.slice(0, 3), await propose(world.ballots, members[0], 'proposeClosing', 1));
      await reverts(ledger.openRound(1), ledger, 'RoundLedger_JobNotOpen', [1]);
      assert.equal(await ledger.isConvicted(1, 1), true);
    });

    it('and its scoring goes on behind a rewind', async () => {
      await playing(3, 3);
      const { scores } = world;
      for (const { aggregate, round } of rounds) {
        await openScoring(scores, members[0], aggregate, round);
        const { scoring: { commitDeadline, revealDeadline } } = await scores.scoringOf(1);
        await at(2n * revealDeadline - commitDeadline + 1n);
        await scores.voidScoring(1, round);
      }
      await convict(3);
      await rewind();
      const next = await finalisedRound(some(3, 99), { on: rounds[1].model });
      await openScoring(scores, members[0], next.aggregate, next.round);
    });

    it('by the court alone, and rewinds by ballots alone', async () => {
      await playing(1, 1);
      await reverts(ledger.convict(1, 1, 0, rounds[0].claim), ledger, 'RoundLedger_NotCourt', [members[0].address]);
      await reverts(ledger.rewindJob(1, 1), ledger, 'RoundLedger_NotBallots', [members[0].address]);
      await reverts(world.ballots.proposeRewind(1, 1), ledger, 'RoundLedger_NotConvicted', [1]);
      await convict(1);
      await reverts(world.ballots.proposeRewind(1, 2), ledger, 'RoundLedger_WrongConviction', [1, 2, 1]);
      const [first, second] = [await proposedRewind(), await proposedRewind(members[1])];
      assert.equal(first.kind, Kind.RewindJob);
      for (const member of members.slice(0, 3)) await world.ballots.connect(member).vote(second.proposal, 1);
      await decide(world.ballots, members.slice(0, 3), first);
      const { proposer, nonce, kind, action } = second;
      await reverts(world.ballots.execute(proposer, nonce, kind, action), ledger, 'RoundLedger_NotConvicted', [1]);
    });

    it('and no rewind that was voted on before lifts a later conviction', async () => {
      await playing(3, 1, 3);
      await convict(3);
      const [first, second, third] = [await proposedRewind(), await proposedRewind(members[1]), await proposedRewind(members[2])];
      const { ballots } = world;
      const pass = async ({ proposal }) => { for (const member of members.slice(0, 3)) await ballots.connect(member).vote(proposal, 1); };
      const carriedOut = ({ proposer, nonce, kind, action }) => ballots.execute(proposer, nonce, kind, action);
      for (const one of [second, third]) await pass(one);
      await decide(ballots, members.slice(0, 3), first);
      await reverts(carriedOut(second), ledger, 'RoundLedger_NotConvicted', [1]);

      const fourth = await finalisedRound(some(3, 44), { on: rounds[1].model, lie: { 7: 5 } });
      await refute(fourth.claimed, fourth.point(7)); // nobody knew of it when they voted
      await reverts(carriedOut(second), ledger, 'RoundLedger_WrongConviction', [1, 3, 4]);
      await convict(1);
      await reverts(carriedOut(third), ledger, 'RoundLedger_WrongConviction', [1, 3, 1]);
      assert.deepEqual((await ledger.convictionOf(1)).toArray(), [1n, 0n]);
      await rewind();
      assert.equal((await ledger.courseOf(1)).latest, 0n);
    });

    it('and refuses its releases', async () => {
      await playing(2, 2);
      const { releases, ballots } = world;
      const release = (version, round) => [text('cardio'), text(version), 1, round, rounds[round - 1].model.root, ZERO, ZERO];
      const pass = async (call, ...args) => decide(ballots, members.slice(0, 3), await propose(ballots, members[0], call, ...args));
      await pass('proposeRelease', release('1.0', 1));
      await pass('proposeRelease', release('2.0', 2));
      const id = (version) => releases.idOf(text('cardio'), text(version));
      assert.equal(await releases.currentOf(text('cardio')), await id('2.0'));
      const late = await propose(ballots, members[1], 'proposeRelease', release('2.1', 2));
      for (const member of members.slice(0, 3)) await ballots.connect(member).vote(late.proposal, 1);

      await convict(2);
      assert.equal(await releases.currentOf(text('cardio')), ZERO);
      await at((await ballots.proposalOf(late.proposal)).executableFrom);
      await reverts(ballots.execute(late.proposer, late.nonce, late.kind, late.action), releases, 'ReleaseBoard_Convicted', [1, 2]);
      await reverts(ballots.proposeRelease(release('2.2', 2)), releases, 'ReleaseBoard_Convicted', [1, 2]);
      await reverts(ballots.proposeRollback(text('cardio'), text('2.0')), releases, 'ReleaseBoard_Convicted', [1, 2]);
      const back = await pass('proposeRollback', text('cardio'), text('1.0'));
      assert.deepEqual(await inside(releases, back), [['RolledBack', await id('1.0'), await id('2.0')]]);
      assert.equal(await releases.currentOf(text('cardio')), await id('1.0'));
      await rewind();
      await reverts(ballots.proposeRollback(text('cardio'), text('2.0')), releases, 'ReleaseBoard_Convicted', [1, 2]);
      await pass('proposeRevocation', text('cardio'), text('2.0'), ZERO);
    });
  });

  describe('convicts by one thing alone', () => {
    it('an admitted value above the bound', async () => {
      await given({ maxValue: 90_000 });
      const updates = some(3);
      updates[1].tree = treeOf(updates[1].tree.values.map((value, i) => ({ 5: 90_001, 6: -90_001, 7: 90_000, 8: -90_000 })[i] ?? value));
      const made = await publishedRound(updates, { batches: [[2, 1], [0]] });
      const limit = (value, member = 1, place = 1) =>
        ({ ...NOTHING, ground: Ground.Limit, member, value, proof: hex(updates[place].tree.record(value)) });
      for (const [value, actual] of [[7, 90_000n], [8, -90_000n]]) {
        await reverts(refute(made.claimed, limit(value)), court, 'AggregateCourt_Holds', [90_000n, actual]);
      }
      await reverts(refute(made.claimed, limit(5, 0)), court, 'AggregateCourt_WrongProof', [0, updates[1].tree.root, updates[0].tree.root]);
      await reverts(refute(made.claimed, limit(5, 4)), court, 'AggregateCourt_NotAdmitted', [4]);
      await holds(made, 5);
      for (const value of [5, 6]) {
        const state = await network.provider.send('evm_snapshot', []);
        const [[, , , , , ground, member, place, expected, actual]] = await inside(court, refute(made.claimed, limit(value)));
        assert.deepEqual([ground, member, place, expected, actual], [Ground.Limit, 1n, BigInt(value), 90_000n, value === 5 ? 90_001n : -90_001n]);
        await network.provider.send('evm_revert', [state]);
      }
    });

    it('a weight above the bound, which none below is', async () => {
      await given({ maxWeight: 101 });
      const made = await publishedRound(some(3), { verdicts: '0x000600' });
      const weight = (member) => ({ ...NOTHING, ground: Ground.Weight, member });
      await reverts(refute(made.claimed, weight(0)), court, 'AggregateCourt_Holds', [101n, 100n]);
      await reverts(refute(made.claimed, weight(1)), court, 'AggregateCourt_NotAdmitted', [1]); // its own cap may be lower
      const [[, , , , , ground, member, value, expected, actual]] = await inside(court, refute(made.claimed, weight(2)));
      assert.deepEqual([ground, member, value, expected, actual], [Ground.Weight, 2n, 0n, 101n, 102n]);
    });

    it('a model of too few', async () => {
      await given({ minUpdates: 3 });
      const few = { ...NOTHING, ground: Ground.TooFew };
      const honest = await publishedRound(some(4), { verdicts: '0x00000900' });
      await reverts(refute(honest.claimed, few), court, 'AggregateCourt_Holds', [3n, 3n]);
      await oppose(ledger, members[1]);
      await oppose(ledger, members[2]);
      await oppose(ledger, members[3]);
      const aggregate = await anAggregate(ledger, { verdicts: '0x00090900' });
      await publish(ledger, members[1], aggregate);
      const claimed = { ...honest.claimed, aggregate };
      assert.deepEqual((await inside(court, refute(claimed, few)))[0].slice(5, 10), [Ground.TooFew, 0n, 0n, 3n, 2n]);
    });

    it('nothing where there is no model', async () => {
      await given();
      const updates = some(3);
      const made = await publishedRound(updates, { root: ZERO, verdicts: '0x090909' });
      const point = { ...NOTHING, ground: Ground.Value, proof: hex(base.record(0), base.record(0)) };
      for (const one of [{ ...NOTHING, ground: Ground.TooFew }, point]) {
        await reverts(refute(made.claimed, one), court, 'AggregateCourt_NoModel', [1, 1]);
      }
    });

    it('and of no admitted update no value', async () => {
      for (const rule of Object.values(Rule)) {
        await given({ rule });
        const made = await publishedRound(some(3), { root: base.root, verdicts: '0x090909' });
        const point = pointOf(0, [base, base]);
        await reverts(refute(made.claimed, point), court, 'AggregateCourt_NothingLeft', [0, 0]);
        await refute(made.claimed, { ...NOTHING, ground: Ground.TooFew });
      }
    });

    it('with nothing that it has no use for', async () => {
      await given({ maxValue: 1, maxWeight: 1, minUpdates: 4 });
      const updates = some(3);
      const made = await publishedRound(updates, { lie: { 9: 5 } });
      const limit = { ...NOTHING, ground: Ground.Limit, member: 1, value: 9, proof: hex(updates[1].tree.record(9)) };
      const weight = { ...NOTHING, ground: Ground.Weight, member: 1 };
      const few = { ...NOTHING, ground: Ground.TooFew };
      for (const [point, parts] of [
        [made.point(9), { member: 1 }], [limit, { low: 1, high: 1 }], [weight, { low: 1, high: 1, value: 1, proof: '0x00' }],
        [few, { member: 1, low: 1, high: 1, value: 1, proof: '0x00' }], [made.point(9), { ground: 0 }],
      ]) {
        for (const [part, value] of Object.entries(parts)) {
          const bent = { ...point, [part]: value };
          await reverts(refute(made.claimed, bent), court, 'AggregateCourt_InvalidPoint', [BigInt(bent.ground)]);
        }
      }
      for (const part of ['low', 'high']) {
        await reverts(refute(made.claimed, { ...made.point(9), [part]: 1 }), court, 'AggregateCourt_WrongBounds');
      }
      for (const point of [limit, weight, few, made.point(9)]) {
        const state = await network.provider.send('evm_snapshot', []);
        await refute(made.claimed, point);
        await network.provider.send('evm_revert', [state]);
      }
    });
  });

  describe('refuses', () => {
    it('a job whose terms do not say that values stand alone', async () => {
      for (const model of [{ byValue: false }, { rule: 3 }, { rule: 5 }]) {
        await given(model);
        const made = await publishedRound(some(3), { root: random() });
        for (const point of [{ ...NOTHING, ground: Ground.TooFew }, pointOf(0, [base, base, base])]) {
          await reverts(refute(made.claimed, point), court, 'AggregateCourt_NotByValue', [1]);
        }
        await reverts(court.show(1, made.claim, 0, 0, 0, 0, '0x', '0x'), court, 'AggregateCourt_NotByValue', [1]);
      }
    });

    it('a value that there is not', async () => {
      await given();
      const made = await publishedRound(some(3), { lie: { 9: 5 } });
      await reverts(refute(made.claimed, { ...made.point(9), value: 300 }), court, 'AggregateCourt_UnknownValue', [300, 300]);
    });

    it('bounds that are not the values that count', async () => {
      await given({ rule: Rule.Trimmed, trim: 1, minUpdates: 3 }, { start: [0] });
      const updates = [3, 3, 8, 9, 1].map((value) => ({ tree: treeOf([value]) })); // 1 | 3 3 8 | 9
      const made = await publishedRound(updates, { lie: { 0: 4 } });
      for (const [low, high] of [[1, 8], [3, 9], [3, 3], [2, 8], [3, 7], [4, 8], [8, 3], [8, 8], [3, 10]]) {
        await reverts(refute(made.claimed, { ...made.point(0), low, high }), court, 'AggregateCourt_WrongBounds', [BigInt(low), BigInt(high)]);
      }
      await refute(made.claimed, made.point(0));
    });

    it('updates, batches and verdicts of another length or order', async () => {
      await given();
      const made = await publishedRound(some(4), { lie: { 9: 5 }, batches: [[0, 1], [2, 3]] });
      const { claimed } = made;
      const cut = ethers.dataSlice(claimed.updates, 0, 3 * ENTRY);
      for (const changes of [
        { updates: ethers.dataSlice(claimed.updates, 1) }, { updates: cut }, { batches: '0x02' }, { batches: '0x0203' }, { batches: '0x0201' },
        { batches: '0x' }, { updates: '0x', batches: '0x' }, { updates: cut, batches: '0x0201' },
      ]) {
        await reverts(refute({ ...claimed, ...changes }, made.point(9)), court, 'AggregateCourt_InvalidUpdates');
      }
      for (const changes of [{ batches: '0x0400' }, { batches: '0x04' }, { batches: '0x010102' }]) {
        await reverts(refute({ ...claimed, ...changes }, made.point(9)), ledger, 'RoundLedger_WrongClaim');
      }
      await refute(claimed, made.point(9));
    });
  });

  describe('takes the updates in parts', () => {
    for (const [name, model] of [['the mean', {}], ['the median', { rule: Rule.Median }], ['the trimmed mean', { rule: Rule.Trimmed, trim: 1 }]]) {
      it(`under ${name}`, async () => {
        await given(model);
        const updates = some(5);
        const made = await publishedRound(updates, { lie: { 9: 5 }, batches: [[4, 2], [0, 1, 3]], verdicts: '0x0000000000' });
        const { value, low, high } = made.point(9);
        const entries = (from, to) => ethers.dataSlice(made.claimed.updates, ENTRY * from, ENTRY * to);
        const proof = (from, to) => hex(...made.streams.slice(2 + from, 2 + to).map((stream) => stream.record(9)));
        const show = (from, to, { by = stranger, first = from, updates: said = entries(from, to) } = {}) =>
          court.connect(by).show(1, made.claim, value, low, high, first, said, proof(from, to));
        const rest = (from) => ({ ...made.point(9), proof: hex(...[made.model, base].map((stream) => stream.record(9)), Buffer.from(proof(from, 5).slice(2), 'hex')) });
        const shown = () => court.shownOf(stranger.address, 1, made.claim, value, low, high);

        await reverts(show(2, 4), court, 'AggregateCourt_NotShown', [0]);
        assert.deepEqual(await inside(court, show(0, 2)), [
          ['Shown', 1n, made.claim, stranger.address, BigInt(value), BigInt(low), BigInt(high), 0n, 2n]]);
        assert.equal(await shown(), 2n);
        await reverts(show(0, 2, { first: 1 }), court, 'AggregateCourt_NotShown', [2]);
        await reverts(show(2, 4, { updates: entries(3, 5) }), court, 'AggregateCourt_WrongProof');
        assert.deepEqual((await inside(court, show(2, 4)))[0].slice(-2), [2n, 4n]);
        await show(0, 2, { by: members[3] }); // spoils nothing
        assert.equal(await shown(), 4n);
        await reverts(refute(made.claimed, rest(4), members[3]), court, 'AggregateCourt_WrongLength');
        const state = await network.provider.send('evm_snapshot', []);
        await refute(made.claimed, rest(4));
        await network.provider.send('evm_revert', [state]);
        await show(4, 5);
        await refute(made.claimed, rest(5));
      });
    }

    it('and none that are not of the claim', async () => {
      await given();
      const updates = some(4);
      const made = await publishedRound(updates, { lie: { 9: 5 } });
      const show = (first, ...places) => court.connect(stranger).show(
        1, made.claim, 9, 0, 0, first, ethers.concat(places.map((i) => ethers.dataSlice(made.claimed.updates, ENTRY * i, ENTRY * i + ENTRY))),
        hex(...places.map((i) => updates[i].tree.record(9))));
      const rest = (...streams) => pointOf(9, [made.model, base, ...streams.map((i) => updates[i].tree)]);
      for (const wrong of [[1, 0], [0, 0], [0, 2], [3], [0, 1, 2, 3, 3]]) {
        await show(0, ...wrong);
        const point = rest(...[0, 1, 2, 3].slice(wrong.length));
        await reverts(refute(made.claimed, point), court, 'AggregateCourt_NotShown', [wrong.length]);
      }
      await show(0, 0, 1); // begins again
      await show(2, 2, 3);
      await refute(made.claimed, rest());
    });

    it('unless they are none, half ones, or more than there are members', async () => {
      await given();
      const updates = some(3);
      const made = await publishedRound(updates, { lie: { 9: 5 } });
      const show = (said, proof, first = 0) => court.connect(stranger).show(1, made.claim, 9, 0, 0, first, said, proof);
      const one = ethers.dataSlice(made.claimed.updates, 0, ENTRY);
      const record = hex(updates[0].tree.record(9));
      for (const said of ['0x', ethers.dataSlice(one, 1), ethers.concat([one, '0x00'])]) {
        await reverts(show(said, record), court, 'AggregateCourt_InvalidUpdates');
      }
      await reverts(show(one, ethers.concat([record, '0x00'])), court, 'AggregateCourt_WrongLength');
      await reverts(show(one, ethers.dataSlice(record, 1)), court, 'AggregateCourt_WrongLength');
      await reverts(court.show(1, made.claim, 9, 1, 0, 0, one, record), court, 'AggregateCourt_WrongBounds', [1n, 0n]);
      await reverts(court.show(1, made.claim, 300, 0, 0, 0, one, record), court, 'AggregateCourt_UnknownValue', [300, 300]);
      const many = (count) => [ethers.concat(Array(count).fill(one)), ethers.concat(Array(count).fill(record))];
      for (let first = 0; first < 250; first += 50) await show(...many(50), first);
      await reverts(show(...many(6), 250), court, 'AggregateCourt_InvalidUpdates');
      await show(...many(5), 250);
      await reverts(refute(made.claimed, made.point(9)), court, 'AggregateCourt_NotShown', [255]);
    });
  });

  describe('The ledger', () => {
    it('keeps what was opened, call by call', async () => {
      await given();
      const updates = some(5);
      assert.equal(await ledger.openedOf(1), ZERO);
      const { batches } = await openedRound(updates, [[3], [1, 4], [0, 2]]);
      assert.equal(await ledger.openedOf(1), openedDigest(document, batches));
      const aggregate = await anAggregate(ledger);
      assert.equal(await ledger.claimBy(1), ZERO);
      await publish(ledger, members[0], aggregate);
      assert.equal(await ledger.claimBy(1), await ledger.claimOf(1, 1, openedDigest(document, batches), aggregate));
    });

    it('leaves out what was open before, and begins again with the next round', async () => {
      await given();
      await ledger.openRound(1);
      const updates = members.slice(0, 3).map((member, index) => anUpdate(member, { index }));
      for (const [i, update] of updates.entries()) await commit(ledger, members[i], update);
      await at((await deadlineOf(ledger)) + 1n);
      await reveal(ledger, [updates[1]]);
      await reveal(ledger, [updates[1]]);
      assert.equal(await ledger.openedOf(1), openedDigest(document, [[updates[1]]]));
      await reveal(ledger, [updates[1], updates[2], updates[0], updates[2]]);
      assert.equal(await ledger.openedOf(1), openedDigest(document, [[updates[1]], [updates[2], updates[0]]]));
      const aggregate = await anAggregate(ledger);
      await publish(ledger, members[0], aggregate);
      for (const member of members.slice(1, 3)) await agree(ledger, member, await claimOf(ledger, 1, 1, aggregate));
      const { batches } = await openedRound(some(3), [[2], [0, 1]]);
      assert.equal(await ledger.openedOf(1), openedDigest(document, batches));
      assert.equal(await openedOf(ledger, 1, aggregate), openedDigest(document, [[updates[1]], [updates[2], updates[0]]]));
    });
  });
});
