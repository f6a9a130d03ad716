#!/usr/bin/env node
// Changes the contracts in one small way after another, and says which changes no test notices:
// `tools/mutants.js BallotBox --sample 40`. Compiler, chain and tests run in this process, which starts once; the
// optimiser is off, which halves the time for a mutant. What Hardhat's tests let live, forge's may kill: run
// `npx hardhat compile` and `tools/foundry forge build` first. `--lines 'target|Opening'` changes lines that match alone.
'use strict';
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');

const ROOT = path.dirname(__dirname);
const COPY = path.join(ROOT, 'build', 'mutants');
const ARTIFACTS = path.join('build', 'hardhat', 'artifacts');
const FEW = { FOUNDRY_FUZZ_RUNS: '32', FOUNDRY_INVARIANT_RUNS: '4' };
process.chdir(ROOT);

const Mocha = require('mocha');
const hre = require('hardhat');
const solc = require('solc');
const { settings } = require('../ledger/chain/compiler.json');

// Each source, the contract that its code is deployed in, and who tests it: Hardhat's files, then forge's contracts.
const BALLOTS = { deployed: 'Ballots', suites: 'Ballots|Polls|Crowd' };
const SUBJECTS = {
  Consortium: { files: ['consortium', 'decisions'], suites: 'ConsortiumTest|^InvariantsTest' },
  RoundLedger: { files: ['updates', 'rounds', 'advance', 'jobs', 'roles'], suites: 'RoundLedgerTest|VectorsTest|^InvariantsTest' },
  ScoreBoard: { files: ['scores'], suites: 'ScoreBoardTest|VectorsTest|Scoring' },
  MaskBoard: { files: ['masks', 'casts'], suites: 'MaskBoardTest|MaskingInvariants' },
  BudgetBoard: { files: ['budgets'], suites: 'BudgetBoardTest' },
  ReleaseBoard: { files: ['releases', 'decisions', 'ballots'], suites: 'Ballots' },
  Ballots: { ...BALLOTS, files: ['proposals', 'decisions', 'releases', 'ballots'] },
  BallotBox: { ...BALLOTS, files: ['ballots', 'proposals'] },
  'libraries/Actions': { ...BALLOTS, files: ['proposals', 'ballots'] },
  'libraries/Agreements': { deployed: 'MaskBoard', files: ['masks', 'casts'], suites: 'MaskBoardTest|MaskingInvariants' },
  'libraries/Polls': { ...BALLOTS, files: ['ballots'] },
  'libraries/Signatures': { ...BALLOTS, files: ['ballots', 'proposals'] },
};

