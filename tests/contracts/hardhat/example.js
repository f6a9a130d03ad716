'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { ethers, network } = require('hardhat');
const {
  ALL, RULES, SCORED, TERMS, found, at, claimOf, collected, publish, attested, commitmentOf, packed, rangeOf, finalised,
  signed,
} = require('./support');

const START = 4000000000; // later than any other test

/** The round that docs/spec/contracts.md opens with. */
describe('The example of the specification', () => {
  it('is what the contracts do', async () => {
    const { ledger, members } = await found([ALL, ALL, ALL]);
    const [A, B, C] = members;
    const names = new Map(members.map(({ address }, i) => [address, 'ABC'[i]]));
    const legend = [];
    const name = (label, word) => {
      names.set(word, label);
      legend.push(`${label.padEnd(10)} ${word}`);
      return word;
    };
    const digest = (text) => ethers.sha256(ethers.toUtf8Bytes(text));
    const show = (value) => names.get(value)
      ?? (Array.isArray(value) ? `(${[...value].map(show).join(', ')})` : String(value));

    members.forEach(({ address }, i) => legend.push(`${'ABC'[i].padEnd(10)} ${address}`));
    const job = name('job', digest('job'));
    const words = Object.fromEntries(['A', 'B', 'C', 'model'].map((who) => [who, {
      root: name(`root ${who}`, digest(`root ${who}`)), cid: name(`cid ${who}`, digest(`cid ${who}`)),
    }]));
    const aggregate = { ...words.model, verdicts: '0x000000' };
    const claim = name('claim', await claimOf(ledger, 1, 1, aggregate));

    const lines = [];
    let time = START;
    const send = async (signer, call, ...args) => {
      await at(time);
      const receipt = await (await ledger.connect(signer)[call](...args)).wait();
      const given = args.map((arg) => (arg.rounds ? `(${Object.values(arg).join(', ')})` : show(arg)));
      lines.push(`${time}  ${show(signer.address)}  ${call}(${given.join(', ')})`);
      for (const log of receipt.logs) {
        const { name: event, args: values } = ledger.interface.parseLog(log);
        lines.push(`${' '.repeat(15)}${event}(${values.toArray().map(show).join(', ')})`);
      }
      time += 10;
    };
    await send(A, 'proposeJob', job,
      { ...TERMS, rounds: 10, updateSeconds: 3600, aggregateSeconds: 600, attestSeconds: 1800 });
    await send(B, 'approveJob', 1, job);
    await send(A, 'openRound', 1);
    for (const [member, who, weight] of [[A, 'A', 569], [B, 'B', 120], [C, 'C', 1000]]) {
      await send(member, 'submitUpdate', 1, 1, weight, words[who].root, words[who].cid);
    }
    await send(A, 'publishAggregate', 1, 1, aggregate.root, aggregate.cid, aggregate.verdicts);
    await send(C, 'attest', 1, 1, 1, claim);
    lines.push('', `modelOf(1, 1) = ${show(await ledger.modelOf(1, 1))}`);
    for (const member of members) {
      const { head, round } = await ledger.headOf(1, member.address);
      lines.push(`headOf(1, ${show(member.address)}) = (${head}, ${round})`);
    }
    const example = ['```text', ...legend, '', ...lines, '```'].join('\n');
    const page = fs.readFileSync(path.join(__dirname, '../../../docs/spec/contracts.md'), 'utf8');
    assert.ok(page.includes(example), `docs/spec/contracts.md should have\n${example}`);
  });
});

/** The release that docs/spec/ballot.md opens with: its typed data, signatures, calls and events. */
describe('The example of the specification of ballots', () => {
  before(() => network.provider.send('hardhat_reset')); // so that Ballots has the address that was signed for

  it('is what the contracts do', async () => {
    const root = ethers.sha256(ethers.toUtf8Bytes('model'));
    const { ballots, releases, consortium, members: [A, B, C] } = await finalised([ALL, ALL, ALL], root);
    const names = new Map([[A.address, 'A'], [B.address, 'B'], [C.address, 'C']]);
    const legend = [['A', A.address], ['B', B.address], ['C', C.address], ['Ballots', await ballots.getAddress()]];
    const name = (label, word) => {
      names.set(word, label);
      legend.push([label, word]);
      return word;
    };
    const show = (value) => names.get(value)
      ?? (Array.isArray(value) ? `(${[...value].map(show).join(', ')})` : String(value));
    name('model', root);
    const report = name('report', ethers.sha256(ethers.toUtf8Bytes('report')));
    const [cardio, version] = ['cardio', '1.0'].map((text) => name(`"${text}"`, ethers.encodeBytes32String(text)));
    const none = name('0', ethers.ZeroHash);
    const release = [cardio, version, 1, 1, root, none, report];
    name('release', await releases.idOf(cardio, version));
    const action = ethers.AbiCoder.defaultAbiCoder().encode(Array(7).fill('uint256'), release);
    const proposal = name('proposal', await ballots.idOf(A.address, 1, 6, action));
    names.set(action, 'action');

    const lines = [];
    let time = START + 10_000;
    const contracts = [ballots, releases, consortium];
    const send = async (signer, call, ...args) => {
      await at(time);
      const receipt = await (await ballots.connect(signer)[call](...args)).wait();
      lines.push(`${time}  ${show(signer.address)}  ${call}(${args.map(show).join(', ')})`);
      for (const log of receipt.logs) {
        const { name: event, args: values } = contracts.map((one) => one.interface.parseLog(log)).find(Boolean);
        lines.push(`${' '.repeat(15)}${event}(${values.toArray().map(show).join(', ')})`);
      }
      time += 10;
    };
    await send(A, 'proposeRelease', release);
    await send(A, 'vote', proposal, 1);
    const ballot = await signed(ballots, B, proposal);
    name('digest', await ballots.digestOf(proposal, B.address, 1, ballot.deadline));
    name('r', ballot.r);
    name('s', ballot.s);
    await send(C, 'voteBySignature', proposal, Object.values(ballot));
    await send(C, 'close', proposal);
    time += RULES.delaySeconds;
    await send(C, 'execute', A.address, 1, 6, action);
    lines.push('', `currentOf("cardio") = ${show(await releases.currentOf(cardio))}`);
    const width = Math.max(...legend.map(([label]) => label.length));
    const words = legend.map(([label, word]) => `${label.padEnd(width)} ${word}`);
    const example = ['```text', ...words, '', ...lines, '```'].join('\n');
    const page = fs.readFileSync(path.join(__dirname, '../../../docs/spec/ballot.md'), 'utf8');
    assert.ok(page.includes(example), `docs/spec/ballot.md should have\n${example}`);
  });
});

