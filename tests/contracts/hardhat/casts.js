'use strict';

const assert = require('node:assert/strict');
const {
  ALL, AGGREGATOR, PARTICIPANT, MASKING, TERMS, random, openJob, found, MODEL, registered, openSegment, fixCast, bitmap, allBut,
  at, deadlineOf, reverts, events,
} = require('./support');
const { ethers } = require('hardhat');

const MEMBERS = 5;
const MAJORITY = 3;
const EVERYONE = allBut(MEMBERS);
const SET_UP = BigInt(MASKING.setUpSeconds);
const TURN = BigInt(MASKING.setSeconds);

describe('Casts of segments', () => {
  let board, ledger, consortium, members, strangers;
  const as = (signer) => board.connect(signer);
  const now = async () => BigInt((await ethers.provider.getBlock('latest')).timestamp);
  const refused = (call, name, ...args) => reverts(call, board, `MaskBoard_${name}`, args.length ? args : undefined);
  const open = (i = 0, segment = 1) => as(members[i]).openSegment(1, segment);
  const propose = (i, cast = EVERYONE, segment = 1) => as(members[i]).proposeCast(1, segment, cast);
  const agree = (i, cast = EVERYONE, segment = 1) => as(members[i]).agreeCast(1, segment, cast);
  const agreement = async () => (await board.segmentOf(1)).agreement;
  const over = async (later = 1n) => at((await agreement()).deadline + later);
  /** A masked job of which nothing is set up; the first `keyed` members have mask keys. */
  const given = async (masking = MASKING, roles = Array(MEMBERS).fill(ALL), keyed = MEMBERS) => {
    ({ masks: board, ledger, consortium, members, strangers } = await found(roles));
    const digest = random();
    await ledger.connect(members[0]).proposeJob(digest, TERMS, MODEL);
    await as(members[0]).configure(1, masking);
    for (const member of members.slice(1, MAJORITY)) await ledger.connect(member).approveJob(1, digest);
    for (const member of members.slice(0, keyed)) await as(member).registerKey(random());
  };
  beforeEach(() => given());

  describe('have a roster', () => {
    it('of the active members with a key, each counted once', async () => {
      await given(MASKING, undefined, 3);
      await as(members[1]).registerKey(random());
      assert.equal(await board.keyed(), bitmap(0, 1, 2));
      const sent = await open(2);
      const deadline = await now() + SET_UP;
      assert.deepEqual(await events(sent, board), [['SegmentOpened', 1n, 1n, members[2].address, bitmap(0, 1, 2), deadline]]);
      const { agreement: state, roster, cast, agreed } = await board.segmentOf(1);
      assert.deepEqual(state.toArray(), [1n, 1n, deadline, BigInt(MAJORITY), 0n, 0n, false]);
      assert.deepEqual([roster, cast, agreed], [bitmap(0, 1, 2), 0n, 0n]);
    });

    it('that an aggregator opens, in a masked job', async () => {
      await given(MASKING, [ALL, ALL, ALL, PARTICIPANT, AGGREGATOR]);
      await refused(open(3), 'RoleMissing', members[3].address, AGGREGATOR);
      await reverts(as(strangers[0]).openSegment(1, 1), consortium, 'Consortium_NotMember');
      await ledger.connect(members[0]).proposeJob(random(), TERMS, MODEL);
      await refused(as(members[0]).openSegment(2, 1), 'NotMasked', 2);
      await open(4);
    });

    it('of three, of the smallest set, and of as many as rebuild a secret, at least', async () => {
      await given(MASKING, undefined, 2);
      await refused(open(), 'TooFew', 2, 3);
      await given({ ...MASKING, smallest: 4 }, undefined, 3);
      await refused(open(), 'TooFew', 3, 4);
      await given({ ...MASKING, threshold: 5 }, undefined, 4);
      await refused(open(), 'TooFew', 4, 5);
      await as(members[4]).registerKey(random());
      await open();
    });

    it('for the segment of the next round, or, once that has its cast, the one after it', async () => {
      await given({ ...MASKING, segment: 2 });
      for (const segment of [0, 2, 3]) await refused(open(0, segment), 'WrongSegment', 1, segment, 1);
      await open(0, 1);
      await refused(open(0, 2), 'WrongSegment', 1, 2, 1);
      await fixCast(board, members, EVERYONE, 1);
      await refused(open(0, 3), 'WrongSegment', 1, 3, 1);
      await open(0, 2);
      await fixCast(board, members, EVERYONE, 2);
      for (const round of [1, 2, 3]) {
        await ledger.connect(members[round]).openRound(1);
        await at(await deadlineOf(ledger) + 1n + BigInt(TERMS.openSeconds));
        await ledger.advance(1, round);
        if (round === 2) await refused(open(0, 4), 'WrongSegment', 1, 4, 2);
        if (round === 2) await refused(open(0, 1), 'WrongSegment', 1, 1, 2);
        await at(await now() + BigInt(TERMS.aggregateSeconds * 8));
      }
      await refused(open(0, 1), 'WrongSegment', 1, 1, 2);
      await refused(open(0, 2), 'AlreadyFixed', 2);
      await open(0, 3);
    });

    it('again where no cast is proposed in time, and another one once its own rounds are over', async () => {
      await given({ ...MASKING, segment: 1 });
      await open();
      const until = (await agreement()).deadline + TURN;
      await at(until);
      await refused(open(1), 'SegmentOpen', 1, until);
      await refused(open(1, 2), 'WrongSegment', 1, 2, 1);
      await consortium.connect(members[4]).rotateKey(strangers[0].address);
      await open(1);
      assert.deepEqual((await agreement()).toArray().slice(0, 2), [1n, 2n]);
      await ledger.connect(members[0]).openRound(1);
      await refused(open(1), 'WrongSegment', 1, 1, 2);
      await over(TURN + 1n);
      await open(1, 2);
      await refused(propose(0), 'WrongSegment', 1, 1, 2);
    });

    it('that stays while a cast can be agreed with, and others may propose theirs', async () => {
      await open();
      await over();
      await propose(0, bitmap(0, 1, 2, 3));
      await agree(1, bitmap(0, 1, 2, 3));
      const { deadline } = await agreement();
      await at(deadline + TURN);
      await refused(open(1), 'SegmentOpen', 1, deadline + TURN);
      await open(1);
      await over();
      await propose(0); // what lapsed under the earlier roster is forgotten
      assert.equal((await board.segmentOf(1)).agreed, bitmap(0));
    });
  });

  describe('are agreed on', () => {
    beforeEach(() => open());

    it('proposed by an aggregator, fixed by a majority', async () => {
      await over();
      const cast = bitmap(0, 1, 3, 4);
      const sent = await propose(3, cast);
      const deadline = await now() + TURN;
      assert.deepEqual(await events(sent, board), [['CastProposed', 1n, 1n, members[3].address, cast, deadline]]);
      assert.deepEqual(await events(agree(2, cast), board), [['CastAgreed', 1n, 1n, members[2].address]]);
      assert.equal(await board.castOf(1, 1), 0n);
      assert.equal((await board.segmentOf(1)).agreed, bitmap(2, 3));
      assert.deepEqual(await events(agree(1, cast), board), [
        ['CastAgreed', 1n, 1n, members[1].address], ['CastFixed', 1n, 1n, cast],
      ]);
      assert.equal(await board.castOf(1, 1), cast);
    });

    it('in the time to set up, and until its end at least', async () => {
      const { deadline: until } = await agreement();
      assert.equal((await events(propose(3), board))[0].at(-1), until);
      await refused(propose(0), 'DeadlineNotPassed');
      await at(until);
      await refused(propose(0), 'DeadlineNotPassed', until, until);
      await refused(propose(3), 'ProposalLapsed', 1, members[3].address);
      await propose(0);
      const { deadline } = await agreement();
      await at(deadline + TURN);
      await refused(open(1), 'SegmentOpen', 1, deadline + TURN);
    });

    it('late in the time to set up, and for as long as any', async () => {
      const { deadline: until } = await agreement();
      await at(until);
      assert.equal((await events(propose(3), board))[0].at(-1), until + TURN);
      assert.equal((await agreement()).deadline, until + TURN);
    });

    it('by one that lapses early: the segment is not opened again before its time', async () => {
      const { deadline: until } = await agreement();
      await propose(3);
      await at(until + TURN);
      await refused(open(1), 'SegmentOpen', 1, until + TURN);
      await open(1);
    });

    it('once', async () => {
      await fixCast(board, members, EVERYONE);
      await refused(agree(3), 'AlreadyFixed', 1);
      await over();
      await refused(propose(3), 'AlreadyFixed', 1);
      await over(TURN + 2n);
      await refused(open(), 'AlreadyFixed', 1);
    });

    it('once by each member, in time, as proposed', async () => {
      await refused(agree(0), 'NothingProposed', 1);
      await refused(agree(0, EVERYONE, 2), 'WrongSegment', 1, 2, 1);
      await over();
      await propose(0);
      await refused(agree(0), 'AlreadyAgreed', 1, members[0].address);
      await refused(agree(1, bitmap(0, 1, 2)), 'WrongMembers', bitmap(0, 1, 2), EVERYONE);
      await agree(1);
      await refused(agree(1), 'AlreadyAgreed', 1, members[1].address);
      const { deadline } = await agreement();
      await at(deadline + 1n);
      await refused(agree(2), 'DeadlinePassed', deadline, deadline + 1n);
      await refused(propose(0), 'ProposalLapsed', 1, members[0].address);
      await propose(2);
      await agree(1);
      await agree(0);
      assert.equal(await board.castOf(1, 1), EVERYONE);
    });

    it('out of the roster, by as many as make a set and rebuild a secret', async () => {
      await over();
      await refused(propose(0, bitmap(0, 1, 2, 5)), 'NotInRoster', bitmap(5));
      await refused(propose(0, bitmap(0, 1, 2, 255)), 'NotInRoster', bitmap(255));
      await refused(propose(0, bitmap(0, 1, 2)), 'TooFew', 3, 4); // two thirds of 5, and one more
      await given({ ...MASKING, threshold: 1 });
      await open();
      await refused(propose(0, bitmap(0, 1)), 'TooFew', 2, 3); // more than half of 5
      await propose(0, bitmap(0, 1, 4));
    });

    it('by the members there were when it was opened', async () => {
      await over();
      await propose(0);
      await consortium.connect(members[4]).rotateKey(strangers[4].address);
      await refused(as(strangers[4]).agreeCast(1, 1, EVERYONE), 'NotInElectorate', strangers[4].address, 2, 1);
      await over();
      await refused(as(strangers[4]).proposeCast(1, 1, EVERYONE), 'NotInElectorate', strangers[4].address, 2, 1);
      await propose(1);
    });
  });

  it('stand beside the set of an earlier segment\'s round', async () => {
    ({ masks: board, ledger, members } = await openJob(Array(MEMBERS).fill(ALL), TERMS, { ...MASKING, segment: 1 }));
    await ledger.openRound(1);
    await registered(ledger, members);
    const set = bitmap(0, 1, 2, 3);
    await as(members[0]).proposeSet(1, 1, set, random());
    await openSegment(board, members.slice(0, 4), 2);
    for (const i of [1, 2]) await as(members[i]).agreeSet(1, 1, set);
    assert.equal((await board.setOf(1)).silent, set);
    await fixCast(board, members, bitmap(0, 1, 2, 4), 2);
    assert.deepEqual([await board.castOf(1, 1), await board.castOf(1, 2)], [EVERYONE, bitmap(0, 1, 2, 4)]);
  });
});
