'use strict';

const assert = require('node:assert/strict');
const {
  PARTICIPANT, AGGREGATOR, SCORER, ALL, Phase, TERMS, openJob, anUpdate, commit, reveal, opened, anAggregate, publish,
  agree, claimOf, propose, decide, at, deadlineOf, phaseOf, reverts, finalised, attested, registered,
} = require('./support');

const LONG = { ...TERMS, updateSeconds: 5000, aggregateSeconds: 5000 };

describe('A role', () => {
  let world, ledger, members;
  const given = async (made) => ({ ledger, members } = (world = await made));
  const change = async (index, roles) =>
    decide(world.ballots, members.slice(0, 3), await propose(world.ballots, members[0], 'proposeRoles', index, roles));

  it('that was gained waits for the next round, and nobody waits for it', async () => {
    await given(openJob([ALL, ALL, ALL, SCORER], LONG));
    await ledger.openRound(1);
    await change(3, ALL);
    const { address } = members[3];
    await reverts(commit(ledger, members[3]), ledger, 'RoundLedger_NotInElectorate', [address, 2, 1]);
    const updates = members.slice(0, 3).map((member) => anUpdate(member));
    for (const [i, update] of updates.entries()) await commit(ledger, members[i], update);
    assert.equal(await phaseOf(ledger), Phase.Opening);
    await reveal(ledger, updates);
    await at((await deadlineOf(ledger)) - 4999n);
    const aggregate = await anAggregate(ledger);
    await reverts(publish(ledger, members[3], aggregate), ledger, 'RoundLedger_NotInElectorate', [address, 2, 1]);

    const last = await anAggregate(ledger);
    await publish(ledger, members[1], last);
    await agree(ledger, members[3], await claimOf(ledger, 1, 1, last)); // a vote needs no role
    await agree(ledger, members[2], await claimOf(ledger, 1, 1, last));
    await ledger.connect(members[3]).openRound(1);
    assert.deepEqual((await ledger.roundOf(1)).toArray().slice(5, 8), [4n, 4n, 4n]);
    await registered(ledger, members, 2);
  });

  it('that was lost is gone at once', async () => {
    await given(opened([ALL, ALL, ALL, ALL], LONG));
    await change(0, PARTICIPANT);
    const aggregate = await anAggregate(ledger);
    await reverts(publish(ledger, members[0], aggregate), ledger, 'RoundLedger_RoleMissing', [members[0].address, AGGREGATOR]);
  });

  it('that was lost lets its key commit in the open round, where it had committed before, and in no other', async () => {
    await given(finalised([ALL, ALL, ALL, ALL], undefined, LONG));
    await ledger.openRound(1);
    await change(3, SCORER);
    const updates = members.map((member) => anUpdate(member));
    for (const [i, member] of members.entries()) await commit(ledger, member, updates[i], 2);
    await reveal(ledger, updates, 2);
    const aggregate = await anAggregate(ledger);
    await publish(ledger, members[0], aggregate, 2);
    await attested(world, aggregate, 2);
    await ledger.openRound(1);
    await reverts(commit(ledger, members[3], undefined, 3), ledger, 'RoundLedger_RoleMissing', [members[3].address, PARTICIPANT]);
  });
});
