'use strict';

const assert = require('node:assert/strict');
const { ethers } = require('hardhat');
const {
  PARTICIPANT, AGGREGATOR, SCORER, ALL, Phase, Reason, TERMS, ZERO, random, claimOf, openJob, submit, anAggregate,
  publish, collected, published, at, deadlineOf, phaseOf, reverts, events,
} = require('./support');

const AGGREGATE = BigInt(TERMS.aggregateSeconds);
const NOTHING = { root: ZERO, cid: ZERO, verdicts: '0x01010101' };

describe('An update', () => {
  let ledger, consortium, members, strangers, deadline;
  beforeEach(async () => {
    ({ ledger, consortium, members, strangers } = await openJob([ALL, ALL, ALL, AGGREGATOR]));
    await ledger.openRound(1);
    deadline = await deadlineOf(ledger);
  });

  it('is chained to the party\'s earlier ones', async () => {
    const party = members[1].address;
    const head = (last, update) => ethers.dataSlice(ethers.keccak256(ethers.AbiCoder.defaultAbiCoder().encode(
      ['bytes28', 'uint32', 'uint32', 'uint32', 'bytes32', 'bytes32'], [last, ...update])), 0, 28);
    const first = [1n, 1n, 569n, random(), random()];
    const sent = ledger.connect(members[1]).submitUpdate(...first);
    assert.deepEqual(await events(sent, ledger), [
      ['UpdateSubmitted', 1n, 1n, party, 569n, ...first.slice(3)],
    ]);
    const expected = head(`0x${'00'.repeat(28)}`, first);
    assert.deepEqual((await ledger.headOf(1, party)).toArray(), [expected, 1n]);

    await at(deadline + 2n * AGGREGATE + 1n);
    await ledger.abandonRound(1, 1);
    await ledger.openRound(1);
    const second = [1n, 2n, 1n, random(), random()];
    await ledger.connect(members[1]).submitUpdate(...second);
    assert.deepEqual((await ledger.headOf(1, party)).toArray(), [head(expected, second), 2n]);
  });

  it('is registered once by each party', async () => {
    await submit(ledger, members[1]);
    await reverts(submit(ledger, members[1]), ledger, 'RoundLedger_AlreadySubmitted', [1, 1, members[1].address]);
  });

  it('is registered for the current round of an open one only', async () => {
    for (const round of [0, 2]) {
      await reverts(submit(ledger, members[0], round), ledger, 'RoundLedger_WrongRound', [1, round, 1]);
    }
    await reverts(submit(ledger, members[0], 0, 2), ledger, 'RoundLedger_WrongPhase', [2, Phase.None]);
  });

  it('has a weight', () => reverts(
    ledger.submitUpdate(1, 1, 0, random(), random()), ledger, 'RoundLedger_ZeroWeight', []));

  it('is in time until the deadline\'s second', async () => {
    await at(deadline);
    await submit(ledger, members[0]);
    await at(deadline + 1n);
    await reverts(submit(ledger, members[1]), ledger, 'RoundLedger_DeadlinePassed', [deadline, deadline + 1n]);
  });

  it('is a participant\'s', async () => {
    await reverts(submit(ledger, members[3]), ledger, 'RoundLedger_RoleMissing', [members[3].address, PARTICIPANT]);
    await reverts(submit(ledger, strangers[0]), consortium, 'Consortium_NotMember', [strangers[0].address]);
  });

  it('is too late once an aggregate is published', async () => {
    for (const member of members.slice(0, 3)) await submit(ledger, member);
    await publish(ledger, members[0], anAggregate(3));
    await reverts(submit(ledger, members[0]), ledger, 'RoundLedger_WrongPhase', [1, Phase.Attesting]);
  });

  describe('of a member whose key rotates', () => {
    const nextRound = async () => {
      await at((await deadlineOf(ledger)) + 2n * AGGREGATE + 1n);
      await ledger.abandonRound(1, 1);
      await ledger.openRound(1);
    };

    it('is never registered twice in a round', async () => {
      await submit(ledger, members[1]);
      await consortium.connect(members[1]).rotateKey(strangers[0].address);
      await reverts(submit(ledger, strangers[0]), ledger, 'RoundLedger_NotInElectorate', [
        strangers[0].address, 2, 1,
      ]);
      await nextRound();
      await submit(ledger, strangers[0], 2);
      await reverts(submit(ledger, members[1], 2), consortium, 'Consortium_NotMember', [members[1].address]);
    });

    it('is the old key\'s in a round already open, if it submitted in that epoch before', async () => {
      await submit(ledger, members[1]);
      await nextRound();
      for (const [member, fresh] of [[members[1], strangers[0]], [members[2], strangers[1]]]) {
        await consortium.connect(member).rotateKey(fresh.address);
      }
      await submit(ledger, members[1], 2);
      await reverts(submit(ledger, members[2], 2), consortium, 'Consortium_NotMember', [members[2].address]);
    });
  });
});

