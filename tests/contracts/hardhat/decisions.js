'use strict';

const assert = require('node:assert/strict');
const { ethers } = require('hardhat');
const {
  ALL, AGGREGATOR, PARTICIPANT, RULES, TERMS, MODEL, State, random, found, openJob, propose, content, decide, at,
  reverts, events,
  nameOf, namesOf,
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
      assert.deepEqual(await events(carryOut('proposeAdmission', newcomer.address, AGGREGATOR, nameOf('Delta')), consortium), [
        ['MemberAdmitted', 4n, newcomer.address, 2n, 2n, nameOf('Delta')],
      ]);
      assert.equal(await consortium.count(), 5n);
      assert.deepEqual((await consortium.membership(newcomer.address)).toArray(), [4n, 2n, 2n, 2n]);
      assert.deepEqual((await consortium.standingOf(newcomer.address)).toArray(), [4n, 2n, 2n]);
    });

    it('fails where the key was used meanwhile, and changes nothing', async () => {
      const { ballots, consortium, members, strangers: [newcomer] } = world;
      const made = await proposing('proposeAdmission', newcomer.address, ALL, nameOf('Delta'));
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
      const back = await decide(ballots, [members[0], members[2]], await proposing('proposeAdmission', newcomer.address, ALL, nameOf('Delta')));
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
        () => consortium.admit(address, 1, nameOf('Delta')), () => consortium.remove(1), () => consortium.changeRoles(1, 1),
        () => consortium.nameSuccessor(1, address),
      ]) {
        await reverts(call(), consortium, `Consortium_${only[0]}`, only[1]);
      }
      const release = [text('a'), text('1'), 1, 1, random(), random(), random()];
      await reverts(ledger.closeJob(1), ledger, 'RoundLedger_NotBallots', only[1]);
      for (const call of [
        () => releases.publish(release), () => releases.revoke(random(), random(), random()),
        () => releases.rollBack(random(), random()),
      ]) {
        await reverts(call(), releases, 'ReleaseBoard_NotBallots', only[1]);
      }
    });

    it('admits 255 members ever, and no more', async () => {
      const [payer] = await ethers.getSigners();
      const keys = Array.from({ length: 255 }, (_, i) => ethers.getAddress(ethers.toBeHex(i + 0x1000, 20)));
      const full = await ethers.deployContract('Consortium', [keys.slice(1), Array(254).fill(ALL), namesOf(254), payer.address]);
      await full.remove(0);
      await full.admit(keys[0], ALL, nameOf('last'));
      assert.deepEqual([await full.count(), await full.keyOf(254)], [254n, keys[0]]);
      await reverts(full.admit(ethers.getAddress(ethers.toBeHex(7, 20)), ALL, nameOf('more')), full, 'Consortium_TooManyMembers', [256, 255]);
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
});
