'use strict';

const assert = require('node:assert/strict');
const { ethers, network } = require('hardhat');
const {
  ALL, SCORED, Kind, random, finalised, score, propose, content, decide, reverts, events,
} = require('./support');

const text = (word) => ethers.encodeBytes32String(word);

/** What members decide on models, and what `ReleaseBoard` then does. */
describe('A decision on a release', () => {
  let world;
  const proposing = (call, ...args) => propose(world.ballots, world.members[0], call, ...args);
  const voters = () => world.members.slice(0, Math.floor(world.members.length / 2) + 1);
  const carryOut = async (call, ...args) => decide(world.ballots, voters(), await proposing(call, ...args));
  const approved = async (call, ...args) => {
    const made = await proposing(call, ...args);
    for (const member of voters()) await world.ballots.connect(member).vote(made.proposal, 1);
    return made;
  };
  let release;
  const of = (version, changes = {}) => Object.values({ ...release, version: text(version), ...changes });
  const called = (version) => [release.name, text(version)];
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
    for (const name of [text('a'), text('z'), text('0'), ethers.hexlify(ethers.toUtf8Bytes('a'.repeat(30) + '.9'))]) {
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
    const [one, two] = [called('1.0'), called('1.1')];
    assert.equal(await current(), second);
    assert.deepEqual(await events(carryOut('proposeRollback', ...one), releases), [['RolledBack', first, second]]);
    assert.equal(await current(), first);
    const [isCurrent, isRevoked] = [['ReleaseBoard_AlreadyCurrent', [first]], ['ReleaseBoard_AlreadyRevoked', [first]]];
    await reverts(proposing('proposeRollback', ...one), releases, ...isCurrent);
    const reason = random();
    const late = await approved('proposeRevocation', ...one, reason);
    const revoked = await events(carryOut('proposeRevocation', ...one, reason), releases);
    assert.deepEqual(revoked, [['Revoked', first, reason]]);
    assert.equal(await current(), ethers.ZeroHash);
    assert.equal((await releases.releaseOf(first)).revoked, true);
    await reverts(proposing('proposeRollback', ...one), releases, ...isRevoked);
    await reverts(proposing('proposeRevocation', ...one, reason), releases, ...isRevoked);
    await reverts(world.ballots.execute(...content(late)), releases, ...isRevoked);
    const again = await approved('proposeRollback', ...two);
    assert.deepEqual(await events(carryOut('proposeRollback', ...two), releases), [['RolledBack', second, ethers.ZeroHash]]);
    await reverts(world.ballots.execute(...content(again)), releases, 'ReleaseBoard_AlreadyCurrent', [second]);
  });

  it('stays current when an earlier one is revoked', async () => {
    await carryOut('proposeRelease', of('1.0'));
    await carryOut('proposeRelease', of('1.1'));
    await carryOut('proposeRevocation', ...called('1.0'), ethers.ZeroHash);
    assert.equal(await current(), await idOf('1.1'));
  });

  it('that was never made is neither revoked nor rolled back to', async () => {
    const { ballots, releases } = world;
    const none = await idOf('9.9');
    const [name, version] = called('9.9');
    const asBallots = await ethers.getImpersonatedSigner(await ballots.getAddress());
    await network.provider.send('hardhat_setBalance', [asBallots.address, ethers.toQuantity(ethers.parseEther('1'))]);
    for (const call of [
      () => ballots.proposeRevocation(name, version, none), () => ballots.proposeRollback(name, version),
      () => releases.releaseOf(none),
      () => releases.connect(asBallots).revoke(name, version, none), () => releases.connect(asBallots).rollBack(name, version),
    ]) {
      await reverts(call(), releases, 'ReleaseBoard_UnknownRelease', [none]);
    }
  });

  it('comes with its proposal\'s kind', async () => {
    const kinds = [];
    kinds.push((await proposing('proposeRelease', of('1.0'))).kind);
    await carryOut('proposeRelease', of('1.0'));
    kinds.push((await proposing('proposeRevocation', ...called('1.0'), random())).kind);
    await carryOut('proposeRelease', of('1.1'));
    kinds.push((await proposing('proposeRollback', ...called('1.0'))).kind);
    assert.deepEqual(kinds, [Kind.Release, Kind.Revoke, Kind.RollBack]);
  });
});
