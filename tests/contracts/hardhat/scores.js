'use strict';

const assert = require('node:assert/strict');
const { ethers, network } = require('hardhat');
const {
  ALL, AGGREGATOR, PARTICIPANT, SCORER, MODEL, SCORED, ScoringPhase, LARGEST_SCORE, ZERO, random, claimOf, openJob, openScored,
  finalised, published, scoreable, score, openScoring, packed, hashOf, rangeOf, lowerMedians, commitmentOf, propose,
  decide, at, deadlineOf, reverts, events, gasOf,
} = require('./support');

const MEMBERS = 4;
const VECTORS = [[5, -7, 0, 100], [6, -8, 0, -100], [7, -9, 1, 50], [-1, LARGEST_SCORE, -LARGEST_SCORE, 0]];
const bits = (...indices) => ethers.toBeHex(indices.reduce((sum, index) => sum + (1n << BigInt(index)), 0n), 32);

describe('Scores', () => {
  let world, board, ledger, consortium, ballots, members, strangers, aggregate, salts, shown;
  const given = async (made) => {
    world = await made;
    ({ scores: board, ledger, consortium, ballots, members, strangers, aggregate } = world);
    salts = members.map(random);
    shown = [];
  };
  const as = (signer) => board.connect(signer);
  const scoring = async (job = 1) => (await board.scoringOf(job)).scoring;
  const phase = async () => (await board.scoringOf(1)).phase;
  const open = (changes = {}, scorer = members[0], round = 1) => openScoring(board, scorer, { ...aggregate, ...changes }, round);
  const commit = async (i, vector = VECTORS[i], changes = {}) =>
    as(members[i]).commitScores(1, 1, await commitmentOf(board, members[i], vector, salts[i], changes));
  const reveal = async (i, vector = VECTORS[i], salt = salts[i]) => {
    const sent = await as(members[i]).revealScores(1, 1, salt, packed(vector));
    shown.push(members[i]);
    return sent;
  };
  const committed = async (...indices) => {
    await open();
    for (const i of indices) await commit(i);
  };
  const pass = async (deadline) => at((await scoring())[deadline] + 1n);
  const revealed = async (committing, revealing) => {
    await committed(...committing);
    if (committing.length < members.length) await pass('commitDeadline');
    for (const i of revealing) await reveal(i);
  };
  const settle = (vectors, medians = lowerMedians(vectors), round = 1) =>
    as(strangers[0]).settleScores(1, round, 0, rangeOf(vectors.map((_, i) => shown[i] ?? members[i % MEMBERS]), vectors), packed(medians));
  const endVoid = () => as(strangers[0]).voidScoring(1, 1);
  const wrongPhase = (call, name) => reverts(call, board, 'ScoreBoard_WrongPhase', [1, 1, ScoringPhase[name]]);
  const decided = async (call, ...args) =>
    decide(ballots, members.slice(0, 3), await propose(ballots, members[0], call, ...args));

  describe('are opened', () => {
    beforeEach(() => given(finalised(Array(MEMBERS).fill(ALL), random(), SCORED)));

    it('by a scorer, with a seed from the block before', async () => {
      const sent = await open({}, members[2]);
      const block = await sent.getBlock();
      const { chainId } = await ethers.provider.getNetwork();
      const types = ['bytes32', 'uint256', 'address', 'uint32', 'uint32', 'bytes32'];
      const claim = await claimOf(ledger, 1, 1, aggregate);
      const parts = [block.parentHash, chainId, await board.getAddress(), 1, 1, claim];
      const seed = ethers.keccak256(ethers.AbiCoder.defaultAbiCoder().encode(types, parts));
      const deadline = BigInt(block.timestamp + SCORED.scoreSeconds);
      assert.deepEqual(await events(sent, board), [
        ['ScoringOpened', 1n, 1n, members[2].address, seed, 1n, BigInt(MEMBERS), BigInt(MEMBERS), deadline],
      ]);
      const [kept, ...rest] = await board.scoringOf(1);
      const until = deadline + BigInt(SCORED.revealSeconds);
      assert.deepEqual(kept.toArray(), [1n, 1n, deadline, until, 4n, 4n, BigInt(SCORED.scorers), 0n, ScoringPhase.None]);
      assert.deepEqual(rest, [ScoringPhase.Committing, seed, ZERO, ZERO]);
      assert.equal(await board.rootOf(1, 1), ZERO);
    });

    for (const [what, changes] of [
      ['another root', { root: random() }], ['another CID', { cid: random() }],
      ['an update more refused', { verdicts: '0x00000009' }], ['an update left out', { verdicts: '0x000000' }],
    ]) {
      it(`not with ${what} than was finalised`, async () => {
        const claims = await Promise.all([{ ...aggregate, ...changes }, aggregate].map((said) => claimOf(ledger, 1, 1, said)));
        await reverts(open(changes), board, 'ScoreBoard_WrongClaim', [1, 1, ...claims]);
      });
    }

    it('not by a stranger', () =>
      reverts(open({}, strangers[0]), consortium, 'Consortium_NotMember', [strangers[0].address]));

    it('not of a job that is none', () => reverts(
      openScoring(board, members[0], aggregate, 1, 2), ledger, 'RoundLedger_UnknownJob', [2]));

    it('not of a round that is not finalised', async () => {
      await score(world, VECTORS, aggregate);
      const refused = () => reverts(open({}, members[0], 2), board, 'ScoreBoard_NoneLeft', [1, 1]);
      await refused();
      await ledger.openRound(1);
      await refused();
      await at((await deadlineOf(ledger)) + 1n);
      await ledger.advance(1, 2);
      await refused();
    });

    it('not twice, even where the first came to nothing', async () => {
      await open();
      await reverts(open({}, members[1]), board, 'ScoreBoard_StillOpen', [1, 1]);
      await pass('commitDeadline');
      await reverts(open({}, members[1]), board, 'ScoreBoard_StillOpen', [1, 1]);
      await endVoid();
      await reverts(open({}, members[1]), board, 'ScoreBoard_RoundPassed', [1, 1, 1]);
    });

    it('not while another round of the job is scored, nor of a round before the last', async () => {
      const first = aggregate;
      const second = await scoreable(world, 2, '0x0000');
      await open();
      for (const [made, round] of [[first, 1], [second, 2]]) {
        await reverts(openScoring(board, members[0], made, round), board, 'ScoreBoard_StillOpen', [1, 1]);
      }
      await pass('commitDeadline');
      await endVoid();
      await openScoring(board, members[0], second, 2);
      await pass('commitDeadline');
      await board.voidScoring(1, 2);
      await reverts(openScoring(board, members[0], first, 1), board, 'ScoreBoard_RoundPassed', [1, 1, 2]);
    });

    it('of every finalised round in turn: none is left out', async () => {
      await given(finalised(Array(MEMBERS).fill(ALL), random(), { ...SCORED, rounds: 4 }));
      const second = await scoreable(world, 2, '0x0000');
      const leavesOut = async (made, round, [next, nextRound]) => {
        const [claim, due] = [await claimOf(ledger, 1, round, made), await claimOf(ledger, 1, nextRound, next)];
        await reverts(openScoring(board, members[0], made, round), board, 'ScoreBoard_WrongClaim', [1, round, claim, due]);
      };
      await leavesOut(second, 2, [aggregate, 1]);
      await score(world, VECTORS, aggregate);
      await ledger.openRound(1);
      await at((await deadlineOf(ledger)) + 1n);
      await ledger.advance(1, 3);
      const fourth = await scoreable(world, 4, '0x0000');
      await leavesOut(fourth, 4, [second, 2]);
      await score(world, Array(MEMBERS).fill([7, 8]), second, 2);
      await openScoring(board, members[0], fourth, 4);
    });

    it('at the same cost after any number of abandoned rounds', async () => {
      await given(finalised(Array(MEMBERS).fill(ALL), random(), SCORED));
      await score(world, VECTORS, aggregate);
      const state = await network.provider.send('evm_snapshot');
      const used = [];
      for (const abandoned of [0, 40]) {
        for (let round = 2; round < 2 + abandoned; ++round) {
          await ledger.openRound(1);
          await at((await deadlineOf(ledger)) + 1n);
          await ledger.advance(1, round);
        }
        const next = await scoreable(world, abandoned + 2, '0x0000');
        used.push(await gasOf(openScoring(board, members[0], next, abandoned + 2)));
        if (abandoned === 0) await network.provider.send('evm_revert', [state]);
      }
      // Calldata: a byte costs 16 gas, or 4 where it is zero.
      assert.ok(Math.abs(used[1] - used[0]) < 12 * 20, `${used}`);
    });

    it('only where an update was admitted', async () => {
      await given(openJob(Array(MEMBERS).fill(ALL), SCORED));
      const none = await scoreable(world, 1, '0x0902');
      await reverts(openScoring(board, members[0], none), board, 'ScoreBoard_NothingAdmitted', [1, 1]);
    });

    it('of the admitted updates alone', async () => {
      await given(openScored(MEMBERS, 5, SCORED));
      const some = await scoreable(world, 1, '0x0009000200');
      await openScoring(board, members[0], some);
      assert.equal((await scoring()).updates, 3n);
    });

    it('of jobs side by side', async () => {
      const digest = random();
      await ledger.proposeJob(digest, SCORED, MODEL);
      for (const member of members.slice(1, 3)) await ledger.connect(member).approveJob(2, digest);
      await open();
      await reverts(openScoring(board, members[0], aggregate, 1, 2), board, 'ScoreBoard_NoneLeft', [2, 0]);
      assert.equal((await scoring(2)).round, 0n);
    });

    it('not in a job without scores', async () => {
      await given(finalised());
      await reverts(open(), board, 'ScoreBoard_NoScores', [1]);
    });

    it('not by a member that is not a scorer', async () => {
      await given(finalised([ALL, ALL, ALL, PARTICIPANT | AGGREGATOR], random(), SCORED));
      await reverts(open({}, members[3]), board, 'ScoreBoard_RoleMissing', [members[3].address, SCORER]);
      await open();
      assert.equal((await scoring()).scorers, 3n);
    });

    it('not where fewer scorers are left than must reveal', async () => {
      await given(finalised(Array(MEMBERS).fill(ALL), random(), { ...SCORED, scorers: 4 }));
      await decided('proposeRoles', 3, PARTICIPANT);
      await reverts(open(), board, 'ScoreBoard_TooFewScorers', [3, 4]);
    });
  });

  describe('are committed to', () => {
    beforeEach(async () => {
      await given(finalised(Array(MEMBERS).fill(ALL), random(), SCORED));
      await open();
    });

    it('by a hash', async () => {
      const commitment = random();
      assert.deepEqual(await events(as(members[1]).commitScores(1, 1, commitment), board), [
        ['ScoresCommitted', 1n, 1n, members[1].address, commitment],
      ]);
      assert.equal((await board.scoringOf(1)).committed, bits(1));
    });

    it('once', async () => {
      await commit(1);
      await reverts(commit(1), board, 'ScoreBoard_AlreadyCommitted', [1, 1, members[1].address]);
    });

    it('until the deadline\'s second', async () => {
      const { commitDeadline } = await scoring();
      await at(commitDeadline);
      await commit(0);
      await at(commitDeadline + 1n);
      await wrongPhase(commit(1), 'Revealing');
      await pass('revealDeadline');
      await wrongPhase(commit(1), 'Over');
      await endVoid();
      await wrongPhase(commit(1), 'Void');
    });

    it('for the current round', async () => {
      for (const round of [0, 2]) {
        await reverts(as(members[0]).commitScores(1, round, random()), board, 'ScoreBoard_WrongRound', [1, round, 1]);
      }
      await reverts(as(members[0]).commitScores(2, 0, random()), board, 'ScoreBoard_WrongRound', [2, 0, 0]);
    });

    it('by no stranger', () => reverts(
      as(strangers[0]).commitScores(1, 1, random()), consortium, 'Consortium_NotMember', [strangers[0].address]));

    it('by no key that came later, and by no retired one', async () => {
      const fresh = strangers[0];
      await consortium.connect(members[1]).rotateKey(fresh.address);
      await reverts(as(fresh).commitScores(1, 1, random()), board, 'ScoreBoard_NotInElectorate', [fresh.address, 2, 1]);
      await reverts(commit(1), consortium, 'Consortium_NotMember', [members[1].address]);
    });

    it('by nobody once every scorer has', async () => {
      for (const i of members.keys()) await commit(i);
      assert.equal(await phase(), ScoringPhase.Revealing);
      await consortium.connect(members[1]).rotateKey(strangers[0].address);
      await reverts(as(strangers[0]).commitScores(1, 1, random()), board, 'ScoreBoard_NotInElectorate');
    });
  });

  describe('are committed to by scorers', () => {
    const terms = { ...SCORED, scoreSeconds: 10_000 };

    it('that still are', async () => {
      await given(finalised(Array(MEMBERS).fill(ALL), random(), terms));
      await open();
      await decided('proposeRoles', 3, PARTICIPANT);
      await reverts(commit(3), board, 'ScoreBoard_RoleMissing', [members[3].address, SCORER]);
    });

    it('that were when the scoring was opened', async () => {
      await given(finalised([ALL, ALL, ALL, PARTICIPANT | AGGREGATOR], random(), terms));
      await open();
      await decided('proposeRoles', 3, ALL);
      await reverts(commit(3), board, 'ScoreBoard_NotInElectorate', [members[3].address, 2, 1]);
      for (const i of [0, 1, 2]) await commit(i);
      assert.equal(await phase(), ScoringPhase.Revealing);
    });
  });

  describe('are revealed', () => {
    beforeEach(() => given(finalised(Array(MEMBERS).fill(ALL), random(), SCORED)));
    const notCommitted = (call, signer) => reverts(call, board, 'ScoreBoard_NotWhatWasCommitted', [1, 1, signer.address]);

    it('by the scorers that committed to them', async () => {
      await committed(0, 1);
      await pass('commitDeadline');
      assert.deepEqual(await events(reveal(1), board), [
        ['ScoresRevealed', 1n, 1n, members[1].address, salts[1], packed(VECTORS[1])],
      ]);
      assert.equal((await board.scoringOf(1)).revealed, bits(1));
      await reverts(reveal(2), board, 'ScoreBoard_NotCommitted', [1, 1, members[2].address]);
      await reverts(
        as(strangers[0]).revealScores(1, 1, salts[0], packed(VECTORS[0])), board, 'ScoreBoard_NotCommitted',
        [1, 1, strangers[0].address]);
    });

    it('not before the deadline, while one has not committed', async () => {
      await committed(0, 1, 2);
      await at((await scoring()).commitDeadline);
      await wrongPhase(reveal(0), 'Committing');
      await reveal(0);
    });

    it('at once where every scorer has committed', async () => {
      await committed(0, 1, 2, 3);
      await reveal(3);
      assert.equal(await phase(), ScoringPhase.Revealing);
    });

    it('until the deadline\'s second', async () => {
      await committed(0, 1);
      const { revealDeadline } = await scoring();
      await at(revealDeadline);
      await reveal(0);
      await at(revealDeadline + 1n);
      await wrongPhase(reveal(1), 'Over');
      await endVoid();
      await wrongPhase(reveal(1), 'Void');
    });

    it('once', async () => {
      await revealed([0, 1], [0]);
      const again = () => reverts(reveal(0), board, 'ScoreBoard_AlreadyRevealed', [1, 1, members[0].address]);
      await again();
      await reveal(1);
      await settle([VECTORS[0], VECTORS[1]]);
      await again();
    });

    it('as they were committed to', async () => {
      await committed(0, 1, 2, 3);
      await notCommitted(reveal(0, [5, -7, 0, 101]), members[0]);
      await notCommitted(reveal(0, VECTORS[0], random()), members[0]);
      await notCommitted(reveal(0, VECTORS[1], salts[1]), members[0]);
    });

    for (const [what, changes] of [
      ['another chain', { chainId: 1 }], ['another board', { board: ethers.ZeroAddress }], ['another job', { job: 2 }],
      ['another round', { round: 2 }],
    ]) {
      it(`not where they were committed to for ${what}`, async () => {
        await open();
        for (const i of [0, 1, 2]) await commit(i);
        await commit(3, VECTORS[3], changes);
        await notCommitted(reveal(3), members[3]);
      });
    }

    it('not by a copier of the commitment, before or after its owner', async () => {
      await open();
      const copied = await commitmentOf(board, members[0], VECTORS[0], salts[0]);
      for (const member of members.slice(0, 3)) await as(member).commitScores(1, 1, copied);
      await commit(3);
      await notCommitted(as(members[1]).revealScores(1, 1, salts[0], packed(VECTORS[0])), members[1]);
      await reveal(0);
      await notCommitted(as(members[2]).revealScores(1, 1, salts[0], packed(VECTORS[0])), members[2]);
    });

    for (const [what, vector] of [
      ['one less', [1, 2, 3]], ['one more', [1, 2, 3, 4, 5]], ['none', []],
    ]) {
      it(`not as ${what} than updates`, async () => {
        await open();
        for (const i of [0, 1, 2]) await commit(i);
        await commit(3, vector);
        await reverts(reveal(3, vector), board, 'ScoreBoard_WrongLength', [4 * vector.length, 16]);
      });
    }

    it('not in part', async () => {
      await committed(0, 1, 2, 3);
      await reverts(as(members[0]).revealScores(1, 1, salts[0], `${packed(VECTORS[0])}00`), board, 'ScoreBoard_WrongLength', [17, 16]);
    });

    for (const [place, wrong] of [
      [0, LARGEST_SCORE + 1], [3, -LARGEST_SCORE - 1], [1, 2 ** 31 - 1], [2, -(2 ** 31)], [0, 2 ** 30], [1, -(2 ** 30)],
      [2, 2 ** 30 + 1], [3, -(2 ** 30) - 1],
    ]) {
      it(`not out of range: ${wrong} at place ${place}`, async () => {
        const vector = VECTORS[3].with ? VECTORS[3].with(place, wrong) : VECTORS[3].map((v, i) => (i === place ? wrong : v));
        await open();
        for (const i of [0, 1, 2]) await commit(i);
        await commit(3, vector);
        await reverts(reveal(3, vector), board, 'ScoreBoard_ScoreOutOfRange', [place, wrong]);
      });
    }

    it('by the key that committed, even if it was retired or its member removed since', async () => {
      await given(finalised(Array(5).fill(ALL), random(), { ...SCORED, revealSeconds: 10_000 }));
      const vector = [1, 2, 3, 4, 5];
      await open();
      for (const i of [0, 1, 2]) await commit(i, vector);
      await pass('commitDeadline');
      const fresh = strangers[0];
      await consortium.connect(members[1]).rotateKey(fresh.address);
      await notCommitted(as(fresh).revealScores(1, 1, salts[1], packed(vector)), fresh);
      await decide(ballots, [members[0], members[3], members[4]], await propose(ballots, members[0], 'proposeRemoval', 2));
      await reveal(1, vector);
      await reveal(2, vector);
    });
  });

  describe('are settled', () => {
    beforeEach(() => given(finalised(Array(MEMBERS).fill(ALL), random(), SCORED)));

    it('on the lower median of what was revealed, with those that withheld', async () => {
      await revealed([0, 1, 3], [0, 1]);
      await pass('revealDeadline');
      const vectors = [VECTORS[0], VECTORS[1]];
      const medians = [5, -8, 0, -100];
      const { seed } = await board.scoringOf(1);
      const said = vectors.reduce(
        (word, vector, i) => ethers.keccak256(ethers.concat([word, hashOf(members[i].address, vector)])), seed);
      const begun = ethers.keccak256(ethers.AbiCoder.defaultAbiCoder().encode(
        ['uint32', 'uint32', 'bytes32', 'bytes32', 'bytes32', 'bytes32'], [1, 1, seed, bits(3), bits(0, 1), said]));
      const root = ethers.keccak256(ethers.concat([begun, packed(medians)]));
      assert.deepEqual(await events(settle(vectors, medians), board), [
        ['MediansSettled', 1n, 1n, 0n, packed(medians)],
        ['ScoresSettled', 1n, 1n, root, bits(3)],
      ]);
      assert.equal(await board.rootOf(1, 1), root);
      const [kept, now_, noSeed] = await board.scoringOf(1);
      assert.deepEqual([kept.ended, now_, noSeed], [ScoringPhase.Settled, ScoringPhase.Settled, ZERO]);
    });

    it('as soon as all that committed have revealed', async () => {
      await committed(0, 1, 2, 3);
      for (const i of [3, 1, 0]) await reveal(i);
      await wrongPhase(settle(VECTORS), 'Revealing');
      await reveal(2);
      await reverts(
        as(strangers[0]).settleScores(1, 1, 0, rangeOf(members, VECTORS), packed([5, -8, 0, 0])), board,
        'ScoreBoard_NotWhatWasRevealed', [0]);
      const settled = await events(settle([3, 1, 0, 2].map((i) => VECTORS[i])), board);
      assert.deepEqual([settled[0][4], settled[1][4]], [packed([5, -8, 0, 0]), ZERO]);
    });

    it('not while scorers may commit', async () => {
      await committed(0, 1);
      await wrongPhase(settle([VECTORS[0], VECTORS[1]]), 'Committing');
    });

    it('once', async () => {
      await revealed([0, 1, 2, 3], [0, 1, 2, 3]);
      await settle(VECTORS);
      await wrongPhase(settle(VECTORS), 'Settled');
      await wrongPhase(endVoid(), 'Settled');
    });

    it('for the current round', async () => {
      await reverts(settle(VECTORS), board, 'ScoreBoard_WrongRound', [1, 1, 0]);
      await reverts(endVoid(), board, 'ScoreBoard_WrongRound', [1, 1, 0]);
      await revealed([0, 1, 2, 3], [0, 1, 2, 3]);
      await reverts(settle(VECTORS, lowerMedians(VECTORS), 2), board, 'ScoreBoard_WrongRound', [1, 2, 1]);
    });

    it('not with a vector left out, one too many, doubled, swapped or forged', async () => {
      await revealed([0, 1, 2, 3], [0, 1, 2, 3]);
      const [a, b, c, d] = VECTORS;
      const medians = lowerMedians(VECTORS);
      const wrongLength = (vectors) => reverts(
        settle(vectors, medians), board, 'ScoreBoard_WrongLength', [48 * vectors.length, 192]);
      const forged = (...vectors) => reverts(settle(vectors, medians), board, 'ScoreBoard_NotWhatWasRevealed', [0]);
      await wrongLength([a, b, c]);
      await wrongLength([a, b, c, d, d]);
      await forged(a, a, c, d);
      await forged(b, a, c, d);
      await forged(a, b, c, [-1, LARGEST_SCORE, -LARGEST_SCORE, 1]);
    });

    it('not with what was committed to and never revealed', async () => {
      await open();
      await commit(0);
      await commit(1);
      // The commitment is made to look like the hash of scores that were revealed.
      await as(members[2]).commitScores(1, 1, hashOf(members[2].address, VECTORS[2]));
      await pass('commitDeadline');
      await reveal(0);
      await reveal(1);
      await pass('revealDeadline');
      const [a, b, c] = VECTORS;
      await reverts(settle([a, c], lowerMedians([a, c])), board, 'ScoreBoard_NotWhatWasRevealed', [0]);
      await reverts(settle([a, b, c]), board, 'ScoreBoard_WrongLength', [144, 96]);
    });

    it('not with another number of medians', async () => {
      await revealed([0, 1, 2, 3], [0, 1, 2, 3]);
      for (const medians of [[], [5, -8, 0], [5, -8, 0, 0, 0]]) {
        await reverts(settle(VECTORS, medians), board, 'ScoreBoard_WrongRange', [0, medians.length, 0, 4]);
      }
    });

    it('not with a median out of range', async () => {
      await revealed([0, 1, 2, 3], [0, 1, 2, 3]);
      for (const wrong of [LARGEST_SCORE + 1, -LARGEST_SCORE - 1, -(2 ** 31) + 5, 2 ** 31 - 1]) {
        await reverts(settle(VECTORS, [5, -8, 0, wrong]), board, 'ScoreBoard_ScoreOutOfRange', [3, wrong]);
      }
    });

    it('not below the quorum', async () => {
      await revealed([0, 1, 2], [1]);
      await pass('revealDeadline');
      await reverts(settle([VECTORS[1]]), board, 'ScoreBoard_BelowQuorum', [1, 2]);
    });
  });

  describe('are settled in ranges', () => {
    const vectors = Array.from({ length: 3 }, (_, i) => Array.from({ length: 70 }, (_, j) => (i * 7919 + j * 104729) % 2001 - 1000));
    const medians = lowerMedians(vectors);
    const range = (start, count, changed = medians) => as(strangers[0]).settleScores(
      1, 1, start, rangeOf(shown, vectors, start, count), packed(changed.slice(start, start + count)));
    beforeEach(async () => {
      await given(openScored(3, 70, { ...SCORED, scorers: 3 }));
      aggregate = await scoreable(world, 1, `0x${'00'.repeat(70)}`);
      await open();
      for (const [place, i] of [2, 0, 1].entries()) await commit(i, vectors[place]);
      for (const [place, i] of [2, 0, 1].entries()) await reveal(i, vectors[place]);
    });

    it('of whole chunks, in order, to the last update', async () => {
      const wrong = (start, count) => reverts(
        range(start, count), board, 'ScoreBoard_WrongRange', [start, count, 0, 70]);
      for (const [start, count] of [[32, 32], [0, 31], [0, 33], [0, 0]]) await wrong(start, count);
      assert.deepEqual(await events(range(0, 32), board), [
        ['MediansSettled', 1n, 1n, 0n, packed(medians.slice(0, 32))],
      ]);
      const [kept, now_, seed] = await board.scoringOf(1);
      assert.deepEqual([kept.settled, now_, seed, await board.rootOf(1, 1)], [32n, ScoringPhase.Over, ZERO, ZERO]);
      for (const [start, count] of [[0, 32], [64, 6], [32, 6], [32, 37]]) {
        await reverts(range(start, count), board, 'ScoreBoard_WrongRange', [start, count, 32, 70]);
      }
      const changed = medians.map((median, i) => median + (i === 40));
      await reverts(range(32, 38, changed), board, 'ScoreBoard_WrongMedian', [8, changed[40]]);
      const [last, ended] = await events(range(32, 38), board);
      assert.deepEqual(last, ['MediansSettled', 1n, 1n, 32n, packed(medians.slice(32))]);
      assert.equal(ended[3], await board.rootOf(1, 1));
    });

    it('or void, where nobody settles the last in time', async () => {
      await range(0, 64);
      const { commitDeadline, revealDeadline } = await scoring();
      const settleDeadline = 2n * revealDeadline - commitDeadline;
      await at(settleDeadline);
      await reverts(endVoid(), board, 'ScoreBoard_QuorumReached', [3, 3, settleDeadline]);
      await at(settleDeadline + 1n);
      assert.deepEqual(await events(endVoid(), board), [['ScoringVoid', 1n, 1n, ZERO]]);
      assert.equal(await board.rootOf(1, 1), ZERO);
      await wrongPhase(range(64, 6), 'Void');
      const second = await scoreable(world, 2, '0x0000');
      assert.notEqual(await score(world, Array(3).fill([7, 8]), second, 2), ZERO);
    });

    it('even late, where nobody made them void', async () => {
      const { revealDeadline } = await scoring();
      await at(revealDeadline + 10_000n);
      await range(0, 70);
      assert.equal(await phase(), ScoringPhase.Settled);
    });
  });

  describe('have for each update the median, and nothing else,', () => {
    for (const [size, updates] of [[3, 1], [4, 8], [5, 9], [7, 17]]) {
      it(`of ${size} scorers for ${updates} updates`, async () => {
        const terms = { ...SCORED, scorers: size };
        await given(openScored(size, updates, terms));
        aggregate = await scoreable(world, 1, `0x${'00'.repeat(updates)}`);
        const vectors = members.map((_, i) => Array.from({ length: updates }, (_, j) => ((i * 7 + j * 3) % 11 - 5) * 90_000_000));
        const medians = lowerMedians(vectors);
        await open();
        for (const i of members.keys()) await commit(i, vectors[i]);
        for (const i of members.keys()) await reveal(i, vectors[i]);
        for (let place = 0; place < updates; ++place) {
          const column = vectors.map((vector) => vector[place]).sort((a, b) => a - b);
          const others = column.filter((value) => value !== medians[place]);
          for (const wrong of [...others, medians[place] - 1, medians[place] + 1, column[0] - 1, column[size - 1] + 1]) {
            const claimed = medians.map((median, i) => (i === place ? wrong : median));
            await reverts(settle(vectors, claimed), board, 'ScoreBoard_WrongMedian', [place, wrong]);
          }
        }
        await settle(vectors, medians);
      });
    }
  });

  describe('are void', () => {
    beforeEach(() => given(finalised(Array(MEMBERS).fill(ALL), random(), SCORED)));

    it('where too few were revealed, with those that withheld', async () => {
      await revealed([0, 1, 2], [1]);
      await wrongPhase(endVoid(), 'Revealing');
      await pass('revealDeadline');
      assert.deepEqual(await events(endVoid(), board), [['ScoringVoid', 1n, 1n, bits(0, 2)]]);
      assert.equal(await phase(), ScoringPhase.Void);
      assert.equal(await board.rootOf(1, 1), ZERO);
      await wrongPhase(endVoid(), 'Void');
      await wrongPhase(settle([VECTORS[1]]), 'Void');
    });

    it('at once where nobody committed, or all of too few revealed', async () => {
      await open();
      await at((await scoring()).commitDeadline);
      await wrongPhase(endVoid(), 'Committing');
      await endVoid();
      aggregate = await scoreable(world, 2, '0x00');
      await openScoring(board, members[0], aggregate, 2);
      const commitment = await commitmentOf(board, members[0], [1], salts[0], { round: 2 });
      await as(members[0]).commitScores(1, 2, commitment);
      await pass('commitDeadline');
      await as(members[0]).revealScores(1, 2, salts[0], packed([1]));
      await board.voidScoring(1, 2);
    });

    it('not where enough were revealed', async () => {
      await revealed([0, 1, 2], [1, 2]);
      await pass('revealDeadline');
      const { revealDeadline } = await scoring();
      await reverts(endVoid(), board, 'ScoreBoard_QuorumReached', [2, 2, revealDeadline + BigInt(SCORED.revealSeconds)]);
      await at(revealDeadline + BigInt(SCORED.revealSeconds) + 1n);
      await endVoid();
    });
  });

  it('of one round leave nothing to the next but their root', async () => {
    await given(finalised(Array(MEMBERS).fill(ALL), random(), SCORED));
    const first = await score(world, VECTORS, aggregate);
    const second = await scoreable(world, 2, '0x0000');
    await openScoring(board, members[0], second, 2);
    const [, now_, seed, committedNow, revealedNow] = await board.scoringOf(1);
    assert.deepEqual([now_, committedNow, revealedNow], [ScoringPhase.Committing, ZERO, ZERO]);
    assert.deepEqual([await board.rootOf(1, 1), await board.rootOf(1, 2)], [first, ZERO]);
    await pass('commitDeadline');
    await reverts(as(members[0]).revealScores(1, 2, salts[0], packed([1, 2])), board, 'ScoreBoard_NotCommitted');
    await board.voidScoring(1, 2);
    assert.deepEqual([await board.rootOf(1, 1), await board.rootOf(1, 2)], [first, ZERO]);
    assert.notEqual(seed, first);
    const third = await scoreable(world, 3, '0x0000');
    const last = await score(world, Array(MEMBERS).fill([7, 8]), third, 3);
    assert.deepEqual([await board.rootOf(1, 1), await board.rootOf(1, 3)], [first, last]);
  });

  it('need no finished round, and no open job', async () => {
    await given(finalised(Array(MEMBERS).fill(ALL), random(), SCORED));
    await decided('proposeClosing', 1);
    assert.notEqual(await score(world, VECTORS, aggregate), ZERO);
    await given(published(Array(MEMBERS).fill(ALL), SCORED));
    await reverts(open(), board, 'ScoreBoard_NoneLeft', [1, 0]);
  });
});
