'use strict';

const assert = require('node:assert/strict');
const { ethers, network } = require('hardhat');
const {
  ALL, AGGREGATOR, PARTICIPANT, Form, TERMS, MODEL, random, claimOf, openJob, anUpdate, commit, openings, reveal,
  anAggregate, publish, agree, oppose, deploy, wallets, at, deadlineOf, gasOf, printed,
} = require('./support');

const UPDATE = { 4: 52_000, 6: 48_000, 10: 48_000, 64: 48_000, 255: 48_000 }; // its commitment, and its share of the openings
const LIMIT = { commit: 36_000, attest: 50_000, finalising: 110_000, publish: 150_000, any: 400_000 };
const BATCH = 60;
const ROUNDS = 1_000;

/** A consortium of so many keys with all roles, whose job 1 is open; what its approvals cost. */
async function founded(size, terms = TERMS) {
  const members = await wallets(size);
  const world = await deploy(members.map(({ address }) => address), Array(size).fill(ALL));
  const digest = random();
  const job = { proposeJob: await gasOf(world.ledger.connect(members[0]).proposeJob(digest, terms, MODEL)), approveJob: [] };
  for (const member of members.slice(1, Math.floor(size / 2) + 1)) {
    job.approveJob.push(await gasOf(world.ledger.connect(member).approveJob(1, digest)));
  }
  return { ...world, ledger: world.ledger.connect(members[0]), members, job };
}

/** What each call of a round costs in which every member takes part and agrees. */
async function measured(ledger, members, round) {
  const used = { openRound: [await gasOf(ledger.openRound(1))], commitUpdate: [], openUpdates: [], attest: [] };
  const updates = members.map((member) => anUpdate(member));
  for (const [i, member] of members.entries()) used.commitUpdate.push(await gasOf(commit(ledger, member, updates[i], round)));
  for (let i = 0; i < updates.length; i += BATCH) {
    used.openUpdates.push(await gasOf(reveal(ledger, updates.slice(i, i + BATCH), round)));
  }
  const aggregate = await anAggregate(ledger);
  used.publishAggregate = [await gasOf(publish(ledger, members[0], aggregate, round))];
  const claim = await claimOf(ledger, 1, round, aggregate);
  const majority = Math.floor(members.length / 2) + 1;
  for (const member of members.slice(1, majority)) used.attest.push(await gasOf(agree(ledger, member, claim, 1, round)));
  used['attest, finalising'] = [used.attest.pop()];
  used['attest, late'] = [await gasOf(agree(ledger, members.at(-1), claim, 1, round))];
  return used;
}

const sum = (values) => values.reduce((total, value) => total + value, 0);