describe('An aggregate', () => {
  let ledger, consortium, members, strangers, deadline;
  const given = async (world) => {
    ({ ledger, consortium, members, strangers } = await world);
    deadline = await deadlineOf(ledger);
  };

  it('is published once every participant has submitted', async () => {
    await given(collected([ALL, ALL, ALL, SCORER]));
    const aggregate = anAggregate(3);
    const sent = await publish(ledger, members[0], aggregate);
    const until = BigInt((await sent.getBlock()).timestamp + TERMS.attestSeconds);
    assert.deepEqual(await events(sent, ledger), [[
      'AggregatePublished', 1n, 1n, members[0].address, 1n, aggregate.root, aggregate.cid, aggregate.verdicts, until,
    ]]);
    assert.deepEqual((await ledger.roundOf(1)).toArray(), [1n, 1n, 1n, until, Phase.Attesting, 4n, 1n]);
    await reverts(publish(ledger, members[0], aggregate), ledger, 'RoundLedger_WrongPhase', [1, Phase.Attesting]);
  });

  it('claims what its digest says', async () => {
    await given(collected());
    const { root, cid, verdicts } = anAggregate();
    assert.equal(
      await claimOf(ledger, 1, 2, { root, cid, verdicts }),
      ethers.keccak256(ethers.AbiCoder.defaultAbiCoder().encode(
        ['uint32', 'uint32', 'bytes32', 'bytes32', 'bytes32'], [1, 2, root, cid, ethers.keccak256(verdicts)])),
    );
  });

  for (const [what, aggregate] of [
    ['a root without a CID', { root: random(), cid: ZERO, verdicts: '0x' }],
    ['a CID without a root', { root: ZERO, cid: random(), verdicts: '0x' }],
    ['256 verdicts', anAggregate(256)],
  ]) {
    it(`is refused with ${what}`, async () => {
      await given(collected());
      await reverts(publish(ledger, members[0], aggregate), ledger, 'RoundLedger_InvalidAggregate', []);
    });
  }

  it('may have 255 verdicts', async () => {
    await given(collected());
    await publish(ledger, members[0], anAggregate(255));
  });

  it('is an aggregator\'s, for the current round', async () => {
    await given(collected([ALL, ALL, ALL, PARTICIPANT]));
    const { address } = members[3];
    await reverts(publish(ledger, members[3], anAggregate()), ledger, 'RoundLedger_RoleMissing', [address, AGGREGATOR]);
    await reverts(
      publish(ledger, strangers[0], anAggregate()), consortium, 'Consortium_NotMember', [strangers[0].address]);
    await reverts(publish(ledger, members[0], anAggregate(), 2), ledger, 'RoundLedger_WrongRound', [1, 2, 1]);
    await reverts(publish(ledger, members[0], anAggregate(), 0, 2), ledger, 'RoundLedger_WrongPhase', [2, Phase.None]);
  });

  it('waits for every participant until the deadline', async () => {
    await given(openJob([ALL, ALL, ALL]));
    await ledger.openRound(1);
    for (const member of members.slice(0, 2)) await submit(ledger, member);
    deadline = await deadlineOf(ledger);
    await at(deadline);
    await reverts(
      publish(ledger, members[0], anAggregate()), ledger, 'RoundLedger_UpdatesMissing', [1, 1, members[2].address]);
    await at(deadline + 1n);
    await publish(ledger, members[0], anAggregate());
  });

  it('waits for the deadline where the epoch changed', async () => {
    await given(collected());
    await consortium.connect(members[1]).rotateKey(strangers[0].address);
    await at(deadline);
    await reverts(
      publish(ledger, members[0], anAggregate()), ledger, 'RoundLedger_DeadlineNotPassed', [deadline, deadline]);
    await publish(ledger, members[0], anAggregate());
  });

  it('is the opener\'s, then every aggregator\'s, then nobody\'s', async () => {
    const until = () => deadline + AGGREGATE;
    await given(collected());
    const early = publish(ledger, members[1], anAggregate());
    await reverts(early, ledger, 'RoundLedger_NotYourTurn', [members[1].address, members[0].address, until()]);
    await at(until());
    await reverts(publish(ledger, members[1], anAggregate()), ledger, 'RoundLedger_NotYourTurn');
    await at(until() + 1n);
    await publish(ledger, members[1], anAggregate());

    await given(collected());
    await at(until() + AGGREGATE);
    await publish(ledger, members[2], anAggregate());

    await given(collected());
    await at(until() + AGGREGATE + 1n);
    await reverts(publish(ledger, members[0], anAggregate()), ledger, 'RoundLedger_DeadlinePassed', [
      until() + AGGREGATE, until() + AGGREGATE + 1n,
    ]);
    await ledger.abandonRound(1, 1);
  });

  it('is another\'s where the opener\'s key rotated', async () => {
    await given(collected());
    await consortium.connect(members[0]).rotateKey(strangers[0].address);
    await at(deadline + 1n);
    await reverts(
      publish(ledger, strangers[0], anAggregate()), ledger, 'RoundLedger_NotInElectorate', [strangers[0].address, 2, 1]);
    await reverts(
      publish(ledger, members[0], anAggregate()), consortium, 'Consortium_NotMember', [members[0].address]);
    await reverts(publish(ledger, members[1], anAggregate()), ledger, 'RoundLedger_NotYourTurn');
    await at(deadline + AGGREGATE + 1n);
    await publish(ledger, members[1], anAggregate());
  });
});

