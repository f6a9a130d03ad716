'use strict';

const assert = require('node:assert/strict');
const { ethers } = require('hardhat');
const {
  PARTICIPANT, AGGREGATOR, ALL, Phase, Reason, TERMS, random, salted, openJob, anUpdate, sealed, commit, openings, reveal,
  collected, opened, anAggregate, publish, finalised, at, deadlineOf, phaseOf, reverts, events,
} = require('./support');

const OPEN = BigInt(TERMS.openSeconds);
const AGGREGATE = BigInt(TERMS.aggregateSeconds);

/** Ends the current round of job 1, which nobody aggregated, and opens the next with this member. */
async function nextRound(ledger, member) {
  const { round, deadline } = await ledger.roundOf(1);
  await at(deadline + OPEN + 2n * AGGREGATE + 1n);
  await ledger.connect(member).advance(1, round);
  const until = (await ledger.courseOf(1)).endedAt + 8n * AGGREGATE;
  await at(until);
  await ledger.connect(member).openRound(1);
}

describe('A commitment', () => {
  let ledger, consortium, members, strangers, deadline;
  beforeEach(async () => {
    ({ ledger, consortium, members, strangers } = await openJob([ALL, ALL, ALL, AGGREGATOR]));
    await ledger.openRound(1);
    deadline = await deadlineOf(ledger);
  });

  it('says nothing of the update', async () => {
    const update = anUpdate(members[1]);
    const commitment = await sealed(ledger, update);
    const { party, weight, root, cid, salt } = update;
    assert.equal(await ledger.commitmentOf(1, 1, party, weight, root, cid, salt), commitment);
    assert.deepEqual(await events(commit(ledger, members[1], update), ledger), [
      ['UpdateCommitted', 1n, 1n, party, commitment, deadline],
    ]);
    assert.deepEqual((await ledger.commitmentBy(1, party)).toArray(), [commitment, 1n]);
  });

  it('is another one for any other part', async () => {
    const update = anUpdate(members[1]);
    const changes = { party: members[2].address, weight: 101, root: random(), cid: random(), salt: salted() };
    const said = new Set([await sealed(ledger, update), await sealed(ledger, update, 2), await sealed(ledger, update, 1, 2)]);
    for (const [part, value] of Object.entries(changes)) {
      const { party, weight, root, cid, salt } = { ...update, [part]: value };
      said.add(await ledger.commitmentOf(1, 1, party, weight, root, cid, salt));
    }
    assert.equal(said.size, 8);
  });

  it('is made once by each party', async () => {
    await commit(ledger, members[1]);
    await reverts(commit(ledger, members[1]), ledger, 'RoundLedger_AlreadyCommitted', [1, 1, members[1].address]);
  });

  it('is made in the current round of an open one only', async () => {
    for (const round of [0, 2]) {
      await reverts(
        commit(ledger, members[0], undefined, round), ledger, 'RoundLedger_WrongRound', [1, round, 1]);
    }
    await reverts(
      commit(ledger, members[0], undefined, 0, 2), ledger, 'RoundLedger_WrongPhase', [2, Phase.None]);
  });

  it('is in time until the deadline\'s second', async () => {
    await at(deadline);
    await commit(ledger, members[0]);
    await at(deadline + 1n);
    await reverts(commit(ledger, members[1]), ledger, 'RoundLedger_DeadlinePassed', [deadline, deadline + 1n]);
  });

  it('is a participant\'s', async () => {
    const { address } = members[3];
    await reverts(commit(ledger, members[3]), ledger, 'RoundLedger_RoleMissing', [address, PARTICIPANT]);
    await reverts(commit(ledger, strangers[0]), consortium, 'Consortium_NotMember', [strangers[0].address]);
  });

  it('of the last of all participants ends the phase', async () => {
    for (const member of members.slice(0, 2)) await commit(ledger, member);
    assert.equal(await phaseOf(ledger), Phase.Collecting);
    const sent = await commit(ledger, members[2]);
    const until = BigInt((await sent.getBlock()).timestamp) + OPEN;
    assert.equal((await events(sent, ledger))[0].at(-1), until);
    assert.equal(await phaseOf(ledger), Phase.Opening);
    assert.equal(await deadlineOf(ledger), until);
    await reverts(commit(ledger, members[0]), ledger, 'RoundLedger_WrongPhase', [1, Phase.Opening]);
  });

  it('that fills the buffer ends the phase, and who comes later commits to the next round', async () => {
    const world = await openJob([ALL, ALL, ALL, ALL], { ...TERMS, buffer: 2 });
    ledger = world.ledger;
    await ledger.openRound(1);
    assert.equal((await ledger.roundOf(1)).target, 2n);
    await commit(ledger, world.members[3]);
    assert.equal(await phaseOf(ledger), Phase.Collecting);
    await commit(ledger, world.members[1]);
    assert.equal(await phaseOf(ledger), Phase.Opening);
    await reverts(commit(ledger, world.members[0]), ledger, 'RoundLedger_WrongPhase', [1, Phase.Opening]);
    await nextRound(ledger, world.members[0]);
    await commit(ledger, world.members[0], undefined, 2);
    assert.equal(await phaseOf(ledger), Phase.Collecting);
  });

  it('of every participant are waited for where the buffer is larger', async () => {
    const world = await openJob([ALL, ALL, ALL], { ...TERMS, buffer: 9 });
    await world.ledger.openRound(1);
    assert.equal((await world.ledger.roundOf(1)).target, 3n);
  });

  describe('of a member whose key rotates', () => {
    it('is never made twice in a round', async () => {
      await commit(ledger, members[1]);
      await consortium.connect(members[1]).rotateKey(strangers[0].address);
      await reverts(commit(ledger, strangers[0]), ledger, 'RoundLedger_NotInElectorate', [strangers[0].address, 2, 1]);
      await nextRound(ledger, members[0]);
      await commit(ledger, strangers[0], undefined, 2);
      await reverts(
        commit(ledger, members[1], undefined, 2), consortium, 'Consortium_NotMember', [members[1].address]);
    });

    it('is the old key\'s in a round already open, if it committed in that epoch before', async () => {
      await commit(ledger, members[1]);
      await nextRound(ledger, members[0]);
      for (const [member, fresh] of [[members[1], strangers[0]], [members[2], strangers[1]]]) {
        await consortium.connect(member).rotateKey(fresh.address);
      }
      await commit(ledger, members[1], undefined, 2);
      await reverts(
        commit(ledger, members[2], undefined, 2), consortium, 'Consortium_NotMember', [members[2].address]);
    });

    it('stands, and opens', async () => {
      const update = anUpdate(members[1]);
      await commit(ledger, members[1], update);
      await consortium.connect(members[1]).rotateKey(strangers[0].address);
      await commit(ledger, members[0]);
      await commit(ledger, members[2]);
      await reveal(ledger, [update]);
      assert.equal((await ledger.roundOf(1)).opened, 1n);
    });
  });
});

