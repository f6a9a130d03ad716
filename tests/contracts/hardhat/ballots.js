'use strict';

const assert = require('node:assert/strict');
const { ethers } = require('hardhat');
const {
  ALL, RULES, Choice, State, Kind, Refusal, random, deploy, found, propose, content, decide, domainOf,
  signed,
  wallets, at, reverts, events,
  nameOf, namesOf,
} = require('./support');
const { contentOf, idOfContent, placeOf, voteTypes } = require('./contents');

const ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141n;
const word = (...values) => ethers.AbiCoder.defaultAbiCoder().encode(values.map(() => 'uint256'), values);

describe('Ballots', () => {
  let consortium, ledger, scores, releases, ballots, members, strangers;
  const given = async (size = 4, rules = RULES) => {
    ({ consortium, ledger, scores, releases, ballots, members, strangers } = await found(Array(size).fill(ALL), rules));
  };
  const as = (signer) => ballots.connect(signer);
  const removal = (index = 3, proposer = members[0]) => propose(ballots, proposer, 'proposeRemoval', index);
  const vote = (member, made, choice = Choice.For) => as(member).vote(made.proposal, choice);
  const relay = (vote_, made) => as(strangers[0]).voteBySignature(made.proposal, Kind.RemoveMember, vote_);
  const execute = (made) => as(strangers[0]).execute(...content(made));
  const stateOf = async (made) => (await ballots.proposalOf(made.proposal)).state;
  const tally = async (made) => (await ballots.tallyOf(made.proposal)).toArray().map(Number);
  const refused = (call, made, member, reason) =>
    reverts(call, ballots, 'Ballots_VoteRefused', [made.proposal, member.address, Refusal[reason]]);
  beforeEach(() => given());

  describe('founding', () => {
    it('names every contract, and the rules', async () => {
      assert.equal(await consortium.ballots(), await ballots.getAddress());
      assert.equal(await ballots.consortium(), await consortium.getAddress());
      assert.equal(await ballots.ledger(), await ledger.getAddress());
      assert.equal(await ballots.releases(), await releases.getAddress());
      assert.equal(await releases.ledger(), await ledger.getAddress());
      assert.equal(await releases.scores(), await scores.getAddress());
      assert.deepEqual([await scores.ledger(), await scores.consortium()], [await ledger.getAddress(), await consortium.getAddress()]);
      assert.deepEqual(await events(ballots.deploymentTransaction(), ballots), [
        ['RulesChanged', Object.values(RULES).map(BigInt)],
      ]);
    });

    it('is refused where the contracts do not name each other', async () => {
      const other = await deploy(members.map(({ address }) => address), Array(4).fill(ALL));
      const make = (...contracts) => ethers.deployContract('Ballots', [...contracts, RULES]);
      await reverts(make(consortium, ledger, releases), ballots, 'Ballots_NotNamed', [
        await consortium.getAddress(), await ballots.getAddress(),
      ]);
      const [payer] = await ethers.getSigners();
      for (const [mine, board, wrong, actual] of [
        [other.ledger, releases, other.ledger, other.consortium], [null, other.releases, other.releases, other.ledger],
      ]) {
        const named = ethers.getCreateAddress({ from: payer.address, nonce: await payer.getNonce() + 2 });
        const fresh = await ethers.deployContract('Consortium', [members.map(({ address }) => address), Array(4).fill(ALL), namesOf(4), named]);
        const own = await ethers.deployContract('RoundLedger', [fresh, ethers.ZeroAddress]);
        await reverts(make(fresh, mine ?? own, board), ballots, 'Ballots_OtherConsortium', [
          await wrong.getAddress(), await actual.getAddress(),
        ]);
      }
    });
  });

  it('know no release whose scores are another ledger\'s', async () => {
    const other = await deploy(members.map(({ address }) => address), Array(4).fill(ALL));
    await reverts(ethers.deployContract('ReleaseBoard', [ledger, other.scores]), releases, 'ReleaseBoard_OtherLedger', [
      await other.scores.getAddress(), await other.ledger.getAddress(),
    ]);
  });

  describe('rules', () => {
    for (const [what, changes] of [
      ['a majority of less than half', { majority: 4999 }],
      ['a majority that one member could prevent', { majority: 6667 }],
      ['no time to vote', { voteSeconds: 0 }],
      ['more than a year to vote', { voteSeconds: 31_536_001 }],
      ['no time to execute', { executeSeconds: 0 }],
      ['more than a year to execute', { executeSeconds: 31_536_001 }],
      ['more than a year of delay', { delaySeconds: 31_536_001 }],
    ]) {
      it(`with ${what} are refused`, async () => {
        const bad = { ...RULES, ...changes };
        await reverts(ballots.proposeRules(bad), ballots, 'Ballots_InvalidRules', []);
        await reverts(deploy(members.map(({ address }) => address), Array(4).fill(ALL), bad), ballots, 'Ballots_InvalidRules', []);
      });
    }

    for (const [size, rules, needed] of [
      [3, {}, 2], [4, {}, 3], [5, {}, 3], [6, {}, 4], [7, {}, 4], [3, { majority: 6666 }, 2], [4, { majority: 6666 }, 3],
      [5, { majority: 6666 }, 4], [6, { majority: 6666 }, 4], [7, { majority: 6666 }, 5], [40, { majority: 6666 }, 27],
    ]) {
      it(`of majority ${rules.majority ?? 5000} want ${needed} of ${size} to be for it`, async () => {
        await given(size, { ...RULES, ...rules });
        const { proposal } = await removal(1);
        assert.equal((await ballots.proposalOf(proposal)).needed, BigInt(needed));
      });
    }

    it('change by a vote, for later proposals only', async () => {
      const rules = { majority: 6666, voteSeconds: 10, delaySeconds: 0, executeSeconds: 7 };
      await given(5);
      const older = await removal();
      const made = await propose(ballots, members[0], 'proposeRules', rules);
      assert.equal(made.kind, Kind.ChangeRules);
      const done = await decide(ballots, members.slice(0, 3), made);
      assert.deepEqual((await events(done, ballots)).map(([name]) => name), ['Executed', 'RulesChanged']);
      assert.deepEqual((await ballots.rules()).toArray(), Object.values(rules).map(BigInt));
      assert.equal((await ballots.proposalOf(older.proposal)).needed, 3n);
      const later = await ballots.proposalOf((await removal()).proposal);
      assert.deepEqual([later.needed, later.executableUntil - later.executableFrom], [4n, 6n]);
    });
  });

  describe('a proposal', () => {
    it('is named by proposer, nonce and content', async () => {
      const { address } = members[0];
      await removal(3, members[1]);
      assert.equal(await ballots.nonceOf(address), 0n);
      const made = await removal(3);
      assert.deepEqual([made.number, made.nonce, made.kind, made.action], [2n, 1n, Kind.RemoveMember, word(3)]);
      assert.equal(made.proposal, idOfContent(made));
      assert.equal(made.proposal, await ballots.idOf(address, 1, Kind.RemoveMember, word(3)));
      const { proposer, epoch, members: electorate, state, deadline, executableFrom, executableUntil } =
        await ballots.proposalOf(made.proposal);
      assert.deepEqual([proposer, epoch, electorate, state], [members[0].address, 1n, 4n, State.Voting]);
      assert.deepEqual([executableFrom - deadline, executableUntil - deadline], [101n, 600n]);
      assert.notEqual((await removal(3)).proposal, made.proposal);
      assert.deepEqual([await ballots.proposals(), await ballots.nonceOf(address)], [3n, 2n]);
    });

    it('is a member\'s', async () => {
      const [outsider] = strangers;
      const { address } = outsider;
      for (const [call, ...args] of [
        ['proposeAdmission', address, 1, nameOf('Delta')], ['proposeRemoval', 0], ['proposeRoles', 0, 1],
        ['proposeRules', { ...RULES, majority: 6000 }],
        ['proposeSuccessor', 1, address],
      ]) {
        await reverts(as(outsider)[call](...args), consortium, 'Consortium_NotMember', [address]);
      }
    });

    it('has arguments that can be', async () => {
      const key = strangers[0].address;
      for (const roles of [0, 8]) {
        await reverts(ballots.proposeAdmission(key, roles, nameOf('Delta')), ballots, 'Ballots_InvalidRoles', [roles]);
        await reverts(ballots.proposeRoles(0, roles), ballots, 'Ballots_InvalidRoles', [roles]);
      }
      await reverts(ballots.proposeAdmission(ethers.ZeroAddress, 1, nameOf('Delta')), ballots, 'Ballots_ZeroAddress', []);
      await reverts(ballots.proposeSuccessor(1, ethers.ZeroAddress), ballots, 'Ballots_ZeroAddress', []);
      await reverts(ballots.proposeRemoval(4), consortium, 'Consortium_UnknownIndex', [4]);
      await reverts(ballots.proposeRoles(4, 1), consortium, 'Consortium_UnknownIndex', [4]);
      await reverts(ballots.proposeClosing(1), ledger, 'RoundLedger_UnknownJob', [1]);
    });

    it('changes something', async () => {
      await reverts(ballots.proposeRoles(3, ALL), ballots, 'Ballots_ChangesNothing', [Kind.ChangeRoles]);
      await reverts(ballots.proposeRules(RULES), ballots, 'Ballots_ChangesNothing', [Kind.ChangeRules]);
      const next = [5, strangers[0].address];
      await decide(ballots, members.slice(0, 3), await propose(ballots, members[0], 'proposeSuccessor', ...next));
      await reverts(ballots.proposeSuccessor(...next), ballots, 'Ballots_ChangesNothing', [Kind.NameSuccessor]);
      await ballots.proposeSuccessor(6, next[1]);
    });

    it('that was never made is unknown', async () => {
      const none = random();
      for (const call of [
        () => ballots.vote(none, 1), () => ballots.close(none), () => ballots.cancel(none), () => ballots.proposalOf(none),
        () => ballots.tallyOf(none), () => ballots.bitmapsOf(none), () => ballots.voteBatch(none, Kind.RemoveMember, []),
      ]) {
        await reverts(call(), ballots, 'Ballots_UnknownProposal', [none]);
      }
      const made = await removal(3);
      const other = await ballots.idOf(made.proposer, 1, made.kind, word(2));
      await reverts(execute({ ...made, action: word(2) }), ballots, 'Ballots_UnknownProposal', [other]);
    });

    it('is cancelled by its proposer while nobody has voted', async () => {
      const made = await removal();
      await reverts(as(members[1]).cancel(made.proposal), ballots, 'Ballots_NotProposer', [
        made.proposal, members[1].address,
      ]);
      const ready = await signed(ballots, members[1], made.proposal);
      assert.deepEqual(await events(ballots.cancel(made.proposal), ballots), [['Cancelled', made.proposal]]);
      for (const call of [
        () => vote(members[1], made), () => relay(ready, made), () => ballots.voteBatch(made.proposal, Kind.RemoveMember, [ready]),
        () => ballots.cancel(made.proposal), () => ballots.close(made.proposal), () => execute(made),
      ]) {
        await reverts(call(), ballots, 'Ballots_WrongState', [made.proposal, State.Cancelled]);
      }
      const again = await removal();
      await refused(relay(ready, again), again, members[1], 'WrongSigner');
    });

    it('stays when a vote came before its proposer\'s cancellation', async () => {
      const made = await removal();
      await vote(members[1], made, Choice.Against);
      await reverts(ballots.cancel(made.proposal), ballots, 'Ballots_VotesCast', [made.proposal]);
      assert.deepEqual(await tally(made), [0, 1, 0]);
    });
  });

  describe('a vote', () => {
    it('is for, against, or neither', async () => {
      const made = await removal();
      for (const [member, choice] of [[0, Choice.For], [2, Choice.Against], [3, Choice.Abstain]]) {
        assert.deepEqual(await events(vote(members[member], made, choice), ballots), [
          ['Voted', made.proposal, members[member].address, BigInt(choice)],
        ]);
      }
      assert.deepEqual(await tally(made), [1, 1, 1]);
      assert.deepEqual((await ballots.bitmapsOf(made.proposal)).toArray(), [1n, 4n, 8n]);
    });

    for (const choice of [0, 4, 255]) {
      it(`is not ${choice}`, async () => {
        const made = await removal();
        await refused(vote(members[0], made, choice), made, members[0], 'InvalidChoice');
        const wrong = await signed(ballots, members[0], made.proposal, choice, { message: { choice: 'Abstain' } });
        await refused(relay(wrong, made), made, members[0], 'InvalidChoice');
      });
    }

    it('is given once, by either way', async () => {
      const made = await removal();
      const [direct, bySignature] = members;
      await vote(direct, made);
      await relay(await signed(ballots, bySignature, made.proposal), made);
      for (const member of [direct, bySignature]) {
        await refused(vote(member, made, Choice.Against), made, member, 'AlreadyVoted');
        await refused(relay(await signed(ballots, member, made.proposal, Choice.Against), made), made, member, 'AlreadyVoted');
      }
      assert.deepEqual(await tally(made), [2, 0, 0]);
    });

    it('is a member\'s, with the key it had', async () => {
      const made = await removal();
      const [fresh, outsider] = strangers;
      const old = await signed(ballots, members[1], made.proposal);
      await consortium.connect(members[1]).rotateKey(fresh.address);
      await refused(vote(outsider, made), made, outsider, 'NotMember');
      await refused(vote(members[1], made), made, members[1], 'NotMember');
      await refused(relay(old, made), made, members[1], 'NotMember');
      await refused(vote(fresh, made), made, fresh, 'NotInElectorate');
      await refused(relay(await signed(ballots, fresh, made.proposal), made), made, fresh, 'NotInElectorate');
      await vote(fresh, await removal());
    });

    it('is not that of a member removed or admitted meanwhile; what was cast stands', async () => {
      await given(5, { ...RULES, delaySeconds: 0, voteSeconds: 100_000 });
      const [newcomer] = strangers;
      const cast = await removal(2);
      await vote(members[4], cast);
      const open = await removal(2);
      const close = async (made) => {
        for (const member of members.slice(0, 3)) await vote(member, made);
        await ballots.close(made.proposal);
        await execute(made);
      };
      await close(await removal(4));
      await close(await propose(ballots, members[0], 'proposeAdmission', newcomer.address, ALL, nameOf('Delta')));
      await refused(vote(members[4], open), open, members[4], 'NotMember');
      await refused(vote(newcomer, open), open, newcomer, 'NotInElectorate');
      assert.deepEqual(await tally(cast), [1, 0, 0]);
      await vote(newcomer, await removal(2));
    });

    it('signed by a member that was removed since does not count', async () => {
      await given(5, { ...RULES, delaySeconds: 0, voteSeconds: 100_000 });
      const open = await removal(2);
      const ready = await signed(ballots, members[4], open.proposal);
      const leaving = await removal(4);
      for (const member of members.slice(0, 3)) await vote(member, leaving);
      await ballots.close(leaving.proposal);
      await execute(leaving);
      await refused(relay(ready, open), open, members[4], 'NotMember');
    });

    it('is in time until the deadline\'s second', async () => {
      const made = await removal();
      await at(made.deadline);
      await vote(members[0], made);
      await at(made.deadline + 1n);
      await reverts(vote(members[1], made), ballots, 'Ballots_WrongState', [made.proposal, State.Rejected]);
      await reverts(relay(await signed(ballots, members[1], made.proposal), made), ballots, 'Ballots_WrongState', [
        made.proposal, State.Rejected,
      ]);
    });
  });

  describe('in a consortium of more than one word,', () => {
    const PLACES = [0, 63, 64, 127, 128, 191, 192, 254];
    let keys, made, state;
    const of = (index) => keys[index];
    before(async () => {
      keys = await wallets(255);
      ({ consortium, ballots } = await deploy(keys.map(({ address }) => address), Array(255).fill(ALL)));
      made = await propose(ballots, of(0), 'proposeRemoval', 7);
      state = [await ethers.provider.send('evm_snapshot', []), consortium, ballots];
    });
    beforeEach(async () => {
      await ethers.provider.send('evm_revert', [state[0]]);
      state[0] = await ethers.provider.send('evm_snapshot', []);
      [, consortium, ballots] = state;
    });
    const wrong = async (index, expected) => {
      const ready = await signed(ballots, of(index), made.proposal);
      for (const call of [
        () => vote(of(index), made), () => ballots.voteBySignature(made.proposal, Kind.RemoveMember, ready),
        () => ballots.voteBatch(made.proposal, Kind.RemoveMember, [ready]),
      ]) {
        await reverts(call(), ballots, 'Ballots_WrongState', [made.proposal, expected]);
      }
    };

    it('every member has a place of its own', async () => {
      assert.equal((await ballots.proposalOf(made.proposal)).needed, 128n);
      for (const [i, place] of PLACES.entries()) {
        await vote(of(place), made, i % 3 + 1);
        await refused(vote(of(place), made), made, of(place), 'AlreadyVoted');
      }
      const bits = (...places) => places.reduce((sum, place) => sum | 1n << BigInt(place), 0n);
      assert.deepEqual((await ballots.bitmapsOf(made.proposal)).toArray(), [
        bits(0, 127, 192), bits(63, 128, 254), bits(64, 191),
      ]);
      assert.deepEqual(await tally(made), [3, 3, 2]);
    });

    it('a batch counts members of every word, each once', async () => {
      const batch = [];
      for (const place of [254, 0, 64, 192, 0, 254, 128, 65]) batch.push(await signed(ballots, of(place), made.proposal));
      const told = await events(ballots.voteBatch(made.proposal, Kind.RemoveMember, batch), ballots);
      assert.deepEqual(told.map(([name, , member]) => [name, keys.findIndex(({ address }) => address === member)]), [
        ['Voted', 254], ['Voted', 0], ['Voted', 64], ['Voted', 192], ['Voted', 128], ['Voted', 65],
      ]);
      assert.deepEqual(await tally(made), [6, 0, 0]);
    });

    it('a name next to a proposal\'s is unknown: nobody speaks in another member\'s place', async () => {
      for (const ahead of [1n, 2n, 3n, -1n]) {
        const near = ethers.toBeHex(BigInt(made.proposal) + ahead, 32);
        const ready = await signed(ballots, of(5), near);
        for (const call of [
          () => vote(of(5), { proposal: near }), () => ballots.voteBySignature(near, Kind.RemoveMember, ready), () => ballots.close(near),
          () => ballots.voteBatch(near, Kind.RemoveMember, [ready]), () => ballots.tallyOf(near),
        ]) {
          await reverts(call(), ballots, 'Ballots_UnknownProposal', [near]);
        }
      }
      assert.deepEqual(await tally(made), [0, 0, 0]);
    });

    it('a cancelled proposal is so for every member', async () => {
      await as(of(0)).cancel(made.proposal);
      for (const place of PLACES) await wrong(place, State.Cancelled);
    });

    it('a vote of any word prevents that its proposal is cancelled', async () => {
      await vote(of(254), made);
      await reverts(as(of(0)).cancel(made.proposal), ballots, 'Ballots_VotesCast', [made.proposal]);
    });

    it('a closed vote is so for every member', async () => {
      for (const key of keys.slice(0, 128)) await vote(key, made);
      await ballots.close(made.proposal);
      for (const place of PLACES) await wrong(place, State.Waiting);
      await at((await ballots.proposalOf(made.proposal)).executableFrom);
      await execute(made);
      for (const place of PLACES) await wrong(place, State.Executed);
    });

    it('a vote in the last second counts in any word', async () => {
      await at(made.deadline);
      await vote(of(254), made);
      await at(made.deadline + 1n);
      await ethers.provider.send('evm_mine', []);
      await wrong(64, State.Rejected);
      assert.deepEqual(await tally(made), [1, 0, 0]);
    });

    it('words that other batches stored before keep their votes', async () => {
      for (const places of [[64, 128], [65, 192], [66, 0]]) {
        const batch = await Promise.all(places.map((place) => signed(ballots, of(place), made.proposal)));
        await ballots.voteBatch(made.proposal, Kind.RemoveMember, batch);
      }
      assert.deepEqual(await tally(made), [6, 0, 0]);
      for (const place of [64, 65, 66]) await refused(vote(of(place), made), made, of(place), 'AlreadyVoted');
    });
  });

  it('A member for whom an older proposal has no word is outside its electorate', async () => {
    const keys = await wallets(65);
    const newcomer = keys.pop();
    ({ consortium, ballots } = await deploy(
      keys.map(({ address }) => address), Array(64).fill(ALL), { ...RULES, voteSeconds: 100_000 }));
    const older = await propose(ballots, keys[0], 'proposeRemoval', 7);
    const admission = await propose(ballots, keys[0], 'proposeAdmission', newcomer.address, ALL, nameOf('Delta'));
    for (const key of keys.slice(0, 33)) await vote(key, admission);
    await ballots.close(admission.proposal);
    await at((await ballots.proposalOf(admission.proposal)).executableFrom);
    await execute(admission);
    assert.deepEqual([await consortium.admitted(), (await consortium.membership(newcomer.address)).index], [65n, 64n]);
    const ready = await signed(ballots, newcomer, older.proposal);
    const good = await signed(ballots, keys[0], older.proposal);
    await refused(vote(newcomer, older), older, newcomer, 'NotInElectorate');
    await refused(relay(ready, older), older, newcomer, 'NotInElectorate');
    assert.deepEqual((await events(ballots.voteBatch(older.proposal, Kind.RemoveMember, [ready, good, ready]), ballots)), [
      ['Voted', older.proposal, keys[0].address, 1n],
    ]);
    assert.deepEqual(await tally(older), [1, 0, 0]);
    const later = await propose(ballots, newcomer, 'proposeRemoval', 7);
    await vote(newcomer, later);
    assert.deepEqual((await ballots.bitmapsOf(later.proposal)).toArray(), [1n << 64n, 0n, 0n]);
  });

  describe('a signed vote', () => {
    let made, other;
    beforeEach(async () => {
      made = await removal();
      other = await removal();
    });
    const sign = (changes, choice = Choice.For, signer = members[1]) =>
      signed(ballots, signer, made.proposal, choice, changes);

    it('counts like a direct one, relayed by anyone', async () => {
      assert.deepEqual(await events(relay(await sign({}, Choice.Against), made), ballots), [
        ['Voted', made.proposal, members[1].address, 2n],
      ]);
      assert.deepEqual(await tally(made), [0, 1, 0]);
    });

    it('has the digest of EIP-712', async () => {
      const domain = await domainOf(ballots);
      for (const [choice, number] of Object.entries(Choice)) {
        const message = { choice, [placeOf(made.kind)]: contentOf(made), member: members[1].address, deadline: 7n };
        assert.equal(
          await ballots.digestOf(made.proposal, made.kind, members[1].address, number, 7),
          ethers.TypedDataEncoder.hash(domain, voteTypes(made.kind), message),
        );
      }
    });

    for (const [what, changes] of [
      ['for another chain', { domain: { chainId: 1 } }],
      ['for another contract', { domain: { verifyingContract: ethers.ZeroAddress } }],
      ['under another name', { domain: { name: 'Governor' } }],
      ['in another version', { domain: { version: '2' } }],
      ['for the removal of another member', { content: { action: word(2) } }],
      ['for another member\'s proposal', { content: { proposer: ethers.ZeroAddress } }],
      ['for the proposer\'s next proposal', { content: { nonce: 2n } }],
      ['for a closing', { content: { kind: Kind.CloseJob } }],
      ['for another choice', { message: { choice: 'Against' } }],
      ['until another deadline', { message: { deadline: 1n } }],
      ['for another member', { message: { member: ethers.ZeroAddress } }],
      ['with a broken signature', { r: ethers.ZeroHash }],
    ]) {
      it(`is refused when signed ${what}`, async () => {
        await refused(relay(await sign(changes), made), made, members[1], 'WrongSigner');
      });
    }

    it('does not count for another proposal of the same content', async () => {
      await relay(await sign(), made);
      await refused(relay(await sign(), other), other, members[1], 'WrongSigner');
    });

    it('does not count in another consortium of the same members, for its proposal of the same name', async () => {
      const twin = await deploy(members.map(({ address }) => address), Array(4).fill(ALL));
      const same = await propose(twin.ballots, members[0], 'proposeRemoval', 3);
      assert.equal(same.proposal, made.proposal);
      await reverts(twin.ballots.voteBySignature(same.proposal, Kind.RemoveMember, await sign()), ballots, 'Ballots_VoteRefused', [
        same.proposal, members[1].address, Refusal.WrongSigner,
      ]);
    });

    it('is never of the kind that no proposal has', async () => {
      const NONE = 0n;
      const named = await propose(ballots, members[0], 'proposeSuccessor', 5, strangers[0].address);
      const ready = await signed(ballots, members[1], named.proposal);
      for (const call of [
        () => ballots.voteBySignature(named.proposal, NONE, ready),
        () => ballots.voteBatch(named.proposal, NONE, [ready]),
        () => ballots.digestOf(named.proposal, NONE, members[1].address, Choice.For, 1),
      ]) {
        await reverts(call(), ballots, 'Ballots_InvalidAction', [NONE, '0x']);
      }
      await ballots.voteBySignature(named.proposal, Kind.NameSuccessor, ready);
      assert.deepEqual(await tally(named), [1, 0, 0]);
    });

    it('that somebody else relayed first is counted once', async () => {
      const ready = await sign();
      await as(strangers[1]).voteBySignature(made.proposal, Kind.RemoveMember, ready);
      await refused(relay(ready, made), made, members[1], 'AlreadyVoted');
      assert.deepEqual(await events(ballots.voteBatch(made.proposal, Kind.RemoveMember, [ready]), ballots), []);
      assert.deepEqual(await tally(made), [1, 0, 0]);
    });

    it('is its signer\'s, not another member\'s, nor nobody\'s', async () => {
      await refused(relay(await sign({ member: members[2].address }), made), made, members[2], 'WrongSigner');
      const nobody = { address: ethers.ZeroAddress };
      await refused(relay(await sign({ member: nobody.address, r: ethers.ZeroHash }), made), made, nobody, 'WrongSigner');
    });

    it('has one form: no twin with a high s, no compact form, no other v', async () => {
      const good = await sign();
      const twin = { ...good, s: ethers.toBeHex(ORDER - BigInt(good.s), 32), v: good.v === 27 ? 28 : 27 };
      const compact = { ...good, s: ethers.toBeHex(BigInt(good.s) | 1n << 255n, 32) };
      const forms = [twin, compact, ...[0, 1, 26, 29].map((v) => ({ ...good, v }))];
      for (const form of forms) await refused(relay(form, made), made, members[1], 'SignatureNotCanonical');
      await relay(good, made);
      for (const form of forms) await refused(relay(form, made), made, members[1], 'SignatureNotCanonical');
      assert.deepEqual(await tally(made), [1, 0, 0]);
    });

    it('is in time until its own deadline\'s second', async () => {
      const deadline = made.deadline - 10n;
      await at(deadline);
      await relay(await sign({ deadline }), made);
      await at(deadline + 1n);
      const late = await sign({ deadline }, Choice.For, members[2]);
      await refused(relay(late, made), made, members[2], 'SignatureExpired');
    });
  });

  describe('a batch', () => {
    it('counts what it can, and leaves no event of the rest', async () => {
      await given(8);
      const made = await removal(7);
      const good = await Promise.all(members.slice(0, 4).map((member) => signed(ballots, member, made.proposal)));
      await consortium.connect(members[4]).rotateKey(strangers[0].address);
      const young = await signed(ballots, strangers[0], made.proposal);
      const old = await signed(ballots, members[4], made.proposal);
      const expired = await signed(ballots, members[5], made.proposal, Choice.For, { deadline: 1n });
      const wrong = await signed(ballots, members[5], made.proposal, 9, { message: { choice: 'Abstain' } });
      const stolen = { ...good[1], member: members[6].address };
      const high = { ...good[1], s: `0x${'ff'.repeat(32)}` };
      await relay(good[3], made);
      const sent = as(strangers[0]).voteBatch(made.proposal, Kind.RemoveMember, [
        good[0], good[0], young, old, expired, good[1], wrong, stolen, high, good[3], good[2],
      ]);
      assert.deepEqual((await events(sent, ballots)).map(([name, , member, value]) => [name, member, value]), [
        ['Voted', members[0].address, 1n],
        ['Voted', members[1].address, 1n],
        ['Voted', members[2].address, 1n],
      ]);
      for (const [ready, member, reason] of [
        [good[0], members[0], 'AlreadyVoted'], [young, strangers[0], 'NotInElectorate'], [old, members[4], 'NotMember'],
        [expired, members[5], 'SignatureExpired'], [wrong, members[5], 'InvalidChoice'],
        [stolen, members[6], 'WrongSigner'], [high, members[1], 'SignatureNotCanonical'],
      ]) {
        await refused(relay(ready, made), made, member, reason);
      }
      assert.deepEqual(await tally(made), [4, 0, 0]);
    });

    it('takes the first of two things that one member signed', async () => {
      const made = await removal();
      const both = [
        await signed(ballots, members[1], made.proposal, Choice.Against), await signed(ballots, members[1], made.proposal),
      ];
      assert.deepEqual((await events(ballots.voteBatch(made.proposal, Kind.RemoveMember, both), ballots)), [
        ['Voted', made.proposal, members[1].address, 2n],
      ]);
      assert.deepEqual(await tally(made), [0, 1, 0]);
    });

    it('of nothing but bad votes changes nothing', async () => {
      const made = await removal();
      const bad = await signed(ballots, strangers[0], made.proposal);
      assert.deepEqual(await events(ballots.voteBatch(made.proposal, Kind.RemoveMember, [bad, bad]), ballots), []);
      assert.deepEqual(await tally(made), [0, 0, 0]);
      await ballots.cancel(made.proposal);
    });

    it('of nothing changes nothing', async () => {
      const made = await removal();
      assert.deepEqual(await events(ballots.voteBatch(made.proposal, Kind.RemoveMember, []), ballots), []);
      assert.deepEqual(await tally(made), [0, 0, 0]);
    });
  });

  describe('a vote against', () => {
    it('never makes a proposal pass: 2 of 5 for it, and 1 against', async () => {
      await given(5);
      const [silent, opposed] = [await removal(4), await removal(4)];
      for (const made of [silent, opposed]) for (const member of members.slice(0, 2)) await vote(member, made);
      await vote(members[2], opposed, Choice.Against);
      await at(opposed.deadline + 101n);
      for (const made of [silent, opposed]) {
        await reverts(execute(made), ballots, 'Ballots_WrongState', [made.proposal, State.Rejected]);
      }
      assert.equal(await consortium.count(), 5n);
    });

    it('never holds up the rest, nor does an abstention: 1 of 5 decides nothing', async () => {
      await given(5);
      const [made, alone] = [await removal(4), await removal(4)];
      await vote(members[0], alone);
      for (const member of members.slice(1, 3)) await vote(member, alone, Choice.Abstain);
      for (const [i, choice] of [2, 3, 1, 1, 1].entries()) await vote(members[i], made, choice);
      await at(alone.deadline + 101n);
      await reverts(execute(alone), ballots, 'Ballots_WrongState', [alone.proposal, State.Rejected]);
      await execute(made);
    });
  });

  it('The last second decides nothing against what the others were told: 7 members', async () => {
    await given(7);
    const made = await removal(6);
    for (const [i, choice] of [1, 2, 2, 3].entries()) await vote(members[i], made, choice);
    await at(made.deadline - 1n);
    await vote(members[4], made);
    await at(made.deadline);
    assert.deepEqual((await events(vote(members[5], made), ballots)).map(([name]) => name), ['Voted']);
    assert.equal((await ballots.proposalOf(made.proposal)).deadline, made.deadline);
    await at(made.deadline + 101n);
    await reverts(execute(made), ballots, 'Ballots_WrongState', [made.proposal, State.Rejected]);
  });

  describe('an outcome', () => {
    for (const [size, choices, rules, state] of [
      [3, [1, 1], {}, State.Executable],
      [3, [1, 2], {}, State.Rejected],
      [3, [1], {}, State.Rejected],
      [3, [1, 3], {}, State.Rejected],
      [3, [1, 3, 3], {}, State.Rejected],
      [5, [1, 3, 3], {}, State.Rejected],
      [5, [1, 1], {}, State.Rejected],
      [5, [1, 1, 2], {}, State.Rejected],
      [3, [3, 3, 3], {}, State.Rejected],
      [3, [1, 1, 2], { majority: 6666 }, State.Executable],
      [4, [1, 1], {}, State.Rejected],
      [4, [1, 1, 2], {}, State.Rejected],
      [4, [1, 1, 1, 2], {}, State.Executable],
      [4, [1, 1, 2, 2], {}, State.Rejected],
      [4, [1, 2, 3, 3], {}, State.Rejected],
      [5, [1, 1, 1, 2, 2], {}, State.Executable],
      [5, [1, 1, 1, 2, 2], { majority: 6000 }, State.Rejected],
      [5, [1, 1, 1], { majority: 6666 }, State.Rejected],
      [5, [1, 1, 1, 1], { majority: 6666 }, State.Executable],
    ]) {
      it(`of ${size} members with choices ${choices} and ${JSON.stringify(rules)} is ${state}`, async () => {
        await given(size, { ...RULES, ...rules });
        const made = await removal(0);
        for (const [i, choice] of choices.entries()) await vote(members[i], made, choice);
        await at(made.deadline + 101n);
        await ethers.provider.send('evm_mine', []);
        assert.equal(await stateOf(made), state);
      });
    }

    it('may be executed in its time only, by anyone, once', async () => {
      await given(5);
      const made = await removal(4);
      for (const member of members.slice(0, 3)) await vote(member, made);
      const wrong = (state) => reverts(execute(made), ballots, 'Ballots_WrongState', [made.proposal, state]);
      await wrong(State.Voting);
      await at(made.deadline + 1n);
      await wrong(State.Waiting);
      await at(made.deadline + 100n);
      await wrong(State.Waiting);
      await at(made.deadline + 101n);
      assert.deepEqual(await events(execute(made), ballots), [['Executed', made.proposal]]);
      await wrong(State.Executed);
      assert.equal(await consortium.count(), 4n);
    });

    it('lasts until its last second', async () => {
      const made = [await removal(3), await removal(3)];
      for (const member of members.slice(0, 3)) for (const one of made) await vote(member, one);
      await at(made[0].deadline + 600n);
      await execute(made[0]);
      await at(made[1].deadline + 601n);
      await reverts(execute(made[1]), ballots, 'Ballots_WrongState', [made[1].proposal, State.Expired]);
    });

    it('is decided, and the vote closed, once enough are for it', async () => {
      const made = await removal();
      const undecided = () => reverts(ballots.close(made.proposal), ballots, 'Ballots_NotDecided', [made.proposal]);
      await vote(members[0], made);
      await vote(members[1], made);
      await undecided();
      await vote(members[2], made);
      const sent = await as(strangers[0]).close(made.proposal);
      const time = BigInt((await sent.getBlock()).timestamp);
      assert.deepEqual(await events(sent, ballots), [['VoteClosed', made.proposal, time]]);
      assert.equal((await ballots.proposalOf(made.proposal)).executableFrom, time + 101n);
      await reverts(vote(members[3], made), ballots, 'Ballots_WrongState', [made.proposal, State.Waiting]);
    });

    it('is not closed in its last second, which ends it anyway', async () => {
      const made = await removal();
      for (const member of members.slice(0, 3)) await vote(member, made);
      await at(made.deadline);
      await reverts(ballots.close(made.proposal), ballots, 'Ballots_NotDecided', [made.proposal]);
    });
  });
});