describe('An attestation', () => {
  let ledger, consortium, members, strangers, aggregate, claim;
  const given = async (world) => ({ ledger, consortium, members, strangers, aggregate, claim } = await world);
  const attest = (member, claimed = claim, attempt = 1, round = 1) =>
    ledger.connect(member).attest(1, round, attempt, claimed);

  it('finalises with a majority, the aggregator\'s own included', async () => {
    await given(published());
    assert.deepEqual(await events(attest(members[1]), ledger), [
      ['Attested', 1n, 1n, members[1].address, 1n, claim, true],
    ]);
    assert.equal(await phaseOf(ledger), Phase.Attesting);
    assert.equal(await ledger.modelOf(1, 1), ZERO);
    assert.deepEqual(await events(attest(members[2]), ledger), [
      ['Attested', 1n, 1n, members[2].address, 1n, claim, true],
      ['RoundFinalised', 1n, 1n, 1n, aggregate.root, aggregate.cid],
    ]);
    assert.equal(await phaseOf(ledger), Phase.Finalised);
    assert.equal(await ledger.modelOf(1, 1), aggregate.root);
    await reverts(attest(members[3]), ledger, 'RoundLedger_WrongPhase', [1, Phase.Finalised]);
  });

  it('is refused for another round, phase or attempt', async () => {
    await given(collected());
    await reverts(attest(members[1], random(), 0), ledger, 'RoundLedger_WrongPhase', [1, Phase.Collecting]);
    await given(published());
    await reverts(attest(members[1], claim, 1, 2), ledger, 'RoundLedger_WrongRound', [1, 2, 1]);
    await reverts(attest(members[1], claim, 2), ledger, 'RoundLedger_WrongAttempt', [1, 2, 1]);
  });

  it('is given once by each member, the aggregator included', async () => {
    await given(published());
    await attest(members[1]);
    for (const member of members.slice(0, 2)) {
      await reverts(attest(member), ledger, 'RoundLedger_AlreadyAttested', [1, 1, 1, member.address]);
    }
  });

  it('is in time until the deadline\'s second', async () => {
    await given(published());
    const deadline = await deadlineOf(ledger);
    await at(deadline);
    await attest(members[1]);
    await at(deadline + 1n);
    await reverts(attest(members[2]), ledger, 'RoundLedger_DeadlinePassed', [deadline, deadline + 1n]);
  });

  it('is a member\'s, in any role, with the key it had when the round opened', async () => {
    await given(published([ALL, PARTICIPANT, SCORER, ALL]));
    await attest(members[2]);
    await reverts(attest(strangers[0]), consortium, 'Consortium_NotMember', [strangers[0].address]);
    await consortium.connect(members[3]).rotateKey(strangers[0].address);
    await reverts(attest(members[3]), consortium, 'Consortium_NotMember', [members[3].address]);
    await reverts(attest(strangers[0]), ledger, 'RoundLedger_NotInElectorate', [strangers[0].address, 2, 1]);
  });

  it('is not given twice by rotating the key', async () => {
    await given(published());
    await attest(members[1]);
    await consortium.connect(members[1]).rotateKey(strangers[0].address);
    await reverts(attest(strangers[0]), ledger, 'RoundLedger_NotInElectorate', [strangers[0].address, 2, 1]);
  });

  for (const [members_, against] of [[3, 2], [4, 2], [5, 3]]) {
    it(`refutes with ${against} of ${members_} against, when no majority for can be had`, async () => {
      await given(published(Array(members_).fill(ALL)));
      const lie = random();
      for (const member of members.slice(1, against)) {
        assert.deepEqual((await events(attest(member, lie), ledger)).map(([name]) => name), ['Attested']);
      }
      assert.deepEqual(await events(attest(members[against], lie), ledger), [
        ['Attested', 1n, 1n, members[against].address, 1n, lie, false],
        ['AggregateRefuted', 1n, 1n, members[0].address, 1n],
      ]);
      assert.equal(await phaseOf(ledger), Phase.Aggregating);
    });
  }

  describe('after a refutation', () => {
    /** Each says it got something else; the last one's transaction. */
    const refute = async (first, last, attempt = 1) => {
      await attest(first, random(), attempt);
      return attest(last, random(), attempt);
    };

    it('lets any aggregator but the refuted publish, at once, until the deadline', async () => {
      await given(published());
      const refutation = await refute(members[1], members[2]);
      const time = BigInt((await refutation.getBlock()).timestamp);
      const deadline = await deadlineOf(ledger);
      assert.equal(deadline, time + AGGREGATE);
      await reverts(
        publish(ledger, members[0], anAggregate()), ledger, 'RoundLedger_AggregatorRefuted', [members[0].address]);
      await reverts(attest(members[3]), ledger, 'RoundLedger_WrongPhase', [1, Phase.Aggregating]);
      await at(deadline);
      const second = anAggregate();
      await publish(ledger, members[1], second);
      await reverts(attest(members[2], claim), ledger, 'RoundLedger_WrongAttempt', [1, 1, 2]);
      claim = await claimOf(ledger, 1, 1, second);
      await attest(members[0], claim, 2);
      assert.deepEqual((await events(attest(members[2], claim, 2), ledger))[1], [
        'RoundFinalised', 1n, 1n, 2n, second.root, second.cid,
      ]);
      assert.equal(await ledger.modelOf(1, 1), second.root);
    });

    it('is too late for another aggregate after the deadline', async () => {
      await given(published());
      await refute(members[1], members[2]);
      const deadline = await deadlineOf(ledger);
      await at(deadline + 1n);
      await reverts(
        publish(ledger, members[1], anAggregate()), ledger, 'RoundLedger_DeadlinePassed', [deadline, deadline + 1n]);
    });

    it('ends the round when the attempts are used up', async () => {
      await given(published());
      await refute(members[1], members[2]);
      await publish(ledger, members[1], anAggregate());
      const names = (await events(refute(members[0], members[2], 2), ledger)).map(([name]) => name);
      assert.deepEqual(names, ['Attested', 'AggregateRefuted', 'RoundRefuted']);
      assert.equal(await phaseOf(ledger), Phase.Refuted);
      await reverts(
        publish(ledger, members[2], anAggregate()), ledger, 'RoundLedger_WrongPhase', [1, Phase.Refuted]);
      await ledger.openRound(1);
    });

    it('forgets the refuted in the next round', async () => {
      await given(published([ALL, ALL, ALL, ALL], { ...TERMS, attempts: 1 }));
      await refute(members[1], members[2]);
      await ledger.openRound(1);
      for (const member of members) await submit(ledger, member, 2);
      await publish(ledger, members[0], anAggregate(), 2);
    });
  });

  describe('that there is no model', () => {
    it('ends the round as abandoned', async () => {
      await given(collected());
      await publish(ledger, members[0], NOTHING);
      claim = await claimOf(ledger, 1, 1, NOTHING);
      await attest(members[1]);
      assert.deepEqual((await events(attest(members[2]), ledger))[1], ['RoundAbandoned', 1n, 1n, Reason.TooFewUpdates]);
      assert.equal(await phaseOf(ledger), Phase.Abandoned);
      assert.equal(await ledger.modelOf(1, 1), ZERO);
      await ledger.openRound(1);
    });

    it('is refuted like any other', async () => {
      await given(collected());
      await publish(ledger, members[0], NOTHING);
      await attest(members[1], random());
      assert.equal((await events(attest(members[2], random()), ledger))[1][0], 'AggregateRefuted');
    });
  });
});

