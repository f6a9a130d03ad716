'use strict';

const assert = require('node:assert/strict');
const { ethers, network } = require('hardhat');
const {
  PARTICIPANT, AGGREGATOR, SCORER, ALL, Phase, Form, Reason, TERMS, MODEL, ZERO, random, encoded, claimOf, openJob,
  anUpdate, commit, reveal, registered, collected, opened, published, attested, finalised, anAggregate, publish,
  agree, oppose, at, deadlineOf, phaseOf, reverts, events,
} = require('./support');

const AGGREGATE = BigInt(TERMS.aggregateSeconds);
const NOTHING = { root: ZERO, cid: ZERO, carried: ZERO, verdicts: '0x01010101' };
const mine = (blocks) => network.provider.send('hardhat_mine', [ethers.toQuantity(blocks)]);

describe('An aggregate', () => {
  let ledger, consortium, members, strangers, deadline;
  const given = async (world) => {
    ({ ledger, consortium, members, strangers } = await world);
    deadline = await deadlineOf(ledger);
  };
  /** Published by this member, with these parts. */
  const offer = async (member, changes = {}, round = 1, job = 1) =>
    publish(ledger, member, await anAggregate(ledger, changes), round, job);

  it('is published once every update is open', async () => {
    await given(opened([ALL, ALL, ALL, SCORER]));
    const aggregate = await anAggregate(ledger);
    const sent = await publish(ledger, members[0], aggregate);
    const until = BigInt((await sent.getBlock()).timestamp + TERMS.attestSeconds);
    const [[name, job, round, aggregator, attempt, shown, end]] = await events(sent, ledger);
    assert.deepEqual(
      [name, job, round, aggregator, attempt, end], ['AggregatePublished', 1n, 1n, members[0].address, 1n, until]);
    assert.deepEqual(shown, [...Object.values(aggregate)].map((part, i) => (i === 3 ? BigInt(part) : part)));
    const { openedIn } = await ledger.roundOf(1);
    assert.deepEqual(
      (await ledger.roundOf(1)).toArray(),
      [1n, 1n, 1n, until, Phase.Attesting, 4n, 3n, 3n, 3n, 3n, 1n, 1n, 0n, 0n, openedIn, 3n]);
    await reverts(publish(ledger, members[0], aggregate), ledger, 'RoundLedger_WrongPhase', [1, Phase.Attesting]);
  });

  it('claims what its digest says', async () => {
    await given(opened());
    const aggregate = await anAggregate(ledger);
    const { chainId } = await ethers.provider.getNetwork();
    const kind = ethers.keccak256(ethers.toUtf8Bytes('fedledger/claim/5'));
    const { base, root, cid, asOf, anchor, head, receipts, carried, verdicts } = aggregate;
    const types = ['bytes32', 'uint256', 'address', 'uint32', 'uint32', 'bytes32', 'bytes32', 'bytes32', 'bytes32', 'uint40',
      'bytes32', 'bytes32', 'bytes32', 'bytes32', 'bytes32'];
    const values = [kind, chainId, await ledger.getAddress(), 1, 2, base, await ledger.openedOf(1), root, cid, asOf, anchor, head, receipts,
      carried, ethers.keccak256(verdicts)];
    assert.equal(await claimOf(ledger, 1, 2, aggregate), ethers.keccak256(encoded(types, values)));
  });

  it('is refused with a claim that is not that of the openings, or of the round', async () => {
    await given(opened());
    const [aggregate, sender] = [await anAggregate(ledger), ledger.connect(members[0])];
    const claim = await claimOf(ledger, 1, 1, aggregate);
    for (const other of [
      ZERO, random(), await ledger.claimOf(1, 1, random(), aggregate), await claimOf(ledger, 1, 2, aggregate),
      await claimOf(ledger, 1, 1, { ...aggregate, head: random() }),
    ]) {
      await reverts(sender.publishAggregate(1, 1, aggregate, other), ledger, 'RoundLedger_WrongClaim', [other, claim]);
    }
    await sender.publishAggregate(1, 1, aggregate, claim);
    assert.equal(await ledger.claimBy(1), claim);
  });

  for (const [what, changes] of [
    ['a root without a CID', { cid: ZERO }], ['a CID without a root', { root: ZERO, carried: ZERO }],
    ['something carried without a model', { root: ZERO, cid: ZERO }],
  ]) {
    it(`is refused with ${what}`, async () => {
      await given(opened());
      await reverts(offer(members[0], changes), ledger, 'RoundLedger_InvalidAggregate', []);
    });
  }

  it('has one verdict for each open update', async () => {
    await given(opened());
    for (const count of [0, 3, 5]) {
      const verdicts = `0x${'00'.repeat(count)}`;
      await reverts(offer(members[0], { verdicts }), ledger, 'RoundLedger_WrongVerdicts', [count, 4]);
    }
  });

  it('builds on the job\'s initial model, then on the latest', async () => {
    const root = random();
    await given(finalised([ALL, ALL, ALL], root));
    assert.equal((await ledger.courseOf(1)).latest, 1n);
    await ledger.openRound(1);
    await registered(ledger, members, 2);
    await reverts(offer(members[0], { base: MODEL.initial }, 2), ledger, 'RoundLedger_WrongBase', [MODEL.initial, root]);
    await offer(members[0], { base: root }, 2);

    await given(opened());
    const base = random();
    await reverts(offer(members[0], { base }), ledger, 'RoundLedger_WrongBase', [base, MODEL.initial]);
    await offer(members[0], { base: MODEL.initial });
  });

  it('names a block that holds every opening', async () => {
    await given(opened());
    const last = Number((await ledger.roundOf(1)).openedIn);
    // A call that reverts is mined as well.
    const block = async (asOf) => offer(members[0], { asOf, anchor: (await ethers.provider.getBlock(asOf)).hash });
    await reverts(block(last - 1), ledger, 'RoundLedger_WrongBlock', [last - 1, last, last + 1]);
    await reverts(offer(members[0], { asOf: last + 2 }), ledger, 'RoundLedger_WrongBlock', [last + 2, last, last + 2]);
    await block(last);
  });

  it('names its hash on this branch of the chain', async () => {
    await given(opened());
    const anchor = random();
    const { asOf, anchor: expected } = await anAggregate(ledger);
    await reverts(offer(members[0], { anchor }), ledger, 'RoundLedger_WrongAnchor', [asOf, anchor, expected]);
  });

  it('names one of the last 256 blocks', async () => {
    await given(openJob([ALL, ALL, ALL], { ...TERMS, aggregateSeconds: 5000 }));
    await ledger.openRound(1);
    await registered(ledger, members);
    const { asOf, anchor } = await anAggregate(ledger);
    await mine(255);
    const state = await network.provider.send('evm_snapshot', []);
    await offer(members[0], { asOf, anchor });
    await network.provider.send('evm_revert', [state]);
    await mine(1);
    await reverts(offer(members[0], { asOf, anchor }), ledger, 'RoundLedger_WrongAnchor', [asOf, anchor, ZERO]);
    await reverts(offer(members[0], { asOf, anchor: ZERO }), ledger, 'RoundLedger_WrongAnchor', [asOf, ZERO, ZERO]);
    await offer(members[0]);
  });

  it('is an aggregator\'s, for the current round', async () => {
    await given(opened([ALL, ALL, ALL, PARTICIPANT]));
    const { address } = members[3];
    await reverts(offer(members[3]), ledger, 'RoundLedger_RoleMissing', [address, AGGREGATOR]);
    await reverts(offer(strangers[0]), consortium, 'Consortium_NotMember', [strangers[0].address]);
    await reverts(offer(members[0], {}, 2), ledger, 'RoundLedger_WrongRound', [1, 2, 1]);
    await reverts(offer(members[0], {}, 0, 2), ledger, 'RoundLedger_WrongPhase', [2, Phase.None]);
  });

  it('waits for the openings until the deadline', async () => {
    await given(openJob([ALL, ALL, ALL]));
    await ledger.openRound(1);
    await reverts(offer(members[0]), ledger, 'RoundLedger_WrongPhase', [1, Phase.Collecting]);
    const updates = members.map((member) => anUpdate(member));
    for (const [i, member] of members.entries()) await commit(ledger, member, updates[i]);
    deadline = await deadlineOf(ledger);
    await reveal(ledger, updates.slice(1));
    await at(deadline);
    await reverts(offer(members[0]), ledger, 'RoundLedger_WrongPhase', [1, Phase.Opening]);
    await at(deadline + 1n);
    await offer(members[0]);
  });

  it('waits for nothing where a key rotated', async () => {
    const world = await collected();
    await given(world);
    await consortium.connect(members[1]).rotateKey(strangers[0].address);
    await reveal(ledger, world.updates);
    await offer(members[0]);
  });

  it('is the opener\'s for half of the time, then every aggregator\'s, who strikes the opener, then nobody\'s', async () => {
    const half = () => deadline - AGGREGATE;
    await given(opened());
    await reverts(offer(members[1]), ledger, 'RoundLedger_NotYourTurn', [members[1].address, members[0].address, half()]);
    await at(half());
    await reverts(offer(members[1]), ledger, 'RoundLedger_NotYourTurn');
    await at(half() + 1n);
    await offer(members[1]);
    assert.deepEqual([await ledger.strikesOf(1, 0), await ledger.strikesOf(1, 1)], [1n, 0n]);

    await given(opened());
    await at(deadline);
    await offer(members[0]);
    assert.equal(await ledger.strikesOf(1, 0), 0n);

    await given(opened());
    await at(deadline + 1n);
    await reverts(offer(members[0]), ledger, 'RoundLedger_DeadlinePassed', [deadline, deadline + 1n]);
    await ledger.advance(1, 1);
  });

  it('has the same turns where time alone ended the openings', async () => {
    const world = await collected();
    await given(world);
    await reveal(ledger, world.updates.slice(1));
    deadline += 2n * AGGREGATE;
    await at(deadline - AGGREGATE);
    await reverts(offer(members[1]), ledger, 'RoundLedger_NotYourTurn', [
      members[1].address, members[0].address, deadline - AGGREGATE,
    ]);
    await at(deadline);
    await offer(members[1]);
    assert.equal(await ledger.strikesOf(1, 0), 1n);
  });

  it('is another\'s where the opener\'s key rotated', async () => {
    await given(opened());
    await consortium.connect(members[0]).rotateKey(strangers[0].address);
    await reverts(offer(strangers[0]), ledger, 'RoundLedger_NotInElectorate', [strangers[0].address, 2, 1]);
    await reverts(offer(members[0]), consortium, 'Consortium_NotMember', [members[0].address]);
    await reverts(offer(members[1]), ledger, 'RoundLedger_NotYourTurn');
    await at(deadline - AGGREGATE + 1n);
    await offer(members[1]);
  });
});

