'use strict';

const assert = require('node:assert/strict');
const { ethers, network } = require('hardhat');
const {
  ALL, random, openJob, openScored, at, gasOf, printed, found, deploy, finalised, propose, decide, signed, signedProposal,
  nameOf, wallets, Choice, Kind, SCORED, score, scoreable, openScoring, packed, settle, commitmentOf,
} = require('./support');

const SCORE = { commit: 45_000, reveal: 60_000, update: 1_800 };
const SCORERS = 7;
const UPDATES = 64;
const SCORERS_AT_MOST = 64;
const MOST = 400_000;
const TIMES = ['updateSeconds', 'openSeconds', 'aggregateSeconds', 'attestSeconds', 'scoreSeconds', 'revealSeconds'];
const VOTE = { direct: 36_500, signed: 42_000, inBatch: 13_000 };

describe('Gas', () => {
  const table = printed();

  it('of closing a vote of 40 members', async () => {
    const { ballots, members } = await found(Array(40).fill(ALL));
    const { proposal } = await propose(ballots, members[0], 'proposeRemoval', 1);
    for (const member of members.slice(0, 21)) await ballots.connect(member).vote(proposal, Choice.For);
    table.push(['close, 40 members', await gasOf(ballots.close(proposal))]);
  });

  describe('of a vote by any of 255 members', () => {
    const ranges = { low: [0, 63], high: [64, 254] };
    let ballots, members, proposal, state;
    before(async () => {
      members = await wallets(255);
      ({ ballots } = await deploy(members.map(({ address }) => address), Array(255).fill(ALL)));
      table.push(['proposeRemoval, 255 members', await gasOf(ballots.connect(members[0]).proposeRemoval(1))]);
      proposal = await ballots.idOf(members[0].address, 1, Kind.RemoveMember, ethers.zeroPadValue('0x01', 32));
      state = await network.provider.send('evm_snapshot', []);
    });
    afterEach(async () => {
      await network.provider.send('evm_revert', [state]);
      state = await network.provider.send('evm_snapshot', []);
    });
    const limited = (what, used, limit) => {
      for (const [range, [first, last]] of Object.entries(ranges)) {
        const some = used.slice(first, last + 1);
        table.push([`${what}, members ${first} to ${last}, least and most`, Math.min(...some), Math.max(...some)]);
        assert.ok(Math.max(...some) <= limit, `${range}: ${Math.max(...some)} gas`);
      }
    };

    it(`is at most ${VOTE.direct} direct`, async () => {
      const used = [];
      for (const member of members) used.push(await gasOf(ballots.connect(member).vote(proposal, Choice.For)));
      limited('vote', used, VOTE.direct);
      table.push(['close, 255 members', await gasOf(ballots.close(proposal))]);
    });

    it(`is at most ${VOTE.signed} by signature`, async () => {
      const used = [];
      for (const member of members) {
        used.push(await gasOf(ballots.voteBySignature(proposal, Kind.RemoveMember, await signed(ballots, member, proposal))));
      }
      limited('voteBySignature', used, VOTE.signed);
      assert.deepEqual((await ballots.tallyOf(proposal)).toArray(), [255n, 0n, 0n]);
    });

    for (const [what, step, next] of [['neighbours', 1, 32], ['members of every word', 7, 1]]) {
      it(`is at most ${VOTE.inBatch} in a batch of 32 ${what}`, async () => {
        const used = [];
        for (let turn = 0; turn < 7; ++turn) {
          const some = Array.from({ length: 32 }, (_, i) => members[turn * next + i * step]);
          const batch = await Promise.all(some.map((member) => signed(ballots, member, proposal)));
          used.push(Math.round(await gasOf(ballots.voteBatch(proposal, Kind.RemoveMember, batch)) / 32));
        }
        table.push([`voteBatch of 32 ${what}, each, least and most`, Math.min(...used), Math.max(...used)]);
        assert.deepEqual((await ballots.tallyOf(proposal)).toArray(), [224n, 0n, 0n]);
        assert.ok(Math.max(...used) <= VOTE.inBatch, `${used}`);
      });
    }

    it('is no more in the last second, nor where it decides', async () => {
      await ballots.voteBatch(
        proposal, Kind.RemoveMember, await Promise.all(members.slice(0, 127).map((member) => signed(ballots, member, proposal))));
      await at((await ballots.proposalOf(proposal)).deadline);
      const used = await gasOf(ballots.connect(members[254]).vote(proposal, Choice.For));
      assert.ok(used <= VOTE.direct, `${used} gas`);
    });
  });

  it('of proposals and their execution', async () => {
    const world = await finalised(Array(4).fill(ALL), random(), SCORED);
    const { ballots, members, root } = world;
    const scores = await score(world, Array(4).fill([1, 2, 3, 4]), world.aggregate);
    const text = (word) => ethers.encodeBytes32String(word);
    const release = [text('cardio'), text('1.0'), 1, 1, root, scores, random()];
    const proposing = await gasOf(ballots.proposeRemoval(1));
    table.push(['proposeRemoval, first of a key', proposing]);
    table.push(['proposeRemoval', await gasOf(ballots.proposeRemoval(2))]);
    const action = ethers.zeroPadValue('0x01', 32);
    const ready = await signedProposal(ballots, members[1], Kind.RemoveMember, action);
    table.push(['proposeBySignature, of a removal', await gasOf(ballots.proposeBySignature(Kind.RemoveMember, action, ready))]);
    const made = await propose(ballots, members[0], 'proposeRelease', release);
    table.push(['execute, of a release', await gasOf(decide(ballots, members.slice(0, 3), made))]);
    const revoking = await gasOf(ballots.proposeRevocation(text('cardio'), text('1.0'), random()));
    table.push(['proposeRevocation, for a reason of more than 32 signs', revoking]);
    for (const name of ['Delta', 'n'.repeat(64)]) {
      const keyed = () => [ethers.Wallet.createRandom().address, ALL, nameOf(name)];
      const proposal = await gasOf(ballots.proposeAdmission(...keyed()));
      const admission = await propose(ballots, members[0], 'proposeAdmission', ...keyed());
      const used = [proposal, await gasOf(decide(ballots, members.slice(0, 3), admission))];
      table.push([`proposeAdmission and execute, of a name of ${name.length} bytes`, ...used]);
      assert.ok(Math.max(...used, revoking) <= MOST);
    }
  });

  it(`of ${SCORERS} × ${UPDATES} scores: commit ≤ ${SCORE.commit}, reveal ≤ ${SCORE.reveal}, settle ≤ ${SCORE.update} each`, async () => {
    const terms = { ...SCORED, scorers: 4 };
    const world = await openScored(SCORERS, UPDATES, terms);
    const { scores: board, members } = world;
    const rows = [];
    for (const round of [1, 2, 3]) {
      const aggregate = await scoreable(world, round, `0x${'00'.repeat(UPDATES)}`);
      const row = { openScoring: await gasOf(openScoring(board, members[0], aggregate, round)) };
      // No byte of them is zero: the dearest calldata.
      const vectors = members.map((_, i) => Array.from({ length: UPDATES }, (_, j) => 0x01010101 * ((i * 5 + j) % 7 + 1)));
      const salts = members.map(random);
      for (const [i, member] of members.entries()) {
        const commitment = await commitmentOf(board, member, vectors[i], salts[i], { round });
        row.commitScores = await gasOf(board.connect(member).commitScores(1, round, commitment));
      }
      for (const [i, member] of members.entries()) {
        row.revealScores = await gasOf(board.connect(member).revealScores(1, round, salts[i], packed(vectors[i])));
      }
      row.settleScores = await gasOf((await settle(board, members, vectors, round))[0]);
      row['settleScores, for each update'] = Math.round(row.settleScores / UPDATES);
      rows.push(row);
    }
    for (const what of Object.keys(rows[0])) table.push([what, rows[0][what], rows[2][what]]);
    for (const { commitScores, revealScores, settleScores } of rows.slice(1)) {
      assert.ok(commitScores <= SCORE.commit && revealScores <= SCORE.reveal, `${commitScores}, ${revealScores}`);
      assert.ok(settleScores / UPDATES <= SCORE.update, `${settleScores}`);
    }
  });

  for (const size of [4, 64, 255]) {
    it(`of the scores of ${size} updates by ${size} members: at most ${MOST.toLocaleString('en')} in any call`, async () => {
      const updates = size;
      const scorers = Math.min(size, SCORERS_AT_MOST);
      const terms = { ...SCORED, ...Object.fromEntries(TIMES.map((name) => [name, 1000])), scorers };
      const world = await openJob(Array(size).fill(ALL), terms);
      const { scores: board, members } = world;
      const aggregate = await scoreable(world, 1, `0x${'00'.repeat(updates)}`);
      const used = { openScoring: [await gasOf(openScoring(board, members[0], aggregate))], commitScores: [], revealScores: [] };
      const panel = members.slice(size - scorers);
      const vectors = panel.map((_, i) => Array.from({ length: updates }, (_, j) => 0x01010101 * ((i * 5 + j) % 57 + 1)));
      const salts = panel.map(random);
      for (const [i, member] of panel.entries()) {
        const commitment = await commitmentOf(board, member, vectors[i], salts[i]);
        used.commitScores.push(await gasOf(board.connect(member).commitScores(1, 1, commitment)));
      }
      for (const [i, member] of panel.entries()) {
        used.revealScores.push(await gasOf(board.connect(member).revealScores(1, 1, salts[i], packed(vectors[i]))));
      }
      used.settleScores = await Promise.all((await settle(board, panel, vectors)).map(gasOf));
      for (const [call, gas] of Object.entries(used)) {
        const what = `${size} members, ${updates} updates: ${call}, ${gas.length}, least and most`;
        table.push([what, Math.min(...gas), Math.max(...gas)]);
        assert.ok(Math.max(...gas) <= MOST, `${call}: ${Math.max(...gas)}`);
      }
      assert.notEqual(await board.rootOf(1, 1), ethers.ZeroHash);
    });
  }

  for (const size of [4, 64, 255]) {
    it(`of keys, ${size} members: at most ${MOST.toLocaleString('en')} in any call`, async () => {
      const members = await wallets(size + 1);
      const fresh = members.pop().address;
      const { consortium } = await deploy(members.map(({ address }) => address), Array(size).fill(ALL));
      const approvals = [];
      for (const member of members.slice(0, Math.floor(size / 2) + 1)) {
        approvals.push(await gasOf(consortium.connect(member).approveRotation(size - 1, fresh)));
      }
      const [first, next, last] = [approvals[0], approvals[1], approvals.at(-1)];
      table.push([`${size} members: approveRotation, first, next, last`, first, next, last]);
      assert.equal(await consortium.keyOf(size - 1), fresh);
      const rotation = await gasOf(consortium.connect(members[0]).rotateKey(ethers.toBeHex(0xbeef, 20)));
      table.push([`${size} members: rotateKey`, rotation]);
      assert.ok(Math.max(first, next, last, rotation) <= MOST);
    });
  }

  it('of deployment', async () => {
    const { ledger, consortium, scores, releases, ballots } = await found([ALL, ALL, ALL, ALL]);
    table.push(['deploy Consortium', await gasOf(consortium.deploymentTransaction())]);
    table.push(['deploy RoundLedger', await gasOf(ledger.deploymentTransaction())]);
    table.push(['deploy ScoreBoard', await gasOf(scores.deploymentTransaction())]);
    table.push(['deploy ReleaseBoard', await gasOf(releases.deploymentTransaction())]);
    table.push(['deploy Ballots', await gasOf(ballots.deploymentTransaction())]);
  });
});
