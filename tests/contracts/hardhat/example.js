'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { ethers, network } = require('hardhat');
const {
  ALL, RULES, SCORED, TERMS, MODEL, found, at, openedOf, claimOf, sealed, openings, opened, anAggregate, publish, attested,
  commitmentOf, packed, rangeOf, finalised, signed,
} = require('./support');

const START = 4000000000; // later than any other test

/** The round that docs/spec/contracts.md opens with. */
describe('The example of the specification', () => {
  before(() => network.provider.send('hardhat_reset')); // commitments are made for one address

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
    const told = (value) => (Array.isArray(value) ? `(${[...value].map(show).join(', ')})` : String(value));
    const show = (value) => names.get(value) ?? names.get(told(value)) ?? told(value);
    const tuple = (label, values) => {
      legend.push(`${label.padEnd(10)} ${told(Object.values(values))}`);
      names.set(told(Object.values(values)), label);
      return values;
    };

    members.forEach(({ address }, i) => legend.push(`${'ABC'[i].padEnd(10)} ${address}`));
    const job = name('job', digest('job'));
    const words = Object.fromEntries(['A', 'B', 'C', 'model'].map((who) => [who, {
      root: name(`root ${who}`, digest(`root ${who}`)), cid: name(`cid ${who}`, digest(`cid ${who}`)),
    }]));
    const terms = tuple('terms', {
      ...TERMS, rounds: 10, updateSeconds: 3600, openSeconds: 300, aggregateSeconds: 600, attestSeconds: 1800,
    });
    const model = tuple('model', { ...MODEL, initial: name('initial', MODEL.initial), minUpdates: 3 });

    const lines = [];
    let time = START;
    const send = async (signer, call, ...args) => {
      await at(time);
      const receipt = await (await ledger.connect(signer)[call](...args)).wait();
      const given = args.map((arg) => show(typeof arg === 'object' ? Object.values(arg) : arg));
      lines.push(`${time}  ${show(signer.address)}  ${call}(${given.join(', ')})`);
      for (const log of receipt.logs) {
        const { name: event, args: values } = ledger.interface.parseLog(log);
        lines.push(`${' '.repeat(15)}${event}(${values.toArray().map(show).join(', ')})`);
      }
      time += 10;
    };
    await send(A, 'proposeJob', job, terms, model);
    await send(B, 'approveJob', 1, job);
    await send(A, 'openRound', 1);
    const updates = [];
    for (const [member, who, weight] of [[A, 'A', 569], [B, 'B', 120], [C, 'C', 1000]]) {
      const update = { party: member.address, weight, ...words[who], salt: name(`salt ${who}`, ethers.dataSlice(digest(`salt ${who}`), 16)) };
      legend.push(`${`commit ${who}`.padEnd(10)} ${await sealed(ledger, update)}`);
      names.set(await sealed(ledger, update), `commit ${who}`);
      updates.push(update);
    }
    for (const [i, member] of members.entries()) await send(member, 'commitUpdate', 1, 1, await sealed(ledger, updates[i]));
    names.set(openings(...updates), 'openings');
    await send(A, 'openUpdates', 1, 1, openings(...updates));
    const asOf = await ethers.provider.getBlockNumber();
    const anchor = (await ethers.provider.getBlock(asOf)).hash;
    names.set(anchor, 'anchor'); // of the test's own chain, so it has no digits here
    const aggregate = {
      base: MODEL.initial, root: words.model.root, cid: words.model.cid, asOf, anchor,
      head: name('head', digest('head')), receipts: name('receipts', digest('receipts')),
      carried: name('carried', digest('carried')), verdicts: '0x000000',
    };
    const claim = await claimOf(ledger, 1, 1, aggregate);
    names.set(claim, 'claim');
    names.set(String(asOf), 'asOf');
    tuple('aggregate', aggregate);
    await send(A, 'publishAggregate', 1, 1, aggregate, claim);
    await send(C, 'attest', 1, 1, 1, 0, claim, name('witness C', digest('witness C')));
    await send(B, 'attest', 1, 1, 1, 0, claim, name('witness B', digest('witness B')));
    lines.push('', `modelOf(1, 1) = ${show(await ledger.modelOf(1, 1))}`, `claimAfter(1, 0) = ${show(claim)}`);
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
    name('digest', await ballots.digestOf(proposal, 6, B.address, 1, ballot.deadline));
    name('r', ballot.r);
    name('s', ballot.s);
    await send(C, 'voteBySignature', proposal, 6, Object.values(ballot));
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
    const world = await opened([ALL, ALL, ALL], { ...SCORED, scoreSeconds: 600, revealSeconds: 300 });
    const { scores: board, ledger, members: [A, B, C] } = world;
    const said = { root: digest('root model'), cid: digest('cid model'), verdicts: '0x000900' };
    const aggregate = await anAggregate(ledger, said);
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
    names.set(aggregate, 'aggregate');
    name('verdicts', aggregate.verdicts);
    const scores = new Map();
    for (const [member, who, vector] of [[A, 'A', [42500, -1800]], [B, 'B', [43100, -2700]], [C, 'C', [0, 0]]]) {
      const salt = name(`salt ${who}`, digest(`salt ${who}`));
      scores.set(member, { salt, vector, hash: name(`hash ${who}`, await commitmentOf(board, member, vector, salt)) });
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
    const digestOfOpened = await openedOf(ledger, 1, aggregate);
    names.set(digestOfOpened, 'opened'); // of updates that are others in every run
    await send(B, 'openScoring', 1, 1, digestOfOpened, aggregate);
    for (const member of [A, B, C]) await send(member, 'commitScores', 1, 1, scores.get(member).hash);
    for (const member of [A, B]) {
      await send(member, 'revealScores', 1, 1, scores.get(member).salt, packed(scores.get(member).vector));
    }
    time = START + 20_901;
    const shown = rangeOf([A, B], [scores.get(A).vector, scores.get(B).vector]);
    names.set(shown, [A, B].map((member) => `${packed(scores.get(member).vector)} ‖ ${show(member.address)}`).join(' ‖ '));
    await send(A, 'settleScores', 1, 1, 0, shown, packed([42500, -2700]));
    lines.push('', `rootOf(1, 1) = ${show(await board.rootOf(1, 1))}`);
    const width = Math.max(...legend.map(([label]) => label.length));
    const words = legend.map(([label, word]) => `${label.padEnd(width)} ${word}`);
    const example = ['```text', ...words, '', ...lines, '```'].join('\n');
    const page = fs.readFileSync(path.join(__dirname, '../../../docs/spec/scores.md'), 'utf8');
    assert.ok(page.includes(example), `docs/spec/scores.md should have\n${example}`);
  });
});
