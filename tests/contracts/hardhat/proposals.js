'use strict';

const assert = require('node:assert/strict');
const { ethers } = require('hardhat');
const {
  ALL, RULES, Kind, Refusal, State, random, deploy, domainOf, finalised, propose, content, decide, signedProposal,
  at, reverts, events,
  nameOf, convicted,
} = require('./support');
const { contentOf, placeOf, proposalTypes } = require('./contents');

const ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141n;
const text = (word) => ethers.encodeBytes32String(word);
const encode = (types, ...values) => ethers.AbiCoder.defaultAbiCoder().encode(types, values);
const WORD = 'bytes32';

/** A proposal that a member signed, and anyone relays. */
describe('A signed proposal', () => {
  let world, ballots, consortium, members, relayer, actions;
  const removal = (index = 3) => encode(['uint8'], index);
  const sign = (changes = {}, { signer = members[1], kind = Kind.RemoveMember, action = removal() } = {}) =>
    signedProposal(ballots, signer, kind, action, changes);
  const send = (ready, kind = Kind.RemoveMember, action = removal()) =>
    ballots.connect(relayer).proposeBySignature(kind, action, ready);
  const refused = (call, ready, reason) =>
    reverts(call, ballots, 'Ballots_ProposalRefused', [ready.member, ready.nonce, Refusal[reason]]);
  const wrongNonce = (call, expected, actual, { address } = members[1]) =>
    reverts(call, ballots, 'Ballots_WrongNonce', [address, expected, actual]);
  const removalOf = (nonce, { address } = members[1]) => ballots.idOf(address, nonce, Kind.RemoveMember, removal());

  beforeEach(async () => {
    world = await finalised([ALL, ALL, ALL, ALL]);
    ({ ballots, consortium, members, strangers: [relayer] } = world);
    const record = [text('cardio'), text('1.0'), 1, 1, world.root, ethers.ZeroHash, random()];
    actions = {
      AdmitMember: encode(['address', 'uint8', 'bytes32[2]'], relayer.address, 5, nameOf('Delta')),
      RemoveMember: removal(),
      ChangeRoles: encode(['uint8', 'uint8'], 2, 1),
      ChangeRules: encode(Array(4).fill('uint32'), ...Object.values({ ...RULES, majority: 6000 })),
      CloseJob: encode(['uint32'], 1),
      Release: encode([WORD, WORD, 'uint32', 'uint32', WORD, WORD, WORD], ...record),
      Revoke: encode([WORD, WORD, WORD], text('cardio'), text('1.0'), random()),
      RollBack: encode([WORD, WORD], text('cardio'), text('1.0')),
      NameSuccessor: encode(['uint64', 'address'], 5, relayer.address),
      RewindJob: encode(['uint32', 'uint32'], 1, 1),
    };
    await decide(ballots, members.slice(0, 3), await propose(ballots, members[0], 'proposeRelease', record));
    record[1] = text('1.1');
    actions.Release = encode([WORD, WORD, 'uint32', 'uint32', WORD, WORD, WORD], ...record);
  });

  describe('of kind', () => {
    for (const name of Object.keys(Kind)) {
      it(`${name} is made like a direct one, and executed`, async () => {
        const [kind, action] = [Kind[name], actions[name]];
        if (name === 'RollBack') {
          const next = { proposer: members[1].address, nonce: 1n, kind: Kind.Release, action: actions.Release };
          await send(await sign({}, { kind: Kind.Release, action: actions.Release }), Kind.Release, actions.Release);
          await decide(ballots, members.slice(0, 3), { ...next, proposal: await ballots.idOf(...content(next)) });
        }
        if (name === 'RewindJob') await convicted(world);
        const number = (await ballots.proposals()) + 1n;
        const nonce = (await ballots.nonceOf(members[1].address)) + 1n;
        const ready = await sign({}, { kind, action });
        assert.equal(
          await ballots.digestOfProposal(nonce, members[1].address, kind, action, ready.deadline),
          ethers.TypedDataEncoder.hash(await domainOf(ballots), proposalTypes(kind), {
            [placeOf(kind)]: contentOf({ kind, action, proposer: members[1].address, nonce }), deadline: ready.deadline,
          }),
        );
        const sent = await send(ready, kind, action);
        const proposal = await ballots.idOf(members[1].address, nonce, kind, action);
        const deadline = BigInt((await sent.getBlock()).timestamp + RULES.voteSeconds);
        const epoch = await consortium.epoch();
        assert.deepEqual(await events(sent, ballots), [
          ['Proposed', proposal, number, members[1].address, nonce, kind, action, epoch, deadline],
        ]);
        assert.equal((await ballots.proposalOf(proposal)).proposer, members[1].address);
        await decide(ballots, members.slice(0, 3), { proposal, proposer: members[1].address, nonce, kind, action });
        assert.equal((await ballots.proposalOf(proposal)).state, State.Executed);
      });
    }

    it('RemoveMember stands as a direct one does', async () => {
      await send(await sign());
      const one = await ballots.proposalOf(await removalOf(1));
      const other = await ballots.proposalOf((await propose(ballots, members[1], 'proposeRemoval', 3)).proposal);
      for (const part of ['proposer', 'epoch', 'members', 'needed', 'state']) assert.equal(one[part], other[part]);
    });
  });

  it('is made whatever the others put in front of it', async () => {
    const ready = await sign();
    for (const other of [members[0], members[2], members[3]]) {
      const junk = await propose(ballots, other, 'proposeRemoval', 3);
      await ballots.connect(other).cancel(junk.proposal);
    }
    await send(ready);
    assert.equal((await ballots.proposalOf(await removalOf(1))).proposer, members[1].address);
  });

  describe('is refused', () => {
    it('once it was made: its nonce is used', async () => {
      const ready = await sign();
      await send(ready);
      await wrongNonce(send(ready), 2, 1);
      await decide(ballots, members.slice(0, 3), {
        proposal: await removalOf(1), proposer: members[1].address, nonce: 1, kind: Kind.RemoveMember, action: removal(),
      });
      await wrongNonce(send(ready), 2, 1);
    });

    it('when its member has proposed something itself', async () => {
      const ready = await sign();
      await propose(ballots, members[1], 'proposeRemoval', 2);
      await wrongNonce(send(ready), 2, 1);
      assert.equal(await ballots.proposals(), 2n);
    });

    it('when it was cancelled: a signature makes one proposal', async () => {
      const ready = await sign();
      await send(ready);
      await ballots.connect(members[1]).cancel(await removalOf(1));
      await wrongNonce(send(ready), 2, 1);
    });

    for (const nonce of [0n, 2n, 3n, 4294967295n]) {
      it(`with nonce ${nonce}`, async () => wrongNonce(send(await sign({ nonce })), 1, nonce));
    }

    for (const [what, changes] of [
      ['for another chain', { domain: { chainId: 1 } }],
      ['for another contract', { domain: { verifyingContract: ethers.ZeroAddress } }],
      ['under another name', { domain: { name: 'Governor' } }],
      ['in another version', { domain: { version: '2' } }],
      ['with another nonce', { content: { nonce: 3n } }],
      ['for another member', { content: { proposer: ethers.ZeroAddress } }],
      ['for another kind', { content: { kind: Kind.CloseJob } }],
      ['for the removal of another', { content: { action: removal(2) } }],
      ['until another deadline', { message: { deadline: 1n } }],
      ['with a broken signature', { r: ethers.ZeroHash }],
    ]) {
      it(`when signed ${what}`, async () => {
        const ready = await sign(changes);
        await refused(send(ready), ready, 'WrongSigner');
      });
    }

    it('in another consortium of the same members', async () => {
      const twin = await deploy(members.map(({ address }) => address), Array(4).fill(ALL));
      const ready = await sign();
      await reverts(twin.ballots.proposeBySignature(Kind.RemoveMember, removal(), ready), ballots, 'Ballots_ProposalRefused', [
        members[1].address, 1, Refusal.WrongSigner,
      ]);
    });

    it('as another member\'s, or nobody\'s', async () => {
      for (const member of [members[2].address, ethers.ZeroAddress]) {
        const ready = await sign({ member, nonce: 1n, r: ethers.ZeroHash });
        await refused(send(ready), ready, 'WrongSigner');
      }
    });

    it('in any other form: a high s, the compact form, another v', async () => {
      const good = await sign();
      const high = ethers.toBeHex(ORDER - BigInt(good.s), 32);
      const compact = ethers.toBeHex(BigInt(good.s) | 1n << 255n, 32);
      for (const changes of [
        { s: high, v: good.v === 27 ? 28 : 27 }, { s: compact }, ...[0, 1, 26, 29].map((v) => ({ v })),
      ]) {
        await refused(send({ ...good, ...changes }), good, 'SignatureNotCanonical');
      }
      await send(good);
    });

    it('after its deadline\'s second, not in it', async () => {
      const deadline = BigInt((await ethers.provider.getBlock('latest')).timestamp + 100);
      const late = await sign({ deadline, nonce: 2n });
      const ready = await sign({ deadline });
      await at(deadline);
      await send(ready);
      await at(deadline + 1n);
      await refused(send(late), late, 'SignatureExpired');
    });

    it('when its key was replaced meanwhile', async () => {
      const ready = await sign();
      await consortium.connect(members[1]).rotateKey(relayer.address);
      await reverts(send(ready), consortium, 'Consortium_NotMember', [members[1].address]);
      await send(await sign({}, { signer: relayer }));
    });

    it('when its member was removed meanwhile, and of a stranger', async () => {
      await decide(ballots, members.slice(0, 3), await propose(ballots, members[0], 'proposeRemoval', 1));
      for (const signer of [members[1], relayer]) {
        await reverts(send(await sign({}, { signer })), consortium, 'Consortium_NotMember', [signer.address]);
      }
    });

    it('where the direct call is', async () => {
      const { releases, ledger } = world;
      const none = random();
      for (const [kind, action, contract, error, args] of [
        ['AdmitMember', encode(['address', 'uint8', 'bytes32[2]'], ethers.ZeroAddress, 1, nameOf('Delta')), ballots, 'Ballots_ZeroAddress', []],
        ['AdmitMember', encode(['address', 'uint8', 'bytes32[2]'], relayer.address, 8, nameOf('Delta')), ballots, 'Ballots_InvalidRoles', [8]],
        ['RemoveMember', removal(4), consortium, 'Consortium_UnknownIndex', [4]],
        ['ChangeRoles', encode(['uint8', 'uint8'], 4, 1), consortium, 'Consortium_UnknownIndex', [4]],
        ['ChangeRoles', encode(['uint8', 'uint8'], 1, 0), ballots, 'Ballots_InvalidRoles', [0]],
        ['ChangeRules', encode(Array(4).fill('uint32'), ...Object.values({ ...RULES, majority: 4999 })), ballots, 'Ballots_InvalidRules', []],
        ['CloseJob', encode(['uint32'], 2), ledger, 'RoundLedger_UnknownJob', [2]],
        ['Release', encode([WORD, WORD, 'uint32', 'uint32', WORD, WORD, WORD], text('a'), text('1'), 1, 2, none, none, none),
          releases, 'ReleaseBoard_NotFinalised'],
        ['Release', encode([WORD, WORD, 'uint32', 'uint32', WORD, WORD, WORD], text('A'), text('1'), 1, 1, none, none, none),
          releases, 'ReleaseBoard_InvalidName', [text('A')]],
        ['Revoke', encode([WORD, WORD, WORD], text('none'), text('1'), none), releases, 'ReleaseBoard_UnknownRelease'],
        ['RollBack', encode([WORD, WORD], text('none'), text('1')), releases, 'ReleaseBoard_UnknownRelease'],
        ['NameSuccessor', encode(['uint64', 'address'], 1, ethers.ZeroAddress), ballots, 'Ballots_ZeroAddress', []],
        ['RewindJob', encode(['uint32', 'uint32'], 1, 1), ledger, 'RoundLedger_NotConvicted', [1]],
      ]) {
        const ready = await sign({}, { kind: Kind[kind], action });
        await reverts(send(ready, Kind[kind], action), contract, error, args);
      }
      assert.equal(await ballots.proposals(), 1n);
    });

    it('unless its action is the one encoding of its kind', async () => {
      const word = (value) => ethers.toBeHex(value, 32);
      for (const [name, action] of Object.entries(actions)) {
        for (const bad of ['0x', ethers.concat([action, '0x00']), ethers.concat([action, word(0)]), ethers.dataSlice(action, 0, -1)]) {
          const ready = await sign();
          await reverts(send(ready, Kind[name], bad), ballots, 'Ballots_InvalidAction', [Kind[name], bad]);
        }
      }
      for (const [name, bad] of [
        ['AdmitMember', ethers.concat([word(1n << 160n), word(1), ...nameOf('Delta')])],
        ['AdmitMember', ethers.concat([word(1), word(256), ...nameOf('Delta')])],
        ['RemoveMember', word(256)],
        ['ChangeRoles', ethers.concat([word(256), word(1)])],
        ['ChangeRules', ethers.concat([word(1 << 16), ...Object.values(RULES).slice(1).map(word)])],
        ['ChangeRules', ethers.concat([...Object.values(RULES).slice(0, 3).map(word), word(1n << 32n)])],
        ['CloseJob', word(1n << 32n | 1n)],
        ['Release', ethers.concat([text('a'), text('1'), word(1n << 32n | 1n), word(1), random(), random(), random()])],
        ['RewindJob', ethers.concat([word(1n << 32n | 1n), word(1)])],
        ['RewindJob', ethers.concat([word(1), word(1n << 32n | 1n)])],
        ['NameSuccessor', ethers.concat([word(1n << 64n), word(1)])],
        ['NameSuccessor', ethers.concat([word(1), word(1n << 255n)])],
      ]) {
        const ready = await sign();
        await reverts(send(ready, Kind[name], bad), ballots, 'Ballots_InvalidAction', [Kind[name], bad]);
      }
      const none = await sign();
      await reverts(send(none, 0, '0x'), ballots, 'Ballots_InvalidAction', [0, '0x']);
      assert.equal(await ballots.proposals(), 1n);
    });

    it('with a kind that there is not, and changes nothing', async () => {
      const ready = await sign();
      const data = ballots.interface.encodeFunctionData('proposeBySignature', [Kind.RemoveMember, removal(), ready]);
      const bad = `${data.slice(0, 10)}${ethers.toBeHex(10, 32).slice(2)}${data.slice(74)}`;
      await assert.rejects(relayer.sendTransaction({ to: await ballots.getAddress(), data: bad }));
      assert.equal(await ballots.proposals(), 1n);
    });
  });
});