describe('An attestation', () => {
  let ledger, consortium, members, strangers, aggregate, claim;
  const given = async (world) => ({ ledger, consortium, members, strangers, aggregate, claim } = await world);
  const attest = (member, form, claimed, detail = random(), attempt = 1) =>
    ledger.connect(member).attest(1, 1, attempt, form, claimed, detail);

  it('finalises with a majority, the aggregator\'s own included', async () => {
    await given(published());
    const detail = random();
    assert.deepEqual(await events(attest(members[1], Form.Agree, claim, detail), ledger), [
      ['Attested', 1n, 1n, members[1].address, 1n, Form.Agree, claim, detail],
    ]);
    assert.equal(await phaseOf(ledger), Phase.Attesting);
    assert.equal(await ledger.modelOf(1, 1), ZERO);
    const sent = await attest(members[2], Form.Agree, claim, detail);
    assert.deepEqual(await events(sent, ledger), [
      ['Attested', 1n, 1n, members[2].address, 1n, Form.Agree, claim, detail],
      ['RoundFinalised', 1n, 1n, 1n, aggregate.root],
    ]);
    assert.equal(await phaseOf(ledger), Phase.Finalised);
    assert.equal(await ledger.modelOf(1, 1), aggregate.root);
    assert.equal(await ledger.claimAfter(1, 0), claim);
    const { timestamp } = await sent.getBlock();
    assert.deepEqual((await ledger.courseOf(1)).toArray(), [members[0].address, 0n, 1n, 1n, BigInt(timestamp)]);
  });

  it('agrees with what was published, or says another claim', async () => {
    await given(published());
    const other = random();
    for (const form of [Form.Agree, Form.Missing]) {
      await reverts(attest(members[1], form, other), ledger, 'RoundLedger_WrongClaim', [other, claim]);
    }
    await reverts(attest(members[1], Form.Other, claim), ledger, 'RoundLedger_WrongClaim', [claim, claim]);
    await assert.rejects(attest(members[1], 3n, claim));
    const { agreeing, against } = await ledger.roundOf(1);
    assert.deepEqual([agreeing, against], [1n, 0n]);
  });

  it('counts against where bytes are missing', async () => {
    await given(published());
    const lacking = ethers.toBeHex((1n << 255n) | 2n, 32);
    assert.deepEqual(await events(attest(members[1], Form.Missing, claim, lacking), ledger), [
      ['Attested', 1n, 1n, members[1].address, 1n, Form.Missing, claim, lacking],
    ]);
    assert.equal((await ledger.roundOf(1)).against, 1n);
    await oppose(ledger, members[2]);
    assert.equal(await phaseOf(ledger), Phase.Aggregating);
  });

  it('is refused for another round, phase or attempt', async () => {
    await given(opened());
    await reverts(agree(ledger, members[1], random(), 0), ledger, 'RoundLedger_WrongPhase', [1, Phase.Aggregating]);
    await given(published());
    await reverts(agree(ledger, members[1], claim, 1, 2), ledger, 'RoundLedger_WrongRound', [1, 2, 1]);
    await reverts(agree(ledger, members[1], claim, 2), ledger, 'RoundLedger_WrongAttempt', [1, 2, 1]);
  });

  it('is made once by each member, the aggregator included', async () => {
    await given(published());
    await agree(ledger, members[1], claim);
    for (const member of members.slice(0, 2)) {
      await reverts(oppose(ledger, member), ledger, 'RoundLedger_AlreadyAttested', [1, 1, 1, member.address]);
    }
  });

  it('is in time until the deadline\'s second', async () => {
    await given(published());
    const deadline = await deadlineOf(ledger);
    await at(deadline);
    await agree(ledger, members[1], claim);
    await at(deadline + 1n);
    await reverts(agree(ledger, members[2], claim), ledger, 'RoundLedger_DeadlinePassed', [deadline, deadline + 1n]);
  });

  it('is a member\'s, in any role, with the key it had when the round opened', async () => {
    await given(published([ALL, PARTICIPANT, SCORER, ALL]));
    await agree(ledger, members[2], claim);
    await reverts(agree(ledger, strangers[0], claim), consortium, 'Consortium_NotMember', [strangers[0].address]);
    await consortium.connect(members[3]).rotateKey(strangers[0].address);
    await reverts(agree(ledger, members[3], claim), consortium, 'Consortium_NotMember', [members[3].address]);
    await reverts(
      agree(ledger, strangers[0], claim), ledger, 'RoundLedger_NotInElectorate', [strangers[0].address, 2, 1]);
  });

  it('is not made twice by rotating the key', async () => {
    await given(published());
    await agree(ledger, members[1], claim);
    await consortium.connect(members[1]).rotateKey(strangers[0].address);
    await reverts(
      agree(ledger, strangers[0], claim), ledger, 'RoundLedger_NotInElectorate', [strangers[0].address, 2, 1]);
  });

  describe('that comes late', () => {
    it('is on record, once for each member, and changes nothing', async () => {
      await given(published());
      await attested({ ledger, consortium, members }, aggregate);
      const before = [await ledger.roundOf(1), await ledger.courseOf(1)];
      const detail = random();
      assert.deepEqual(await events(attest(members[3], Form.Agree, claim, detail), ledger), [
        ['Attested', 1n, 1n, members[3].address, 1n, Form.Agree, claim, detail],
      ]);
      assert.deepEqual([await ledger.roundOf(1), await ledger.courseOf(1)], before);
      for (const member of members) {
        await reverts(agree(ledger, member, claim), ledger, 'RoundLedger_AlreadyAttested', [1, 1, 1, member.address]);
      }
    });

    it('agrees, with this claim and attempt', async () => {
      await given(published());
      await attested({ ledger, consortium, members }, aggregate);
      const other = random();
      await reverts(agree(ledger, members[3], other), ledger, 'RoundLedger_WrongClaim', [other, claim]);
      await reverts(agree(ledger, members[3], claim, 2), ledger, 'RoundLedger_WrongAttempt', [1, 2, 1]);
      for (const form of [Form.Other, Form.Missing]) {
        await reverts(attest(members[3], form, claim), ledger, 'RoundLedger_WrongPhase', [1, Phase.Finalised]);
      }
    });

    it('is in time until the deadline\'s second', async () => {
      await given(published(Array(5).fill(ALL)));
      await attested({ ledger, consortium, members }, aggregate);
      const deadline = await deadlineOf(ledger);
      await at(deadline);
      await agree(ledger, members[3], claim);
      await at(deadline + 1n);
      await reverts(agree(ledger, members[4], claim), ledger, 'RoundLedger_DeadlinePassed', [deadline, deadline + 1n]);
    });

    it('is too late once the next round is open, or where no model was made', async () => {
      await given(published());
      await attested({ ledger, consortium, members }, aggregate);
      await ledger.openRound(1);
      await reverts(agree(ledger, members[3], claim), ledger, 'RoundLedger_WrongRound', [1, 1, 2]);

      await given(opened());
      const none = await anAggregate(ledger, NOTHING);
      await publish(ledger, members[0], none);
      await attested({ ledger, consortium, members }, none);
      claim = await claimOf(ledger, 1, 1, none);
      await reverts(agree(ledger, members[3], claim), ledger, 'RoundLedger_WrongPhase', [1, Phase.Abandoned]);
    });
  });

  for (const [members_, against] of [[3, 2], [4, 2], [5, 3]]) {
    it(`fails the attempt with ${against} of ${members_} against, when no majority for can be had`, async () => {
      await given(published(Array(members_).fill(ALL)));
      for (const member of members.slice(1, against)) {
        assert.deepEqual((await events(oppose(ledger, member), ledger)).map(([name]) => name), ['Attested']);
      }
      const sent = await oppose(ledger, members[against]);
      const deadline = BigInt((await sent.getBlock()).timestamp) + AGGREGATE;
      assert.deepEqual((await events(sent, ledger))[1], ['AttemptFailed', 1n, 1n, 1n, deadline]);
      assert.deepEqual([await phaseOf(ledger), await deadlineOf(ledger)], [Phase.Aggregating, deadline]);
      assert.equal(await ledger.strikesOf(1, 0), 1n);
    });
  }

  describe('that there is no model', () => {
    it('ends the round as abandoned, and lifts no strike', async () => {
      await given(opened());
      await at((await deadlineOf(ledger)) - AGGREGATE + 1n);
      await publish(ledger, members[1], await anAggregate(ledger));
      for (const member of members.slice(2)) await oppose(ledger, member);
      const none = await anAggregate(ledger, NOTHING);
      await publish(ledger, members[0], none);
      claim = await claimOf(ledger, 1, 1, none);
      await agree(ledger, members[1], claim, 2);
      assert.deepEqual(
        (await events(agree(ledger, members[2], claim, 2), ledger))[1],
        ['RoundAbandoned', 1n, 1n, Reason.TooFewUpdates]);
      assert.equal(await phaseOf(ledger), Phase.Abandoned);
      assert.equal(await ledger.modelOf(1, 1), ZERO);
      assert.equal((await ledger.courseOf(1)).finalised, 0n);
      assert.equal(await ledger.strikesOf(1, 0), 1n);
      await ledger.connect(members[2]).openRound(1);
    });

    it('fails like any other', async () => {
      await given(opened());
      await publish(ledger, members[0], await anAggregate(ledger, NOTHING));
      await oppose(ledger, members[1]);
      assert.equal((await events(oppose(ledger, members[2]), ledger))[1][0], 'AttemptFailed');
    });
  });
});