describe('A round', () => {
  let ledger, consortium, members, strangers, claim;
  const given = async (world) => ({ ledger, consortium, members, strangers, claim } = await world);
  const abandon = (member = members[3]) => ledger.connect(member).abandonRound(1, 1);
  /** Until the last second in which the round cannot be abandoned yet. */
  const wait = async (seconds) => {
    const deadline = (await deadlineOf(ledger)) + seconds;
    await at(deadline);
    await reverts(abandon(), ledger, 'RoundLedger_DeadlineNotPassed', [deadline, deadline]);
  };

  it('nobody aggregates is abandoned by any member', async () => {
    await given(collected([ALL, ALL, ALL, SCORER]));
    await wait(2n * AGGREGATE);
    assert.deepEqual(await events(abandon(), ledger), [['RoundAbandoned', 1n, 1n, Reason.NoAggregate]]);
    assert.equal(await phaseOf(ledger), Phase.Abandoned);
    await reverts(abandon(), ledger, 'RoundLedger_WrongPhase', [1, Phase.Abandoned]);
  });

  it('too few attest is abandoned', async () => {
    await given(published());
    await wait(0n);
    assert.deepEqual(await events(abandon(), ledger), [['RoundAbandoned', 1n, 1n, Reason.NoQuorum]]);
  });

  it('nobody aggregates again is abandoned', async () => {
    await given(published());
    for (const member of members.slice(1, 3)) await ledger.connect(member).attest(1, 1, 1, random());
    await wait(0n);
    assert.deepEqual(await events(abandon(), ledger), [['RoundAbandoned', 1n, 1n, Reason.NoAggregate]]);
  });

  it('is abandoned by members alone, once, while it runs', async () => {
    await given(published());
    await at((await deadlineOf(ledger)) + 1n);
    await reverts(abandon(strangers[0]), consortium, 'Consortium_NotMember', [strangers[0].address]);
    await reverts(ledger.abandonRound(1, 2), ledger, 'RoundLedger_WrongRound', [1, 2, 1]);
    await reverts(ledger.abandonRound(2, 0), ledger, 'RoundLedger_WrongPhase', [2, Phase.None]);
    await consortium.connect(members[3]).rotateKey(strangers[0].address);
    await abandon(strangers[0]);
  });

  it('that ended otherwise is not abandoned', async () => {
    await given(published());
    for (const member of members.slice(1, 3)) await ledger.connect(member).attest(1, 1, 1, claim);
    await at((await deadlineOf(ledger)) + 1n);
    await reverts(abandon(), ledger, 'RoundLedger_WrongPhase', [1, Phase.Finalised]);

    await given(published([ALL, ALL, ALL, ALL], { ...TERMS, attempts: 1 }));
    for (const member of members.slice(1, 3)) await ledger.connect(member).attest(1, 1, 1, random());
    await at((await deadlineOf(ledger)) + 1n);
    await reverts(abandon(), ledger, 'RoundLedger_WrongPhase', [1, Phase.Refuted]);
  });

  it('whose whole electorate rotated is abandoned, and the job goes on', async () => {
    await given(published());
    for (const [i, member] of members.entries()) await consortium.connect(member).rotateKey(strangers[i].address);
    for (const stranger of strangers.slice(0, 4)) {
      await reverts(ledger.connect(stranger).attest(1, 1, 1, claim), ledger, 'RoundLedger_NotInElectorate');
    }
    await at((await deadlineOf(ledger)) + 1n);
    await abandon(strangers[2]);
    await ledger.connect(strangers[0]).openRound(1);
    await submit(ledger, strangers[1], 2);
  });
});