describe('An opening', () => {
  let ledger, members, strangers, updates, deadline;
  const given = async (world) => {
    ({ ledger, members, strangers, updates } = await world);
    deadline = await deadlineOf(ledger);
  };

  it('shows all updates in one call, by anybody', async () => {
    await given(collected());
    const sent = await reveal(ledger.connect(strangers[0]), updates);
    const { timestamp, number } = await sent.getBlock();
    const until = BigInt(timestamp) + 2n * AGGREGATE;
    assert.deepEqual(await events(sent, ledger), [['UpdatesOpened', 1n, 1n, until, openings(...updates)]]);
    const { opened: count, openedIn, phase, deadline: stored } = await ledger.roundOf(1);
    assert.deepEqual([count, openedIn, phase, stored], [4n, BigInt(number), Phase.Aggregating, until]);
    await reverts(reveal(ledger, updates), ledger, 'RoundLedger_WrongPhase', [1, Phase.Aggregating]);
  });

  it('passes over what is open, in the same call too', async () => {
    await given(collected());
    await reveal(ledger, updates.slice(1, 2));
    assert.equal((await ledger.roundOf(1)).opened, 1n);
    const all = [updates[0], updates[1], updates[0], updates[3]];
    assert.deepEqual(await events(reveal(ledger, all), ledger), [
      ['UpdatesOpened', 1n, 1n, deadline, openings(updates[0], updates[3])],
    ]);
    assert.equal((await ledger.roundOf(1)).opened, 3n);
    const before = await ledger.roundOf(1);
    assert.deepEqual(await events(reveal(ledger, all), ledger), []);
    assert.deepEqual(await ledger.roundOf(1), before);
    await reveal(ledger, [updates[2]]);
    assert.equal(await phaseOf(ledger), Phase.Aggregating);
  });

  it('is what the party committed to', async () => {
    await given(collected());
    const [update] = updates;
    for (const [part, value] of Object.entries({ weight: 101, root: random(), cid: random(), salt: salted() })) {
      await reverts(reveal(ledger, [updates[1], { ...update, [part]: value }]), ledger,
        'RoundLedger_NotWhatWasCommitted', [1, 1, update.party]);
    }
    await reverts(reveal(ledger, [{ ...update, party: members[1].address }]), ledger,
      'RoundLedger_NotWhatWasCommitted', [1, 1, members[1].address]);
    assert.equal((await ledger.roundOf(1)).opened, 0n);
  });

  it('is of a party that committed in this round', async () => {
    await given(openJob([ALL, ALL, ALL]));
    await ledger.openRound(1);
    const update = anUpdate(members[1]);
    await commit(ledger, members[1], update);
    const refused = (party, round) =>
      reverts(reveal(ledger, [{ ...update, party }], round), ledger, 'RoundLedger_NotCommitted', [1, round, party]);
    await at((await deadlineOf(ledger)) + 1n);
    await refused(strangers[0].address, 1);
    await refused(members[2].address, 1);
    await nextRound(ledger, members[1]);
    await commit(ledger, members[2], undefined, 2);
    await at((await deadlineOf(ledger)) + 1n);
    await refused(members[1].address, 2);
  });

  it('copied from another party opens nothing', async () => {
    await given(openJob([ALL, ALL, ALL]));
    await ledger.openRound(1);
    const update = anUpdate(members[1]);
    await commit(ledger, members[1], update);
    await ledger.connect(members[2]).commitUpdate(1, 1, await sealed(ledger, update));
    await at((await deadlineOf(ledger)) + 1n);
    await reverts(reveal(ledger, [{ ...update, party: members[2].address }]), ledger,
      'RoundLedger_NotWhatWasCommitted', [1, 1, members[2].address]);
    await reveal(ledger, [update]);
  });

  it('has a weight', async () => {
    await given(openJob([ALL, ALL, ALL]));
    await ledger.openRound(1);
    const update = anUpdate(members[1], { weight: 0 });
    await commit(ledger, members[1], update);
    await at((await deadlineOf(ledger)) + 1n);
    await reverts(reveal(ledger, [update]), ledger, 'RoundLedger_ZeroWeight', [update.party]);
  });

  for (const [what, bytes] of [['nothing', '0x'], ['a part', `0x${'00'.repeat(119)}`], ['more', `0x${'00'.repeat(121)}`]]) {
    it(`is refused where ${what} of one is given`, async () => {
      await given(collected());
      const length = ethers.dataLength(bytes);
      await reverts(ledger.openUpdates(1, 1, bytes), ledger, 'RoundLedger_InvalidOpenings', [length]);
    });
  }

  it('waits for the end of Collecting, and ends with its own', async () => {
    await given(openJob([ALL, ALL, ALL]));
    await ledger.openRound(1);
    updates = [anUpdate(members[1]), anUpdate(members[2])];
    for (const [i, update] of updates.entries()) await commit(ledger, members[i + 1], update);
    deadline = await deadlineOf(ledger);
    await at(deadline);
    await reverts(reveal(ledger, updates), ledger, 'RoundLedger_WrongPhase', [1, Phase.Collecting]);
    await at(deadline + 1n);
    await reveal(ledger, updates.slice(0, 1));
    assert.deepEqual([await phaseOf(ledger), await deadlineOf(ledger)], [Phase.Opening, deadline + OPEN]);
    await at(deadline + OPEN + 1n);
    await reverts(reveal(ledger, updates), ledger, 'RoundLedger_WrongPhase', [1, Phase.Aggregating]);
    await publish(ledger, members[0], await anAggregate(ledger));
  });

  it('is in time until the deadline\'s second, and then too late', async () => {
    await given(collected());
    await at(deadline);
    await reveal(ledger, updates.slice(1));
    assert.deepEqual([await phaseOf(ledger), await deadlineOf(ledger)], [Phase.Opening, deadline]);
    await at(deadline + 1n);
    await reverts(reveal(ledger, updates), ledger, 'RoundLedger_WrongPhase', [1, Phase.Aggregating]);
  });

  it('is of the current round', async () => {
    await given(collected());
    for (const round of [0, 2]) {
      await reverts(reveal(ledger, updates, round), ledger, 'RoundLedger_WrongRound', [1, round, 1]);
    }
    await reverts(reveal(ledger, updates, 0, 2), ledger, 'RoundLedger_WrongPhase', [2, Phase.None]);
  });

  it('starts again in the next round', async () => {
    await given(finalised());
    await ledger.openRound(1);
    updates = members.map((member) => anUpdate(member));
    for (const [i, member] of members.entries()) await commit(ledger, member, updates[i], 2);
    await reveal(ledger, updates.slice(0, 2), 2);
    assert.equal((await ledger.roundOf(1)).opened, 2n);
  });
});

