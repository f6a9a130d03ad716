'use strict';

const assert = require('node:assert/strict');
const { ethers } = require('hardhat');
const {
  ALL, AGGREGATOR, PARTICIPANT, SCORER, MASKING, RULES, TERMS, MODEL, ZERO, Phase, random, found, openJob, anUpdate, commit,
  reveal, registered, anAggregate, publish, agree, oppose, claimOf, propose, decide, fixCast, bitmap, allBut, sharesOf, at, deadlineOf,
  phaseOf, reverts, events,
} = require('./support');

const MEMBERS = 5;
const MAJORITY = 3;
const EVERYONE = allBut(MEMBERS);
const NOBODY = ethers.ZeroAddress;
const RECEIPTS = random();
const TIMES = ['setUpSeconds', 'setSeconds', 'unmaskSeconds', 'shareSeconds'];

describe('Masks', () => {
  let world, board, ledger, consortium, ballots, members, strangers;
  const given = async (made) => {
    world = await made;
    ({ masks: board, ledger, consortium, ballots, members, strangers } = world);
  };
  const as = (signer) => board.connect(signer);
  const masked = async () => (await board.setOf(1)).agreement;
  const now = async () => BigInt((await ethers.provider.getBlock('latest')).timestamp);
  const refused = (call, name, ...args) => reverts(call, board, `MaskBoard_${name}`, args.length ? args : undefined);
  const propose_ = (i, set = EVERYONE, round = 1, receipts = RECEIPTS) => as(members[i]).proposeSet(1, round, set, receipts);
  const agree_ = (i, set = EVERYONE, round = 1) => as(members[i]).agreeSet(1, round, set);
  const unmask = (i, shares = '0x', seed = random(), round = 1) => as(members[i]).unmask(1, round, seed, shares);
  const give = (i, ...pairs) => as(members[i]).giveShares(1, 1, sharesOf(...pairs));
  /** A round of a masked job whose parties' updates are open. */
  const opened = async (parties = [0, 1, 2, 3, 4], roles = Array(MEMBERS).fill(ALL), masking = MASKING) => {
    await given(openJob(roles, TERMS, masking));
    await ledger.openRound(1);
    await registered(ledger, parties.map((i) => members[i]));
  };
  const fixed = async (set = EVERYONE, round = 1) => {
    await propose_(0, set, round);
    for (let i = 1; i < MAJORITY; ++i) await agree_(i, set, round);
  };
  const lapse = async () => at((await masked()).deadline + 1n);
  /** The last second in which members may open the round that ended last, and no other set is proposed. */
  const openedUntil = async () => (await ledger.courseOf(1)).endedAt + BigInt(MASKING.unmaskSeconds);
  /** Another round of the same parties, whose updates are open. */
  const again = async (opener, round, parties = members) => {
    await ledger.connect(members[opener]).openRound(1);
    await registered(ledger, parties, round);
  };
  const abandoned = async (round = 1) => {
    await at(await deadlineOf(ledger) + 1n);
    await ledger.advance(1, round);
  };

  describe('of a job', () => {
    beforeEach(async () => {
      await given(found(Array(MEMBERS).fill(ALL)));
      await ledger.connect(members[1]).proposeJob(random(), TERMS, MODEL);
    });
    const configure = (changes = {}, by = members[1], job = 1) => as(by).configure(job, { ...MASKING, ...changes });

    it('are configured by its proposer', async () => {
      const terms = Object.values(MASKING).map(BigInt);
      assert.deepEqual(await events(configure(), board), [['MaskingConfigured', 1n, terms]]);
      assert.deepEqual((await board.termsOf(1)).toArray(), terms);
      assert.equal(await ledger.proposerOf(1), members[1].address);
    });

    it('are configured by nobody else, nor for an unknown job', async () => {
      await refused(configure({}, members[0]), 'NotProposer', members[0].address, members[1].address);
      await refused(configure({}, members[1], 2), 'NotProposer', members[1].address, NOBODY);
    });

    it('are configured once, before it is open', async () => {
      await configure();
      await refused(configure(), 'AlreadyConfigured', 1);
      const digest = random();
      await ledger.connect(members[1]).proposeJob(digest, TERMS, MODEL);
      for (const member of members.slice(2, 4)) await ledger.connect(member).approveJob(2, digest);
      await refused(configure({}, members[1], 2), 'JobOpen', 2);
    });

    it('have a segment of at most 256 rounds, three members in a set at least, and times of at most a year', async () => {
      const year = 365 * 24 * 3600;
      const wrong = TIMES.flatMap((time) => [{ [time]: 0 }, { [time]: year + 1 }]);
      for (const changes of [{ segment: 0 }, { segment: 257 }, { smallest: 2 }, ...wrong]) await refused(configure(changes), 'InvalidTerms');
      await configure({ segment: 256, ...Object.fromEntries(TIMES.map((time) => [time, year])) });
    });
  });

  describe('have keys and set-ups', () => {
    beforeEach(() => given(openJob([ALL, ALL, ALL, AGGREGATOR], TERMS, MASKING)));

    it('that members and participants publish', async () => {
      const [key, cid] = [random(), random()];
      const registration = await events(as(members[3]).registerKey(key), board);
      assert.deepEqual(registration, [['MaskKeyRegistered', members[3].address, key]]);
      await as(members[3]).openSegment(1, 2);
      const { agreement: { deadline } } = await board.segmentOf(1);
      const set = await events(as(members[1]).setUp(1, 2, deadline, cid), board);
      assert.deepEqual(set, [['SegmentSetUp', 1n, 2n, members[1].address, deadline, cid]]);
    });

    it('that no stranger publishes, nor a set-up who is no participant', async () => {
      await reverts(as(strangers[0]).registerKey(random()), consortium, 'Consortium_NotMember', [strangers[0].address]);
      await refused(as(strangers[0]).setUp(1, 1, 2n ** 40n - 1n, random()), 'RoleMissing', strangers[0].address, PARTICIPANT);
      await refused(as(members[3]).setUp(1, 1, 2n ** 40n - 1n, random()), 'RoleMissing', members[3].address, PARTICIPANT);
    });

    it('that are not zero', async () => {
      await refused(as(members[0]).registerKey(ZERO), 'ZeroKey');
      await refused(as(members[0]).setUp(1, 1, 2n ** 40n - 1n, ZERO), 'ZeroDigest');
    });

    it('of any segment, until the deadline that they name: the log says which count', async () => {
      const [cid, until] = [random(), await now() + 20n];
      const said = [[2, 0, 2n ** 40n - 1n], [1, 1, until + 1n], [1, 2, until]];
      for (const [job, segment, deadline] of said) {
        const sent = await events(as(members[0]).setUp(job, segment, deadline, cid), board);
        assert.deepEqual(sent, [['SegmentSetUp', ...[job, segment].map(BigInt), members[0].address, deadline, cid]]);
      }
      await at(until);
      await as(members[0]).setUp(1, 2, until, cid);
      await refused(as(members[0]).setUp(1, 2, until, cid), 'DeadlinePassed', until, until + 1n);
    });
  });

  describe('of a round, a set', () => {
    beforeEach(() => opened());

    it('is proposed by the opener, and fixed by a majority', async () => {
      const sent = await propose_(0);
      const deadline = await now() + BigInt(MASKING.setSeconds);
      assert.deepEqual(await events(sent, board), [['SetProposed', 1n, 1n, members[0].address, EVERYONE, RECEIPTS, deadline]]);
      assert.deepEqual(await events(agree_(1), board), [['SetAgreed', 1n, 1n, members[1].address]]);
      assert.equal((await board.setOf(1)).agreed, bitmap(0, 1));
      const last = await events(agree_(4), board);
      const unmasking = await now() + BigInt(MASKING.unmaskSeconds);
      const sharing = unmasking + BigInt(MASKING.shareSeconds);
      assert.deepEqual(last, [
        ['SetAgreed', 1n, 1n, members[4].address], ['SetFixed', 1n, 1n, EVERYONE, unmasking, sharing],
      ]);
      const state = await board.setOf(1);
      assert.deepEqual([state.set, state.agreed, state.silent], [EVERYONE, 0n, EVERYONE]);
      assert.deepEqual(state.agreement.toArray(), [1n, 1n, unmasking, BigInt(MAJORITY), 0n, 1n, true]);
    });

    it('is fixed once', async () => {
      await fixed();
      await refused(agree_(3), 'AlreadyFixed', 1);
      await refused(propose_(1, bitmap(0, 1, 2)), 'AlreadyFixed', 1);
      await at((await masked()).deadline + BigInt(MASKING.shareSeconds) + 1n);
      await refused(propose_(1, bitmap(0, 1, 2)), 'AlreadyFixed', 1);
    });

    it('is agreed with once by each member, in time, as it was proposed', async () => {
      await refused(agree_(1), 'WrongRound', 1, 1, 0);
      await propose_(0);
      await refused(agree_(0), 'AlreadyAgreed', 1, members[0].address);
      await refused(agree_(1, bitmap(0, 1, 2)), 'WrongMembers', bitmap(0, 1, 2), EVERYONE);
      await refused(agree_(1, EVERYONE, 2), 'WrongRound', 1, 2, 1);
      await refused(as(members[1]).agreeSet(2, 0, 0), 'WrongRound', 2, 0, 0);
      await agree_(1);
      await refused(agree_(1), 'AlreadyAgreed', 1, members[1].address);
      const { deadline } = await masked();
      await at(deadline + 1n);
      await refused(agree_(2), 'DeadlinePassed', deadline, deadline + 1n);
    });

    it('is agreed with until the second of the deadline', async () => {
      await propose_(0);
      await agree_(1);
      await at((await masked()).deadline);
      await agree_(2);
      assert.ok((await masked()).isFixed);
    });

    it('is the opener\'s to propose at first, then every aggregator\'s', async () => {
      const { since } = await ledger.presentOf(1);
      const until = since + BigInt(MASKING.setSeconds);
      await at(until);
      await refused(propose_(1), 'NotYourTurn', members[1].address, 0, until);
      await at(until + 1n);
      await propose_(1);
      assert.equal((await masked()).proposer, 1n);
    });

    it('is none while members may open the last one that ended without a model; then its opener\'s, alone', async () => {
      await fixed();
      await abandoned();
      await again(1, 2);
      const until = await openedUntil();
      const turn = until + BigInt(MASKING.setSeconds);
      assert.ok((await ledger.presentOf(1)).since < until);
      await at(until);
      await refused(propose_(1, EVERYONE, 2), 'DeadlineNotPassed', until, until);
      await refused(propose_(2, EVERYONE, 2), 'NotYourTurn', members[2].address, 1, turn);
      await at(turn + 1n);
      await propose_(2, EVERYONE, 2);
    });

    it('is none while a round that followed without a set ended no longer ago', async () => {
      await fixed();
      await abandoned();
      await again(1, 2);
      await abandoned(2);
      await again(2, 3);
      const until = await openedUntil();
      await at(until);
      await refused(propose_(2, EVERYONE, 3), 'DeadlineNotPassed', until, until);
      await propose_(2, EVERYONE, 3);
    });

    it('waits for nobody to open where the last one has a model, or lapsed', async () => {
      await fixed();
      const aggregate = await anAggregate(ledger);
      await publish(ledger, members[0], aggregate);
      for (const i of [1, 2]) await agree(ledger, members[i], await claimOf(ledger, 1, 1, aggregate));
      await again(1, 2);
      await propose_(1, EVERYONE, 2);
      assert.ok(await now() < await openedUntil());
      await abandoned(2);
      await again(2, 3);
      await propose_(2, EVERYONE, 3);
      assert.ok(await now() < await openedUntil());
    });

    it('is no other while one can be agreed with', async () => {
      await propose_(0);
      const { deadline } = await masked();
      await at(deadline);
      await refused(propose_(1), 'DeadlineNotPassed', deadline, deadline);
    });

    it('lapses with all that was agreed; then another aggregator proposes, at most once each', async () => {
      await propose_(0, bitmap(0, 1, 2));
      await agree_(1, bitmap(0, 1, 2));
      await lapse();
      await refused(propose_(0), 'ProposalLapsed', 1, members[0].address);
      await propose_(1);
      await refused(agree_(2, bitmap(0, 1, 2)), 'WrongMembers', bitmap(0, 1, 2), EVERYONE);
      await lapse();
      for (const i of [0, 1]) await refused(propose_(i), 'ProposalLapsed', 1, members[i].address);
      await propose_(2);
      await agree_(1);
      assert.ok(!(await masked()).isFixed);
      await agree_(0);
      const state = await board.setOf(1);
      assert.deepEqual([state.agreed, state.agreement.proposals], [0n, 3n]);
      assert.ok(state.agreement.isFixed);
    });

    it('that lapsed in one round is forgotten in the next', async () => {
      await propose_(0);
      await lapse();
      await propose_(1);
      await at(await deadlineOf(ledger) + 1n);
      await ledger.advance(1, 1);
      await ledger.connect(members[1]).openRound(1);
      await registered(ledger, members, 2);
      await propose_(1, EVERYONE, 2);
      await lapse();
      await propose_(0, EVERYONE, 2);
      assert.equal((await masked()).proposals, 2n);
    });

    it('has members whose updates are open, three at least, and as many as the terms say', async () => {
      await refused(propose_(0, bitmap(0, 1)), 'TooFew', 2, 3);
      await refused(propose_(0, bitmap(0, 1, 255)), 'TooFew', 2, 3);
      await refused(propose_(0, bitmap(0, 1, 2, 255)), 'NotOpened', bitmap(255));
      await refused(propose_(0, bitmap(0, 1, 2, 3, 4, 5)), 'NotOpened', 0);
      await opened([0, 1, 2, 3, 4], Array(MEMBERS).fill(ALL), { ...MASKING, smallest: 4 });
      await refused(propose_(0, bitmap(0, 1, 2)), 'TooFew', 3, 4);
      await propose_(0, bitmap(0, 1, 2, 3));
    });

    it('has members of the segment\'s cast only, and names receipts', async () => {
      await given(openJob(Array(MEMBERS).fill(ALL), TERMS, { ...MASKING, segment: 1 }));
      await board.connect(members[0]).openSegment(1, 2);
      await fixCast(board, members, allBut(MEMBERS, 2), 2);
      for (const round of [1, 2, 3]) {
        await ledger.connect(members[round]).openRound(1);
        await registered(ledger, members, round);
        if (round === 1) await refused(propose_(1, EVERYONE, 1, ZERO), 'ZeroDigest');
        if (round === 1) await propose_(1);
        if (round === 2) await refused(propose_(2, EVERYONE, 2), 'NotInCast', bitmap(2));
        if (round === 2) await propose_(2, allBut(MEMBERS, 2), 2);
        if (round === 3) await refused(propose_(3, EVERYONE, 3), 'NoCast', 1, 3);
        await at(await deadlineOf(ledger) + 1n);
        await ledger.advance(1, round);
        await at(BigInt(TERMS.aggregateSeconds * 8) + await now());
      }
    });

    it('has nobody who did not commit', async () => {
      await opened([0, 1, 3]);
      await refused(propose_(0, bitmap(0, 1, 2)), 'NotOpened', bitmap(2));
      await refused(propose_(0, EVERYONE), 'NotOpened', bitmap(2, 4));
      await propose_(0, bitmap(0, 1, 3));
    });

    it('has nobody who committed and whose update was never opened', async () => {
      await at(await deadlineOf(ledger) + 1n);
      await ledger.advance(1, 1);
      await ledger.connect(members[1]).openRound(1);
      const updates = members.map((member) => anUpdate(member));
      for (const [i, member] of members.entries()) await commit(ledger, member, updates[i], 2);
      await reveal(ledger, updates.slice(1), 2);
      await at(await deadlineOf(ledger) + 1n); // Opening is over by time alone: nobody says so
      await refused(propose_(1, EVERYONE, 2), 'NotOpened', bitmap(0));
      await propose_(1, allBut(MEMBERS, 0), 2);
    });

    it('is proposed after Opening only, and before the deadline of Aggregating', async () => {
      const deadline = await deadlineOf(ledger);
      await at(deadline + 1n);
      await refused(propose_(0), 'DeadlinePassed', deadline, deadline + 1n);
      await ledger.advance(1, 1);
      await refused(propose_(0), 'WrongPhase', 1, 1);
      await ledger.connect(members[1]).openRound(1);
      await refused(propose_(1, EVERYONE, 2), 'WrongPhase', 1, 2);
      await refused(propose_(0), 'WrongRound', 1, 1, 2);
      await refused(as(members[0]).proposeSet(2, 1, EVERYONE, RECEIPTS), 'NotMasked', 2);
    });

    it('is proposed and fixed beside an aggregate that was published before it', async () => {
      const aggregate = await anAggregate(ledger);
      await publish(ledger, members[0], aggregate);
      await propose_(1);
      for (const i of [2, 3]) await oppose(ledger, members[i]);
      await oppose(ledger, members[4]);
      assert.equal(await phaseOf(ledger), Phase.Aggregating);
      await agree_(2);
      await agree_(3);
      assert.ok((await masked()).isFixed);
    });

    it('is proposed at once by any aggregator after a failed attempt', async () => {
      await publish(ledger, members[0], await anAggregate(ledger));
      for (const i of [1, 2, 3]) await oppose(ledger, members[i]);
      await propose_(4);
    });

    it('is an aggregator\'s of the electorate to propose', async () => {
      await opened([0, 1, 2], [ALL, ALL, ALL, PARTICIPANT | SCORER]);
      await refused(propose_(3, bitmap(0, 1, 2)), 'RoleMissing', members[3].address, AGGREGATOR);
      await consortium.connect(members[1]).rotateKey(strangers[1].address);
      const late = as(strangers[1]).proposeSet(1, 1, bitmap(0, 1, 2), RECEIPTS);
      await refused(late, 'NotInElectorate', strangers[1].address, 2, 1);
    });

    it('is not for one to propose who became an aggregator later', async () => {
      const roles = [ALL, ALL, ALL, PARTICIPANT];
      await given(openJob(roles, { ...TERMS, aggregateSeconds: 2 * (RULES.voteSeconds + RULES.delaySeconds) }, MASKING));
      await ledger.openRound(1);
      await registered(ledger, members);
      await decide(ballots, members.slice(0, 3), await propose(ballots, members[1], 'proposeRoles', 3, ALL));
      await refused(propose_(3, allBut(4)), 'NotInElectorate', members[3].address, 2, 1);
      await propose_(1, allBut(4));
    });
  });

  describe('of a round, the electorate', () => {
    beforeEach(() => opened());

    it('takes no key that came later; one that acted in the epoch goes on in the open round', async () => {
      await propose_(0);
      await agree_(1);
      await consortium.connect(members[1]).rotateKey(strangers[1].address);
      await consortium.connect(members[4]).rotateKey(strangers[2].address);
      const late = (key) => as(key).agreeSet(1, 1, EVERYONE);
      await refused(late(strangers[1]), 'NotInElectorate', strangers[1].address, 2, 1);
      await reverts(late(members[4]), consortium, 'Consortium_NotMember', [members[4].address]);
      await agree_(3);
      await unmask(1);
      await refused(as(strangers[1]).unmask(1, 1, random(), '0x'), 'NotInElectorate', strangers[1].address, 2, 1);
      assert.equal((await board.setOf(1)).silent, allBut(MEMBERS, 1));
    });

    it('is not an earlier epoch\'s: a key that acted then is looked up again', async () => {
      await fixed();
      await consortium.connect(members[1]).rotateKey(strangers[1].address);
      await at(await deadlineOf(ledger) + 1n);
      await ledger.advance(1, 1);
      await ledger.connect(members[2]).openRound(1);
      await registered(ledger, [members[0], strangers[1], ...members.slice(2)], 2);
      await at(await openedUntil() + 1n);
      await propose_(2, EVERYONE, 2);
      const old = as(members[1]).agreeSet(1, 2, EVERYONE);
      await reverts(old, consortium, 'Consortium_NotMember', [members[1].address]);
      await as(strangers[1]).agreeSet(1, 2, EVERYONE);
    });
  });

  describe('are taken off', () => {
    const SET = bitmap(0, 1, 2, 3);
    beforeEach(async () => {
      await opened();
      await fixed(SET);
    });
    /** The same with 3 members more in the cast, and none of them in the set. */
    const crowded = async () => {
      await given(openJob(Array(8).fill(ALL), TERMS, MASKING));
      await ledger.openRound(1);
      await registered(ledger, members.slice(0, 4));
      await propose_(0, SET);
      for (const i of [1, 2, 3, 4]) await agree_(i, SET);
    };

    it('by each member of the set: its self seed, and shares of round keys of those outside', async () => {
      const [seed, share] = [random(), random()];
      const shares = sharesOf([4, share]);
      assert.deepEqual(await events(unmask(2, shares, seed), board), [['Unmasked', 1n, 1n, members[2].address, seed, shares]]);
      assert.deepEqual(await events(unmask(3, '0x', seed), board), [['Unmasked', 1n, 1n, members[3].address, seed, '0x']]);
      assert.equal((await board.setOf(1)).silent, bitmap(0, 1));
    });

    it('once, and by nobody outside the set', async () => {
      await unmask(2);
      await refused(unmask(2), 'AlreadyUnmasked', 1, 1, members[2].address);
      await refused(unmask(4), 'NotInSet', 1, 1, members[4].address);
      const stranger = as(strangers[0]).unmask(1, 1, random(), '0x');
      await reverts(stranger, consortium, 'Consortium_NotMember', [strangers[0].address]);
    });

    it('in time, for the round whose set is fixed', async () => {
      const { deadline } = await masked();
      await refused(unmask(2, '0x', random(), 2), 'WrongRound', 1, 2, 1);
      await at(deadline);
      await unmask(2);
      await refused(unmask(3), 'DeadlinePassed', deadline, deadline + 1n);
    });

    it('not before the set is fixed', async () => {
      await opened();
      await propose_(0, SET);
      await agree_(1, SET);
      await refused(unmask(1), 'SetNotFixed', 1, 1);
      await refused(give(1, [2, random()]), 'SetNotFixed', 1, 1);
      await refused(as(members[1]).open(1, 1, random()), 'SetNotFixed', 1, 1);
    });

    it('with no share of a secret of a member in the set or outside the cast, nor one not by ascending index', async () => {
      const share = random();
      for (const i of [0, 2, 3, 5, 254, 255]) await refused(unmask(2, sharesOf([i, share])), 'WrongShare', 0, i);
      await crowded();
      for (const i of [0, 2, 3]) await refused(unmask(2, sharesOf([i, share])), 'WrongShare', 0, i);
      await refused(unmask(2, sharesOf([4, share], [4, share])), 'WrongShare', 1, 4);
      await refused(unmask(2, sharesOf([4, share], [5, share], [3, share])), 'WrongShare', 2, 3);
      await refused(unmask(2, sharesOf([7, share], [6, share])), 'WrongShare', 1, 6);
      await refused(unmask(2, sharesOf([255, share])), 'WrongShare', 0, 255);
      await refused(unmask(2, ethers.concat([sharesOf([4, share]), '0x00'])), 'InvalidShares', 34);
      await unmask(2, sharesOf([4, share], [7, share]));
    });
  });

  describe('of silent members', () => {
    const SET = bitmap(0, 1, 2, 3);
    let deadlines, shareDeadline;
    beforeEach(async () => {
      await opened();
      await fixed(SET);
      await unmask(0);
      await unmask(2);
      deadlines = await masked();
      shareDeadline = deadlines.deadline + BigInt(MASKING.shareSeconds);
    });
    const late = () => at(deadlines.deadline + 1n);

    it('are taken off by shares of their self seeds, from anybody who holds some', async () => {
      const shares = sharesOf([1, random()], [3, random()]);
      await late();
      const given = await events(as(members[4]).giveShares(1, 1, shares), board);
      assert.deepEqual(given, [['SharesGiven', 1n, 1n, members[4].address, shares]]);
      await at(shareDeadline);
      await give(0, [3, random()]);
      await refused(give(1, [3, random()]), 'DeadlinePassed', shareDeadline, shareDeadline + 1n);
    });

    it('are, by each member once', async () => {
      await late();
      await refused(give(0, [5, random()]), 'WrongShare', 0, 5);
      await give(0, [3, random()]);
      for (const i of [1, 3]) await refused(give(0, [i, random()]), 'AlreadyGave', 1, 1, members[0].address);
      await give(1, [3, random()]);
    });

    it('are not, while these may still unmask', async () => {
      await at(deadlines.deadline);
      await refused(give(0, [1, random()]), 'DeadlineNotPassed', deadlines.deadline, deadlines.deadline);
    });

    it('and the cast\'s members outside the set, by shares of their round keys', async () => {
      await late();
      const shares = sharesOf([1, random()], [3, random()], [4, random()]);
      const given = await events(as(members[0]).giveShares(1, 1, shares), board);
      assert.deepEqual(given, [['SharesGiven', 1n, 1n, members[0].address, shares]]);
      await give(2, [4, random()]);
    });

    it('also of one who unmasked, whose self seed may be false', async () => {
      await late();
      const shares = sharesOf([0, random()], [2, random()]);
      const given = await events(as(members[1]).giveShares(1, 1, shares), board);
      assert.deepEqual(given, [['SharesGiven', 1n, 1n, members[1].address, shares]]);
    });

    it('never with a share of one outside the cast', async () => {
      await late();
      for (const i of [5, 255]) await refused(give(0, [i, random()]), 'WrongShare', 0, i);
      await refused(give(0, [3, random()], [1, random()]), 'WrongShare', 1, 1);
      await refused(give(0), 'InvalidShares', 0);
      await refused(as(members[0]).giveShares(1, 1, random()), 'InvalidShares', 32);
      const stranger = as(strangers[0]).giveShares(1, 1, sharesOf([1, random()]));
      await reverts(stranger, consortium, 'Consortium_NotMember', [strangers[0].address]);
    });
  });

  describe('of a round without a model', () => {
    const SET = bitmap(0, 1, 2, 3);
    const open = (i, key = random(), round = 1) => as(members[i]).open(1, round, key);
    beforeEach(async () => {
      await opened();
      await fixed(SET);
    });
    const ended = async () => {
      await at(await deadlineOf(ledger) + 1n);
      await ledger.advance(1, 1);
    };

    it('are taken off one by one, by members of the set', async () => {
      await ended();
      const key = random();
      assert.deepEqual(await events(open(3, key), board), [['UpdateUnmasked', 1n, 1n, members[3].address, key]]);
      await refused(open(4), 'NotInSet', 1, 1, members[4].address);
      await refused(open(3, ZERO), 'ZeroKey');
      await refused(open(3, key, 2), 'WrongRound', 1, 2, 1);
    });

    it('also once the next round is open, until it has a set', async () => {
      await ended();
      await ledger.connect(members[1]).openRound(1);
      await open(3);
      await registered(ledger, members, 2);
      await open(2);
      await at(await openedUntil());
      await open(2);
      await propose_(1, SET, 2);
      await refused(open(3), 'WrongRound', 1, 1, 2);
    });

    it('stay on while the round goes on, and where it has a model', async () => {
      await refused(open(3), 'WrongPhase', 1, 1);
      const aggregate = await anAggregate(ledger);
      await publish(ledger, members[0], aggregate);
      await refused(open(3), 'WrongPhase', 1, 1);
      for (const i of [1, 2]) await agree(ledger, members[i], await claimOf(ledger, 1, 1, aggregate));
      await refused(open(3), 'HasModel', 1, 1);
    });
  });

  it('name their ledger and its consortium', async () => {
    await given(found(Array(3).fill(ALL)));
    assert.equal(await board.ledger(), await ledger.getAddress());
    assert.equal(await board.consortium(), await consortium.getAddress());
  });
});
