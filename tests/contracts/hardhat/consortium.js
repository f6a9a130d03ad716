'use strict';

const assert = require('node:assert/strict');
const { ethers } = require('hardhat');
const { ALL, AGGREGATOR, PARTICIPANT, SCORER, found, nameOf, namesOf, propose, decide, reverts, events } = require('./support');

describe('Consortium', () => {
  const keys = (n) => Array.from({ length: n }, (_, i) => ethers.getAddress(ethers.toBeHex(i + 0x1000, 20)));
  const deploy = (members, roles, names = namesOf(members.length)) =>
    ethers.deployContract('Consortium', [members, roles, names, ethers.ZeroAddress]);

  describe('founding', () => {
    let contract;
    before(async () => ({ consortium: contract } = await found([ALL, ALL, ALL])));

    for (const [what, members, roles, error, args] of [
      ['no members', [], [], 'TooFewMembers', [0, 3]],
      ['one member', keys(1), [1], 'TooFewMembers', [1, 3]],
      ['two members', keys(2), [1, 1], 'TooFewMembers', [2, 3]],
      ['256 members', keys(256), Array(256).fill(1), 'TooManyMembers', [256, 255]],
      ['a member without roles given', keys(3), [1, 1], 'RolesMissing', [3, 2]],
      ['a member with no role', keys(3), [1, 0, 1], 'InvalidRoles', [0]],
      ['an unknown role', keys(3), [1, 8, 1], 'InvalidRoles', [8]],
      ['the zero key', [...keys(2), ethers.ZeroAddress], [1, 1, 1], 'ZeroKey', []],
      ['one key twice', [...keys(2), keys(1)[0]], [1, 1, 1], 'KeyUsed', [keys(1)[0]]],
    ]) {
      it(`refuses ${what}`, () => reverts(deploy(members, roles), contract, `Consortium_${error}`, args));
    }

    it('refuses a member without a name given', () =>
      reverts(deploy(keys(3), [1, 1, 1], namesOf(2)), contract, 'Consortium_NamesMissing', [3, 2]));

    it('announces every member', async () => {
      const consortium = await deploy(keys(3), [PARTICIPANT, AGGREGATOR, SCORER]);
      assert.deepEqual(await events(consortium.deploymentTransaction(), consortium), [
        ['MemberAdmitted', 0n, keys(3)[0], 1n, 1n, nameOf('member 0')],
        ['MemberAdmitted', 1n, keys(3)[1], 2n, 1n, nameOf('member 1')],
        ['MemberAdmitted', 2n, keys(3)[2], 4n, 1n, nameOf('member 2')],
      ]);
    });

    it('holds 255 members', async () => {
      const consortium = await deploy(keys(255), Array(255).fill(ALL));
      assert.deepEqual([await consortium.count(), await consortium.admitted()], [255n, 255n]);
      assert.equal(await consortium.majority(), 128n);
      assert.equal(await consortium.keyOf(254), keys(255)[254]);
      assert.equal((await consortium.keysWith(0)).length, 255);
    });
  });

  describe('reading', () => {
    it('distinguishes a member from a stranger', async () => {
      const { consortium, members, strangers } = await found([ALL, PARTICIPANT, ALL, AGGREGATOR]);
      assert.deepEqual((await consortium.membership(members[1].address)).toArray(), [1n, 1n, 1n, 1n]);
      await reverts(consortium.membership(strangers[0].address), consortium, 'Consortium_NotMember', [
        strangers[0].address,
      ]);
      await reverts(consortium.keyOf(4), consortium, 'Consortium_UnknownIndex', [4]);
      assert.equal(await consortium.epoch(), 1n);
      assert.equal(await consortium.majority(), 3n);
    });

    it('finds keys by every bit of their roles', async () => {
      const { consortium, members } = await found([ALL, PARTICIPANT, PARTICIPANT | AGGREGATOR, AGGREGATOR]);
      const with_ = async (roles) => (await consortium.keysWith(roles)).map((key) =>
        members.findIndex(({ address }) => address === key));
      assert.deepEqual(await with_(0), [0, 1, 2, 3]);
      assert.deepEqual(await with_(PARTICIPANT), [0, 1, 2]);
      assert.deepEqual(await with_(PARTICIPANT | AGGREGATOR), [0, 2]);
      assert.deepEqual(await with_(ALL), [0]);
      assert.deepEqual(await with_(8), []);
    });
  });

  describe('the census', () => {
    const counted = async (consortium) => [...(await consortium.census()).toArray(), await consortium.active()];

    it('counts the founders', async () => {
      const consortium = await deploy(keys(5), [ALL, PARTICIPANT, PARTICIPANT | AGGREGATOR, SCORER, SCORER]);
      assert.deepEqual(await counted(consortium), [1n, 0n, 5n, 3n, 2n, 3n, 0b11111n]);
    });

    it('follows every change', async () => {
      const { consortium, members, ballots, strangers } = await found([ALL, PARTICIPANT, AGGREGATOR, SCORER]);
      const decided = async (method, ...action) => decide(
        ballots, members.slice(0, 3), await propose(ballots, members[0], method, ...action));
      assert.deepEqual(await counted(consortium), [1n, 0n, 4n, 2n, 2n, 2n, 0b1111n]);
      await decided('proposeAdmission', strangers[0].address, PARTICIPANT | SCORER, nameOf('Delta'));
      assert.deepEqual(await counted(consortium), [2n, 0n, 5n, 3n, 2n, 3n, 0b11111n]);
      await decided('proposeRoles', 1, AGGREGATOR | SCORER);
      assert.deepEqual(await counted(consortium), [3n, 0n, 5n, 2n, 3n, 4n, 0b11111n]);
      assert.deepEqual((await consortium.membership(members[1].address)).toArray(), [1n, 6n, 1n, 3n]);
      await decided('proposeRemoval', 3);
      assert.deepEqual(await counted(consortium), [4n, 0n, 4n, 2n, 3n, 3n, 0b10111n]);
      await consortium.connect(members[1]).rotateKey(strangers[1].address);
      assert.deepEqual(await counted(consortium), [5n, 0n, 4n, 2n, 3n, 3n, 0b10111n]);
      assert.deepEqual((await consortium.membership(strangers[1].address)).toArray(), [1n, 6n, 5n, 3n]);
    });

    it('no longer counts the approval of a member that left', async () => {
      const { consortium, members, ballots, strangers } = await found(Array(6).fill(ALL));
      const [fresh] = strangers;
      for (const i of [3, 4]) await consortium.connect(members[i]).approveRotation(5, fresh.address);
      await decide(ballots, members.slice(0, 4), await propose(ballots, members[0], 'proposeRemoval', 4));
      assert.deepEqual(await events(consortium.connect(members[0]).approveRotation(5, fresh.address), consortium), [
        ['RotationApproved', 5n, fresh.address, 0n, 2n],
      ]);
      await consortium.connect(members[1]).approveRotation(5, fresh.address);
      assert.equal(await consortium.keyOf(5), fresh.address);
    });
  });

  describe('a key', () => {
    let consortium, members, strangers, fresh, other;
    beforeEach(async () => {
      ({ consortium, members, strangers } = await found([ALL, PARTICIPANT, ALL, ALL]));
      [fresh, other] = strangers.map(({ address }) => address);
    });
    const as = (signer) => consortium.connect(signer);

    it('is replaced by its holder in a new epoch', async () => {
      const old = members[1].address;
      assert.deepEqual(await events(as(members[1]).rotateKey(fresh), consortium), [
        ['KeyRotated', 1n, old, fresh, 2n],
      ]);
      assert.equal(await consortium.epoch(), 2n);
      assert.equal(await consortium.keyOf(1), fresh);
      assert.deepEqual((await consortium.membership(fresh)).toArray(), [1n, 1n, 2n, 1n]);
      await reverts(consortium.membership(old), consortium, 'Consortium_NotMember', [old]);
      assert.deepEqual((await consortium.keysWith(0))[1], fresh);
    });

    it('is never used twice', async () => {
      const old = members[1].address;
      await as(members[1]).rotateKey(fresh);
      for (const used of [old, fresh, members[0].address]) {
        await reverts(as(members[2]).rotateKey(used), consortium, 'Consortium_KeyUsed', [used]);
        await reverts(as(members[2]).approveRotation(1, used), consortium, 'Consortium_KeyUsed', [used]);
      }
      await reverts(as(members[2]).rotateKey(ethers.ZeroAddress), consortium, 'Consortium_ZeroKey', []);
    });

    it('does nothing once retired, nor does a stranger\'s', async () => {
      await as(members[1]).rotateKey(fresh);
      for (const outsider of [members[1], strangers[2]]) {
        const refused = ['Consortium_NotMember', [outsider.address]];
        await reverts(as(outsider).rotateKey(other), consortium, ...refused);
        await reverts(as(outsider).approveRotation(0, other), consortium, ...refused);
        await reverts(as(outsider).announce('x'), consortium, ...refused);
      }
    });

    it('is replaced by a majority of the members', async () => {
      const old = members[3].address;
      assert.deepEqual(await events(as(members[0]).approveRotation(3, fresh), consortium), [
        ['RotationApproved', 3n, fresh, 0n, 1n],
      ]);
      await as(members[1]).approveRotation(3, fresh);
      assert.equal(await consortium.keyOf(3), old);
      assert.deepEqual(await events(as(members[2]).approveRotation(3, fresh), consortium), [
        ['RotationApproved', 3n, fresh, 2n, 3n],
        ['KeyRotated', 3n, old, fresh, 2n],
      ]);
    });

    it('is not replaced by one member approving again, nor for an index never given', async () => {
      await as(members[0]).approveRotation(3, fresh);
      await reverts(as(members[0]).approveRotation(3, fresh), consortium, 'Consortium_AlreadyApproved', [3, fresh, 0]);
      await reverts(as(members[0]).approveRotation(4, fresh), consortium, 'Consortium_UnknownIndex', [4]);
    });

    it('is replaced by approvals of members, whatever their keys', async () => {
      await as(members[0]).approveRotation(3, fresh);
      await as(members[0]).rotateKey(other);
      await reverts(as(strangers[1]).approveRotation(3, fresh), consortium, 'Consortium_AlreadyApproved', [3, fresh, 0]);
      await as(members[1]).approveRotation(3, fresh);
      await as(members[2]).approveRotation(3, fresh);
      assert.equal(await consortium.keyOf(3), fresh);
    });

    it('that is stolen cannot prevent its recovery by rotating', async () => {
      await as(members[0]).approveRotation(3, fresh);
      await as(members[1]).approveRotation(3, fresh);
      await as(members[3]).rotateKey(other);
      await as(members[2]).approveRotation(3, fresh);
      assert.equal(await consortium.keyOf(3), fresh);
      await reverts(consortium.membership(other), consortium, 'Consortium_NotMember', [other]);
    });

    it('is not replaced by approvals older than its last recovery', async () => {
      for (const member of members.slice(0, 2)) await as(member).approveRotation(3, fresh);
      for (const member of members.slice(0, 3)) await as(member).approveRotation(3, other);
      await as(members[2]).approveRotation(3, fresh);
      assert.equal(await consortium.keyOf(3), other);
      assert.equal((await consortium.census()).recoveries, 1n);
    });

    it('keeps the epoch of its member\'s roles', async () => {
      await as(members[0]).rotateKey(other);
      for (const key of [members[1], strangers[1], members[2]]) await as(key).approveRotation(3, fresh);
      assert.deepEqual((await consortium.membership(fresh)).toArray(), [3n, 7n, 3n, 1n]);
    });
  });

  describe('a gateway', () => {
    it('is announced in the log', async () => {
      const { consortium, members } = await found([ALL, ALL, ALL]);
      const gateway = `https://${'g'.repeat(248)}`;
      assert.deepEqual(await events(consortium.connect(members[2]).announce(gateway), consortium), [
        ['Announced', 2n, gateway],
      ]);
      await reverts(consortium.announce(`${gateway}/`), consortium, 'Consortium_GatewayTooLong', [257, 256]);
    });
  });
});