describe('Gas of rounds', () => {
  const table = printed();

  for (const size of [4, 6, 10, 64, 255]) {
    it(`with ${size} members: each update at most ${UPDATE[size]}, any call at most ${LIMIT.any}`, async () => {
      const terms = { ...TERMS, updateSeconds: 1000, openSeconds: 1000, aggregateSeconds: 1000, attestSeconds: 1000 };
      const { ledger, members, job } = await founded(size, terms);
      const [first, , steady] = [await measured(ledger, members, 1), await measured(ledger, members, 2), await measured(ledger, members, 3)];
      table.push([`${size} members: proposeJob`, job.proposeJob]);
      table.push([`${size} members: approveJob, the first and the one that opens`, job.approveJob[0], job.approveJob.at(-1)]);
      for (const [call, used] of Object.entries(steady)) {
        table.push([`${size} members: ${call}, most of round 1; least and most of round 3`,
          Math.max(...first[call]), Math.min(...used), Math.max(...used)]);
      }
      const each = Math.round((sum(steady.commitUpdate) + sum(steady.openUpdates)) / size);
      table.push([`${size} members: each update, with its share of the openings`, each]);
      const most = (call) => Math.max(...steady[call]);
      assert.ok(each <= UPDATE[size], `${each}`);
      assert.ok(size === 4 || most('attest') <= LIMIT.attest, `attest ${most('attest')}`);
      assert.ok(most('attest, late') <= LIMIT.attest, `late ${most('attest, late')}`);
      assert.ok(most('attest, finalising') <= LIMIT.finalising, `finalising ${most('attest, finalising')}`);
      assert.ok(most('publishAggregate') <= LIMIT.publish, `publish ${most('publishAggregate')}`);
      for (const used of [first, steady, job]) assert.ok(Math.max(...Object.values(used).flat()) <= LIMIT.any);
    });
  }

  it(`of attestations in each form: at most ${LIMIT.attest}, and of a failed attempt`, async () => {
    const { ledger, members } = await founded(7);
    await measured(ledger, members, 1);
    await ledger.openRound(1);
    const updates = members.map((member) => anUpdate(member));
    for (const [i, member] of members.entries()) await commit(ledger, member, updates[i], 2);
    await reveal(ledger, updates, 2);
    const aggregate = await anAggregate(ledger);
    await publish(ledger, members[0], aggregate, 2);
    const claim = await claimOf(ledger, 1, 2, aggregate);
    const missing = ledger.connect(members[3]).attest(1, 2, 1, Form.Missing, claim, random());
    const used = [
      await gasOf(agree(ledger, members[1], claim, 1, 2)), await gasOf(oppose(ledger, members[2], random(), 1, 2)),
      await gasOf(missing),
    ];
    table.push(['attest: agree, other, missing', ...used]);
    assert.ok(Math.max(...used) <= LIMIT.attest, `${used}`);
    await oppose(ledger, members[4], random(), 1, 2);
    table.push(['attest, failing the attempt', await gasOf(oppose(ledger, members[5], random(), 1, 2))]);
    table.push(['publishAggregate, again', await gasOf(publish(ledger, members[1], await anAggregate(ledger), 2))]);
    await at((await deadlineOf(ledger)) + 1n);
    table.push(['advance, no majority in time', await gasOf(ledger.advance(1, 2))]);
  });

  it(`of a commitment: at most ${LIMIT.commit}, and the same from round 2 to round ${ROUNDS.toLocaleString('en')}`, async () => {
    const roles = [AGGREGATOR, PARTICIPANT, ALL];
    const { ledger, members } = await openJob(roles, { ...TERMS, rounds: ROUNDS, attempts: 1 });
    const to = await ledger.getAddress();
    const call = async (from, name, args) => {
      const data = ledger.interface.encodeFunctionData(name, args);
      const hash = await network.provider.send('eth_sendTransaction', [{ from: from.address, to, data }]);
      return Number((await network.provider.send('eth_getTransactionReceipt', [hash])).gasUsed);
    };
    const used = [];
    for (let round = 1; round <= ROUNDS; ++round) {
      await call(members[0], 'openRound', [1]);
      used.push(await call(members[1], 'commitUpdate', [1, round, ethers.dataSlice(random(), 4)]));
      await network.provider.send('evm_increaseTime', [TERMS.updateSeconds + TERMS.openSeconds + 1]);
      await call(members[0], 'advance', [1, round]);
    }
    const [first, ...steady] = used;
    const [least, most] = [Math.min(...steady), Math.max(...steady)];
    table.push([`commitUpdate, round 1; least and most of rounds 2 to ${ROUNDS}`, first, least, most]);
    assert.equal((await ledger.commitmentBy(1, members[1].address)).round, BigInt(ROUNDS));
    assert.ok(most <= LIMIT.commit, `${most} gas`);
    // What is left is calldata: 12 gas for each byte of round and commitment that is or is not zero.
    assert.ok(most - least <= 12 * 8, `from ${least} to ${most} gas`);
  });

  it('of a rotation, and of the first commitments after it', async () => {
    const { ledger, consortium, members, strangers: [fresh] } = await openJob([ALL, ALL, ALL, ALL]);
    await ledger.openRound(1);
    await commit(ledger, members[2]);
    table.push(['rotateKey', await gasOf(consortium.connect(members[1]).rotateKey(fresh.address))]);
    await at((await deadlineOf(ledger)) + BigInt(TERMS.openSeconds) + 1n);
    table.push(['advance, nothing opened', await gasOf(ledger.advance(1, 1))]);
    await ledger.openRound(1);
    table.push(['commitUpdate, first in an epoch', await gasOf(commit(ledger, members[2], undefined, 2))]);
    table.push(['commitUpdate, first of a key', await gasOf(commit(ledger, fresh, undefined, 2))]);
  });

  it('of the opening of one update, alone', async () => {
    const { ledger, members } = await founded(4);
    await measured(ledger, members, 1);
    await ledger.openRound(1);
    const updates = members.map((member) => anUpdate(member));
    for (const [i, member] of members.entries()) await commit(ledger, member, updates[i], 2);
    const used = [];
    for (const update of updates) used.push(await gasOf(ledger.openUpdates(1, 2, openings(update))));
    table.push(['openUpdates, one by one', ...used]);
  });
});