// What is replaced by what, wherever it stands in code.
const SWAPS = [
  [/ < /g, ' <= '], [/ <= /g, ' < '], [/ > /g, ' >= '], [/ >= /g, ' > '], [/ == /g, ' != '], [/ != /g, ' == '],
  [/ && /g, ' || '], [/ \|\| /g, ' && '], [/ \+ /g, ' - '], [/ - /g, ' + '], [/ \* /g, ' + '], [/ \/ 2/g, ' / 3'],
  [/\+\+(?=\w)/g, '--'], [/\btrue\b/g, 'false'], [/\bfalse\b/g, 'true'], [/if \(!/g, 'if ('], [/ \| /g, ' & '],
  [/\bPARTICIPANT\b/g, 'AGGREGATOR'], [/\bAGGREGATOR\b/g, 'PARTICIPANT'], [/(?<=[ (])1(?=[ ;,)])/g, '2'],
  [/Phase\.Aggregating/g, 'Phase.Attesting'], [/Phase\.Attesting/g, 'Phase.Aggregating'],
  [/Phase\.Refuted/g, 'Phase.Abandoned'], [/Phase\.Abandoned/g, 'Phase.Refuted'],
  [/Phase\.Opening/g, 'Phase.Collecting'], [/Phase\.Collecting/g, 'Phase.Opening'],
];
const STATEMENT = /^\s+(if \(.*\) revert .*;|_\w+\(.*\);|emit .*;|[\w.[\]()]+ (\||\+)?= .*;|\+\+\S+;)$/;
const BODY = /^((abstract )?contract|library) /;

/** Every mutant of a source: its line, and what that became; some of them do not compile. */
function mutants(text) {
  const found = [];
  let body = false;
  for (const [number, line] of text.split('\n').entries()) {
    body ||= BODY.test(line);
    const code = line.split('//')[0].trimEnd();
    if (!body || !code.trim() || /^\s*(\/\*|\*|import)/.test(code) || code.includes(' constant ')) continue;
    if (STATEMENT.test(code)) found.push({ number, line, changed: '' });
    for (const [pattern, replacement] of SWAPS) {
      for (const { index, 0: old } of code.matchAll(pattern)) {
        found.push({ number, line, changed: code.slice(0, index) + replacement + code.slice(index + old.length) });
      }
    }
  }
  return found;
}

/** The same order for the same seed. */
function shuffled(list, seed) {
  let state = seed;
  const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return list.map((one) => [random(), one]).sort(([a], [b]) => a - b).map(([, one]) => one);
}

/** Every source, by the name that the compiler knows it by. */
function sources() {
  const files = fs.readdirSync(path.join(ROOT, 'contracts'), { recursive: true }).filter((file) => file.endsWith('.sol'));
  return Object.fromEntries(files.map((file) => [`contracts/${file}`, { content: fs.readFileSync(`contracts/${file}`, 'utf8') }]));
}

/** The code of a contract after the change of a source, where there is one; nothing where that does not compile. */
function compiled(deployed, source, mutant) {
  const given = sources();
  if (mutant) {
    const lines = given[source].content.split('\n');
    lines[mutant.number] = mutant.changed;
    given[source] = { content: lines.join('\n') };
  }
  const name = `contracts/${deployed}.sol`;
  const outputSelection = { [name]: { [deployed]: ['evm.bytecode.object', 'evm.deployedBytecode.object'] } };
  const request = { language: 'Solidity', sources: given, settings: { ...settings, optimizer: { enabled: false }, outputSelection } };
  const { errors = [], contracts } = JSON.parse(solc.compile(JSON.stringify(request)));
  if (errors.some(({ severity }) => severity === 'error')) return undefined;
  const { bytecode, deployedBytecode } = contracts[name][deployed].evm;
  return { bytecode: `0x${bytecode.object}`, deployedBytecode: `0x${deployedBytecode.object}` };
}

/** The first of these files in which a test fails with this code. */
async function killedByHardhat(files, deployed, code) {
  const { readArtifact } = hre.artifacts;
  hre.artifacts.readArtifact = async (name) => {
    const artifact = await readArtifact.call(hre.artifacts, name);
    return name === deployed ? { ...artifact, ...code } : artifact;
  };
  try {
    for (const file of files) {
      await hre.network.provider.send('hardhat_reset', []);
      const mocha = new Mocha({ bail: true, timeout: 0, reporter: class {} });
      mocha.addFile(path.join(ROOT, 'tests', 'contracts', 'hardhat', `${file}.js`));
      const failures = await new Promise((done) => { mocha.run(done); });
      mocha.dispose();
      if (failures) return `${file}.js`;
    }
    return undefined;
  } finally {
    hre.artifacts.readArtifact = readArtifact;
  }
}

/** Whether one of forge's contracts fails with this code, in a copy of what is built. */
function killedByForge(suites, deployed, code) {
  if (!fs.existsSync(COPY)) {
    for (const one of ['contracts', 'tests/contracts/forge', 'tests/vectors', 'build/forge', ARTIFACTS, 'tools', 'foundry.toml']) {
      fs.cpSync(path.join(ROOT, one), path.join(COPY, one), { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
    }
    fs.symlinkSync(path.join(ROOT, 'node_modules'), path.join(COPY, 'node_modules'));
  }
  const place = path.join(ARTIFACTS, 'contracts', `${deployed}.sol`, `${deployed}.json`);
  const artifact = JSON.parse(fs.readFileSync(path.join(ROOT, place)));
  fs.writeFileSync(path.join(COPY, place), JSON.stringify({ ...artifact, ...code }));
  const command = ['forge', 'test', '--fail-fast', '--match-contract', suites];
  const { status } = spawnSync('tools/foundry', command, { cwd: COPY, env: { ...process.env, ...FEW }, stdio: 'ignore' });
  fs.copyFileSync(path.join(ROOT, place), path.join(COPY, place));
  return status !== 0;
}

function told(by, name, { number, line, changed }) {
  console.log(`${by.padEnd(14)} ${name}.sol:${number + 1}: \`${line.trim()}\` → \`${changed.trim() || 'nothing'}\``);
}

/** Tries the mutants of a source with Hardhat's tests, then those that survived with forge's, which take longer. */
async function tried(name, { sample, seed, until, lines }) {
  const source = `contracts/${name}.sol`;
  const { files, suites, deployed } = { deployed: name, ...SUBJECTS[name] };
  const unchanged = compiled(deployed, source);
  const broken = await killedByHardhat(files, deployed, unchanged);
  if (broken) throw new Error(`${name}: ${broken} fails without any change`);
  const alive = [];
  let count = 0;
  const found = mutants(sources()[source].content).filter(({ line }) => lines.test(line));
  for (const mutant of shuffled(found, seed)) {
    if (count === sample || Date.now() > until) break;
    const code = compiled(deployed, source, mutant);
    if (!code || code.deployedBytecode === unchanged.deployedBytecode) continue;
    count += 1;
    const by = await killedByHardhat(files, deployed, code);
    if (!by) alive.push([mutant, code]);
    told(by ?? 'left to forge', name, mutant);
  }
  if (alive.length && killedByForge(suites, deployed, unchanged)) throw new Error(`${name}: forge fails without any change`);
  const survivors = alive.filter(([, code]) => !killedByForge(suites, deployed, code));
  for (const [mutant] of survivors) told('SURVIVED', name, mutant);
  console.log(`${name}: ${count - survivors.length} of ${count} killed, seed ${seed}\n`);
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      sample: { type: 'string', default: '40' }, seed: { type: 'string', default: '1' }, seconds: { type: 'string', default: '3600' },
      lines: { type: 'string', default: '' },
    },
  });
  const [sample, seed, seconds] = ['sample', 'seed', 'seconds'].map((name) => Number(values[name]));
  const unknown = positionals.find((name) => !SUBJECTS[name]);
  if (unknown) throw new Error(`${unknown} is not one of ${Object.keys(SUBJECTS).join(', ')}`);
  fs.rmSync(COPY, { recursive: true, force: true });
  // Without the optimiser RoundLedger is too large for a chain, and the founding of 255 members costs too much.
  Object.assign(hre.config.networks.hardhat, { allowUnlimitedContractSize: true, blockGasLimit: 10 ** 8, gas: 10 ** 8 });
  for (const name of positionals.length ? positionals : Object.keys(SUBJECTS)) {
    await tried(name, { sample: sample || Infinity, seed, until: Date.now() + 1000 * seconds, lines: new RegExp(values.lines) });
  }
}

main().then(() => process.exit(0), (error) => {
  console.error(error.message);
  process.exit(1);
});
