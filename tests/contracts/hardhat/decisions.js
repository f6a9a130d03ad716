'use strict';

const assert = require('node:assert/strict');
const { ethers } = require('hardhat');
const {
  ALL, AGGREGATOR, PARTICIPANT, RULES, TERMS, MODEL, SCORED, Kind, State, random, found, finalised, score, openJob,
  propose, content, decide, at, reverts, events,
} = require('./support');

const text = (word) => ethers.encodeBytes32String(word);
const QUICK = { ...RULES, delaySeconds: 0 };

/** What members decide, and what the contracts then do. */
describe('A decision', () => {
  let world;
  const proposing = (call, ...args) => propose(world.ballots, world.members[0], call, ...args);
  const voters = () => world.members.slice(0, Math.floor(world.members.length / 2) + 1);
  const carryOut = async (call, ...args) => decide(world.ballots, voters(), await proposing(call, ...args));

  describe('on members', () => {
    beforeEach(async () => {
      world = await found([ALL, ALL, ALL, PARTICIPANT], QUICK);
    });

    it('admits one, in a new epoch', async () => {
      const { consortium, strangers: [newcomer] } = world;
      assert.deepEqual(await events(carryOut('proposeAdmission', newcomer.address, AGGREGATOR), consortium), [
        ['MemberAdmitted', 4n, newcomer.address, 2n, 2n],
      ]);
      assert.equal(await consortium.count(), 5n);
      assert.deepEqual((await consortium.membership(newcomer.address)).toArray(), [4n, 2n, 2n, 2n]);
      assert.deepEqual((await consortium.standingOf(newcomer.address)).toArray(), [4n, 2n, 2n]);
    });

    it('fails where the key was used meanwhile, and changes nothing', async () => {
      const { ballots, consortium, members, strangers: [newcomer] } = world;
      const made = await proposing('proposeAdmission', newcomer.address, ALL);
      for (const member of voters()) await ballots.connect(member).vote(made.proposal, 1);
      await consortium.connect(members[3]).rotateKey(newcomer.address);
      await at((await ballots.proposalOf(made.proposal)).executableFrom);
      await reverts(ballots.execute(...content(made)), consortium, 'Consortium_KeyUsed', [newcomer.address]);
      assert.equal((await ballots.proposalOf(made.proposal)).state, State.Executable);
      assert.equal(await consortium.epoch(), 2n);
    });

    it('removes one, which may vote on it, and whose index nobody gets again', async () => {
      const { consortium, ballots, members, strangers: [newcomer] } = world;
      const made = await proposing('proposeRemoval', 1);
      const done = decide(ballots, [members[1], members[2], members[0]], made);
      assert.deepEqual(await events(done, consortium), [['MemberRemoved', 1n, members[1].address, 2n]]);
      await reverts(consortium.keyOf(1), consortium, 'Consortium_UnknownIndex', [1]);
      await reverts(consortium.membership(members[1].address), consortium, 'Consortium_NotMember', [members[1].address]);
      assert.deepEqual([await consortium.count(), await consortium.majority(), await consortium.admitted()], [3n, 2n, 4n]);
      assert.deepEqual([...await consortium.keysWith(0)], [0, 2, 3].map((i) => members[i].address));
      await reverts(consortium.connect(members[1]).rotateKey(newcomer.address), consortium, 'Consortium_NotMember', [members[1].address]);
      await reverts(consortium.approveRotation(1, newcomer.address), consortium, 'Consortium_UnknownIndex', [1]);
      const back = await decide(ballots, [members[0], members[2]], await proposing('proposeAdmission', newcomer.address, ALL));
      assert.deepEqual((await events(back, consortium))[0].slice(0, 3), ['MemberAdmitted', 4n, newcomer.address]);
    });

    it('removes its own proposer', async () => {
      await carryOut('proposeRemoval', 0);
      await reverts(world.ballots.proposeRemoval(1), world.consortium, 'Consortium_NotMember', [world.members[0].address]);
    });

    it('never leaves fewer than three', async () => {
      const { consortium, ballots } = world;
      const second = await proposing('proposeRemoval', 2);
      for (const member of voters()) await ballots.connect(member).vote(second.proposal, 1);
      await carryOut('proposeRemoval', 3);
      await reverts(ballots.execute(...content(second)), consortium, 'Consortium_TooFewMembers', [2, 3]);
      assert.equal(await consortium.count(), 3n);
      const [leaver] = world.members;
      const own = await propose(ballots, leaver, 'proposeRemoval', 0);
      await reverts(decide(ballots, voters(), own), consortium, 'Consortium_TooFewMembers', [2, 3]);
    });

    it('changes roles at once, and leaves the key its standing', async () => {
      const { consortium, members } = world;
      assert.deepEqual(await events(carryOut('proposeRoles', 3, ALL), consortium), [['RolesChanged', 3n, 7n, 2n]]);
      assert.deepEqual((await consortium.membership(members[3].address)).toArray(), [3n, 7n, 1n, 2n]);
      assert.deepEqual([...await consortium.keysWith(ALL)], members.map(({ address }) => address));
    });

    it('names a successor, and another', async () => {
      const { consortium, strangers: [one, two] } = world;
      assert.deepEqual((await consortium.successor()).toArray(), [0n, ethers.ZeroAddress]);
      for (const { address } of [one, two]) {
        assert.deepEqual(await events(carryOut('proposeSuccessor', 5, address), consortium), [['SuccessorNamed', 5n, address]]);
        assert.deepEqual((await consortium.successor()).toArray(), [5n, address]);
      }
    });

    it('is the only way to any of it', async () => {
      const { consortium, ledger, releases, members: [{ address }] } = world;
      const only = ['NotBallots', [address]];
      for (const call of [
        () => consortium.admit(address, 1), () => consortium.remove(1), () => consortium.changeRoles(1, 1),
        () => consortium.nameSuccessor(1, address),
      ]) {
        await reverts(call(), consortium, `Consortium_${only[0]}`, only[1]);
      }
      const release = [text('a'), text('1'), 1, 1, random(), random(), random()];
      await reverts(ledger.closeJob(1), ledger, 'RoundLedger_NotBallots', only[1]);
      for (const call of [
        () => releases.publish(release), () => releases.revoke(random(), random()), () => releases.rollBack(random()),
      ]) {
        await reverts(call(), releases, 'ReleaseBoard_NotBallots', only[1]);
      }
    });

    it('admits 255 members ever, and no more', async () => {
      const [payer] = await ethers.getSigners();
      const keys = Array.from({ length: 255 }, (_, i) => ethers.getAddress(ethers.toBeHex(i + 0x1000, 20)));
      const full = await ethers.deployContract('Consortium', [keys.slice(1), Array(254).fill(ALL), payer.address]);
      await full.remove(0);
      await full.admit(keys[0], ALL);
      assert.deepEqual([await full.count(), await full.keyOf(254)], [254n, keys[0]]);
      await reverts(full.admit(ethers.getAddress(ethers.toBeHex(7, 20)), ALL), full, 'Consortium_TooManyMembers', [256, 255]);
    });
  });

  describe('on a job', () => {
    beforeEach(async () => {
      world = await openJob([ALL, ALL, ALL]);
    });

    it('closes it for good, and lets its round end', async () => {
      const { ledger, members } = world;
      await ledger.openRound(1);
      assert.deepEqual(await events(carryOut('proposeClosing', 1), ledger), [['JobClosed', 1n]]);
      assert.equal((await ledger.jobOf(1)).open, false);
      await ledger.advance(1, 1);
      await reverts(ledger.openRound(1), ledger, 'RoundLedger_JobNotOpen', [1]);
      await reverts(ledger.connect(members[2]).approveJob(1, (await ledger.jobOf(1)).digest), ledger, 'RoundLedger_JobClosed', [1]);
      const again = await proposing('proposeClosing', 1);
      await reverts(decide(world.ballots, voters(), again), ledger, 'RoundLedger_JobClosed', [1]);
    });

    it('closes one that was not opened yet', async () => {
      const { ledger, members } = world;
      const digest = random();
      await ledger.proposeJob(digest, TERMS, MODEL);
      await carryOut('proposeClosing', 2);
      await reverts(ledger.connect(members[1]).approveJob(2, digest), ledger, 'RoundLedger_JobClosed', [2]);
    });
  });

  describe('on a release', () => {
    let release;
    const of = (version, changes = {}) => Object.values({ ...release, version: text(version), ...changes });
    const idOf = (version) => world.releases.idOf(release.name, text(version));
    const current = () => world.releases.currentOf(release.name);
    beforeEach(async () => {
      world = await finalised();
      release = {
        name: text('cardio'), version: text('1.0'), job: 1n, round: 1n, root: world.root, scores: ethers.ZeroHash, report: random(),
      };
    });

    it('makes it current under its name', async () => {
      const { releases } = world;
      const id = ethers.keccak256(ethers.AbiCoder.defaultAbiCoder().encode(['bytes32', 'bytes32'], [release.name, text('1.0')]));
      assert.equal(await idOf('1.0'), id);
      assert.deepEqual(await events(carryOut('proposeRelease', of('1.0')), releases), [['Released', id, ...of('1.0')]]);
      const [record, revoked] = await releases.releaseOf(id);
      assert.deepEqual([record.toArray(), revoked, await current()], [of('1.0'), false, id]);
    });

    for (const [what, changes] of [
      ['a round that finalised none', { round: 2n }], ['an unknown job', { job: 2n }], ['round 0', { round: 0n }],
      ['another root', { root: random() }], ['no root', { root: ethers.ZeroHash }],
      ['no root of no round', { root: ethers.ZeroHash, round: 9n }],
    ]) {
      it(`is not of ${what}`, () => reverts(
        world.ballots.proposeRelease(of('1.0', changes)), world.releases, 'ReleaseBoard_NotFinalised'));
    }

    it('is of the scores that the round got, or of none', async () => {
      world = await finalised(Array(4).fill(ALL), random(), SCORED);
      const { ballots, releases } = world;
      const early = random();
      const wrong = (scores, root) => reverts(
        ballots.proposeRelease(of('1.0', { root: world.root, scores })), releases, 'ReleaseBoard_WrongScores', [1, 1, scores, root]);
      await wrong(early, ethers.ZeroHash);
      const scores = await score(world, Array(4).fill([1, 2, 3, 4]), world.aggregate);
      await wrong(early, scores);
      const changes = { root: world.root, scores };
      assert.deepEqual((await events(carryOut('proposeRelease', of('1.0', changes)), releases))[0].slice(2), of('1.0', changes));
      await carryOut('proposeRelease', of('1.1', { root: world.root }));
    });

    for (const [what, name] of [
      ['empty', ethers.ZeroHash], ['capital', text('Cardio')], ['spaced', text('a b')], ['HTML', text('<b>')],
      ['a path', text('../a')], ['a hidden file', text('.a')], ['an option', text('-a')], ['a slash', text('a/b')],
      ['not ASCII', ethers.zeroPadBytes('0x61e2808f', 32)], ['two words', ethers.zeroPadBytes('0x610062', 32)],
      ['late to begin', ethers.zeroPadBytes('0x0061', 32)],
    ]) {
      it(`has a name and a version that are not ${what}`, async () => {
        const { ballots, releases } = world;
        for (const part of ['name', 'version']) {
          await reverts(ballots.proposeRelease(of('1.0', { [part]: name })), releases, 'ReleaseBoard_InvalidName', [name]);
        }
      });
    }

    it('may have a name of one letter or of 32', async () => {
      const { ballots } = world;
      for (const name of [text('a'), ethers.hexlify(ethers.toUtf8Bytes('a'.repeat(30) + '.9'))]) {
        await ballots.proposeRelease(of('1.0', { name }));
      }
    });

    it('takes name and version once', async () => {
      const { ballots, releases } = world;
      const twice = await proposing('proposeRelease', of('1.0'));
      for (const member of voters()) await ballots.connect(member).vote(twice.proposal, 1);
      await carryOut('proposeRelease', of('1.0'));
      const taken = ['ReleaseBoard_AlreadyReleased', [await idOf('1.0')]];
      await reverts(ballots.execute(...content(twice)), releases, ...taken);
      await reverts(ballots.proposeRelease(of('1.0')), releases, ...taken);
    });

    it('is superseded, rolled back to, and revoked', async () => {
      const { releases } = world;
      await carryOut('proposeRelease', of('1.0'));
      await carryOut('proposeRelease', of('1.1'));
      const [first, second] = [await idOf('1.0'), await idOf('1.1')];
      assert.equal(await current(), second);
      assert.deepEqual(await events(carryOut('proposeRollback', first), releases), [['RolledBack', first, second]]);
      assert.equal(await current(), first);
      await reverts(carryOut('proposeRollback', first), releases, 'ReleaseBoard_AlreadyCurrent', [first]);
      const reason = random();
      assert.deepEqual(await events(carryOut('proposeRevocation', first, reason), releases), [['Revoked', first, reason]]);
      assert.equal(await current(), ethers.ZeroHash);
      assert.equal((await releases.releaseOf(first)).revoked, true);
      await reverts(carryOut('proposeRollback', first), releases, 'ReleaseBoard_AlreadyRevoked', [first]);
      await reverts(carryOut('proposeRevocation', first, reason), releases, 'ReleaseBoard_AlreadyRevoked', [first]);
      assert.deepEqual(await events(carryOut('proposeRollback', second), releases), [['RolledBack', second, ethers.ZeroHash]]);
    });

    it('stays current when an earlier one is revoked', async () => {
      await carryOut('proposeRelease', of('1.0'));
      await carryOut('proposeRelease', of('1.1'));
      await carryOut('proposeRevocation', await idOf('1.0'), ethers.ZeroHash);
      assert.equal(await current(), await idOf('1.1'));
    });

    it('that was never made is neither revoked nor rolled back to', async () => {
      const { ballots, releases } = world;
      const none = random();
      for (const call of [
        () => ballots.proposeRevocation(none, none), () => ballots.proposeRollback(none), () => releases.releaseOf(none),
      ]) {
        await reverts(call(), releases, 'ReleaseBoard_UnknownRelease', [none]);
      }
    });

    it('comes with its proposal\'s kind', async () => {
      const kinds = [];
      kinds.push((await proposing('proposeRelease', of('1.0'))).kind);
      await carryOut('proposeRelease', of('1.0'));
      kinds.push((await proposing('proposeRevocation', await idOf('1.0'), random())).kind);
      kinds.push((await proposing('proposeRollback', await idOf('1.0'))).kind);
      assert.deepEqual(kinds, [Kind.Release, Kind.Revoke, Kind.RollBack]);
    });
  });
});