describe('Without updates', () => {
  let ledger, members, strangers, consortium;
  const abandoned = [['RoundAbandoned', 1n, 1n, Reason.TooFewUpdates]];

  it('a round ends as soon as no commitment can come', async () => {
    ({ ledger, members, strangers, consortium } = await openJob([ALL, ALL, ALL]));
    await ledger.openRound(1);
    const deadline = await deadlineOf(ledger);
    await at(deadline);
    await reverts(ledger.advance(1, 1), ledger, 'RoundLedger_DeadlineNotPassed', [deadline, deadline]);
    await at(deadline + 1n);
    await reverts(
      ledger.connect(strangers[0]).advance(1, 1), consortium, 'Consortium_NotMember', [strangers[0].address]);
    assert.deepEqual(await events(ledger.connect(members[2]).advance(1, 1), ledger), abandoned);
    assert.equal(await ledger.strikesOf(1, 0), 0n);
    await ledger.openRound(1);
  });

  it('a round ends as soon as none can be opened', async () => {
    ({ ledger, members } = await collected());
    const deadline = await deadlineOf(ledger);
    await at(deadline);
    await reverts(ledger.advance(1, 1), ledger, 'RoundLedger_DeadlineNotPassed', [deadline, deadline]);
    await at(deadline + 1n);
    const aggregate = await anAggregate(ledger);
    await reverts(publish(ledger, members[0], aggregate), ledger, 'RoundLedger_NothingOpened', [1, 1]);
    assert.deepEqual(await events(ledger.advance(1, 1), ledger), abandoned);
    assert.equal(await ledger.strikesOf(1, 0), 0n);
  });

  it('a round is not ended while one is open', async () => {
    ({ ledger, members } = await opened());
    await reverts(ledger.advance(1, 1), ledger, 'RoundLedger_DeadlineNotPassed');
  });
});
