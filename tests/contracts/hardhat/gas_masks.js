'use strict';

const assert = require('node:assert/strict');
const { ethers } = require('hardhat');
const {
  ALL, TERMS, MASKING, random, openJob, registered, MODEL, allBut, sharesOf, at, deadlineOf, gasOf, printed,
} = require('./support');

const LIMIT = { registerKey: 33_000, setUp: 32_000, agree: 38_000, unmask: 40_000, dropped: 1_000, set: 60_000, member: 1_000 };
const MOST = 400_000;
const now = async () => BigInt((await ethers.provider.getBlock('latest')).timestamp);

/** A masked job of so many members; its times leave room for all of them. */
async function founded(size) {
  const times = { updateSeconds: 5000, openSeconds: 5000, aggregateSeconds: 5000, attestSeconds: 1000 };
  const masking = { ...MASKING, setUpSeconds: 1000, setSeconds: 1000, unmaskSeconds: 1000, shareSeconds: 1000 };
  return openJob(Array(size).fill(ALL), { ...TERMS, ...times }, masking);
}

/** What each call of a round's masks costs, whose set lacks `dropped` members and leaves one silent; it ends abandoned. */
async function measured({ ledger, masks, members }, round, dropped) {
  const as = (member) => masks.connect(member);
  const parties = members.slice(0, members.length - dropped);
  const outside = members.slice(parties.length).map((_, i) => parties.length + i);
  const set = allBut(members.length, ...outside);
  await ledger.connect(members[round - 1]).openRound(1);
  await registered(ledger, parties, round);
  const openedUntil = (await ledger.courseOf(1)).endedAt + (await masks.termsOf(1)).unmaskSeconds;
  if (round !== 1 && await now() <= openedUntil) await at(openedUntil + 1n);
  const used = { proposeSet: [await gasOf(as(members[round - 1]).proposeSet(1, round, set, random()))], agreeSet: [], unmask: [] };
  const others = members.filter((_, i) => i !== round - 1).slice(0, Math.floor(members.length / 2));
  for (const member of others) used.agreeSet.push(await gasOf(as(member).agreeSet(1, round, set)));
  used['agreeSet, fixing'] = [used.agreeSet.pop()];
  const shares = sharesOf(...outside.map((i) => [i, random()]));
  for (const member of parties.slice(1, 6)) used.unmask.push(await gasOf(as(member).unmask(1, round, random(), shares)));
  await at((await masks.setOf(1)).agreement.deadline + 1n);
  used.giveShares = [await gasOf(as(members[1]).giveShares(1, round, sharesOf([0, random()])))];
  await assert.rejects(as(members[1]).giveShares(1, round, sharesOf([0, random()])));
  await at(await deadlineOf(ledger) + 1n);
  await ledger.advance(1, round);
  used.open = [await gasOf(as(members[1]).open(1, round, random()))];
  return used;
}

describe('Gas of masks', () => {
  const table = printed();

  it(`of keys and set-ups: at most ${LIMIT.setUp}; of terms`, async () => {
    const { masks, members, ledger } = await founded(4);
    const key = [await gasOf(masks.connect(members[1]).registerKey(random()))];
    const opened = [await gasOf(masks.connect(members[1]).openSegment(1, 2))];
    const [setUp, { deadline }] = [[], (await masks.segmentOf(1)).agreement];
    for (const member of members) setUp.push(await gasOf(masks.connect(member).setUp(1, 2, deadline, random())));
    await at(deadline + 1n);
    const cast = [await gasOf(masks.connect(members[1]).proposeCast(1, 2, allBut(4)))];
    for (const i of [0, 2]) cast.push(await gasOf(masks.connect(members[i]).agreeCast(1, 2, allBut(4))));
    table.push(['registerKey', ...key], ['setUp', Math.max(...setUp)]);
    table.push(['openSegment', ...opened], ['proposeCast; agreeCast; fixing the cast', ...cast]);
    assert.ok(Math.max(...key) <= LIMIT.registerKey && Math.max(...setUp) <= LIMIT.setUp, `${key}, ${setUp}`);
    await ledger.connect(members[0]).proposeJob(random(), TERMS, MODEL);
    table.push(['configure', await gasOf(masks.connect(members[0]).configure(2, MASKING))]);
    table.push(['deploy MaskBoard', await gasOf(masks.deploymentTransaction())]);
  });

  for (const [size, dropped] of [[4, 1], [6, 0], [10, 3], [64, 20], [255, 60]]) {
    it(`of ${size} members, ${dropped} dropped: propose ≤ ${LIMIT.set} + ${LIMIT.member} each, unmask ≤ ${LIMIT.unmask} + ${LIMIT.dropped} each`, async () => {
      const world = await founded(size);
      const [first, , steady] = [await measured(world, 1, dropped), await measured(world, 2, dropped), await measured(world, 3, dropped)];
      for (const [call, used] of Object.entries(steady)) {
        table.push([`${size} members, ${dropped} dropped: ${call}, most of round 1; least and most of round 3`,
          Math.max(...first[call]), Math.min(...used), Math.max(...used)]);
      }
      const most = (call) => Math.max(...steady[call]);
      assert.ok(most('proposeSet') <= LIMIT.set + LIMIT.member * size, `set ${most('proposeSet')}`);
      assert.ok(most('agreeSet') <= LIMIT.agree, `agree ${most('agreeSet')}`);
      assert.ok(most('agreeSet, fixing') <= LIMIT.set, `fixing ${most('agreeSet, fixing')}`);
      assert.ok(most('unmask') <= LIMIT.unmask + LIMIT.dropped * dropped, `unmask ${most('unmask')}`);
      for (const used of [first, steady]) assert.ok(Math.max(...Object.values(used).flat()) <= MOST);
    }).timeout(840_000);
  }
});