/** The scores that docs/spec/scores.md opens with. Seed and root come from a block's hash, so they have no digits there. */
describe('The example of the specification of scores', () => {
  before(() => network.provider.send('hardhat_reset'));

  it('is what the contracts do', async () => {
    const digest = (text) => ethers.sha256(ethers.toUtf8Bytes(text));
    const world = await collected([ALL, ALL, ALL], { ...SCORED, scoreSeconds: 600, revealSeconds: 300 });
    const { scores: board, ledger, members: [A, B, C] } = world;
    const aggregate = { root: digest('root model'), cid: digest('cid model'), verdicts: '0x000900' };
    await publish(ledger, A, aggregate);
    await attested(world, aggregate);
    const address = await board.getAddress();
    const names = new Map([[A.address, 'A'], [B.address, 'B'], [C.address, 'C']]);
    const legend = [['A', A.address], ['B', B.address], ['C', C.address], ['ScoreBoard', address]];
    const name = (label, word) => {
      names.set(word, label);
      legend.push([label, word]);
      return word;
    };
    const show = (value) => names.get(value) ?? String(value);
    name('root', aggregate.root);
    name('cid', aggregate.cid);
    const said = new Map();
    for (const [member, who, vector] of [[A, 'A', [42500, -1800]], [B, 'B', [43100, -2700]], [C, 'C', [0, 0]]]) {
      const salt = name(`salt ${who}`, digest(`salt ${who}`));
      said.set(member, { salt, vector, hash: name(`hash ${who}`, await commitmentOf(board, member, vector, salt)) });
    }
    names.set(ethers.toBeHex(4n, 32), 'C alone');

    const lines = [];
    let time = START + 20_000;
    const send = async (signer, call, ...args) => {
      await at(time);
      const receipt = await (await board.connect(signer)[call](...args)).wait();
      for (const log of receipt.logs) {
        const { name: event, args: values } = board.interface.parseLog(log);
        if (event === 'ScoringOpened') names.set(values.seed, 'seed');
        if (event === 'ScoresSettled') names.set(values.root, 'scores root');
        lines.push(`${' '.repeat(15)}${event}(${values.toArray().map(show).join(', ')})`);
      }
      lines.splice(-receipt.logs.length, 0, `${time}  ${show(signer.address)}  ${call}(${args.map(show).join(', ')})`);
      time += 10;
    };
    await send(B, 'openScoring', 1, 1, aggregate.root, aggregate.cid, aggregate.verdicts);
    for (const member of [A, B, C]) await send(member, 'commitScores', 1, 1, said.get(member).hash);
    for (const member of [A, B]) {
      await send(member, 'revealScores', 1, 1, said.get(member).salt, packed(said.get(member).vector));
    }
    time = START + 20_901;
    const shown = rangeOf([A, B], [said.get(A).vector, said.get(B).vector]);
    names.set(shown, [A, B].map((member) => `${packed(said.get(member).vector)} ‖ ${show(member.address)}`).join(' ‖ '));
    await send(A, 'settleScores', 1, 1, 0, shown, packed([42500, -2700]));
    lines.push('', `rootOf(1, 1) = ${show(await board.rootOf(1, 1))}`);
    const width = Math.max(...legend.map(([label]) => label.length));
    const words = legend.map(([label, word]) => `${label.padEnd(width)} ${word}`);
    const example = ['```text', ...words, '', ...lines, '```'].join('\n');
    const page = fs.readFileSync(path.join(__dirname, '../../../docs/spec/scores.md'), 'utf8');
    assert.ok(page.includes(example), `docs/spec/scores.md should have\n${example}`);
  });
});
