'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { spawn } = require('node:child_process');
const { ethers, artifacts } = require('hardhat');
const { ALL, TERMS, MODEL, RULES, random, namesOf, anUpdate, sealedOn, openings, printed } = require('./support');
const { Rule, aRecord, meanOf, claimedOf, pointOf, entryOf, hex } = require('./courts');

/** Before Prague; from it, where calldata has a floor of its own (EIP-7623). */
const FORKS = { london: 0, paris: 0, prague: 1, osaka: 1 };
const VALUES = 11_700_000;
const LIMIT = { 10: [480_000, 800_000], 64: [2_400_000, 4_200_000] };
const MONEY = ethers.toQuantity(ethers.parseEther('1000'));
const BATCH = 60;
const SHOWN = 60;
const LONG = { ...TERMS, updateSeconds: 10_000, openSeconds: 10_000, aggregateSeconds: 10_000, attestSeconds: 10_000 };

/** The platform's own anvil, as `tools/foundry` finds it, under these rules; `stop` ends it. */
async function anvil(fork) {
  const arch = { x64: 'amd64', arm64: 'arm64' }[process.arch];
  const home = path.dirname(require.resolve(`@foundry-rs/anvil-${process.platform}-${arch}/package.json`));
  const args = ['--hardfork', fork, '--port', '0', '--accounts', '1', '--balance', '100000000', '--no-request-size-limit'];
  const child = spawn(path.join(home, 'bin', 'anvil'), args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const end = () => child.kill();
  process.once('exit', end); // also where a test ran out of time
  const url = await new Promise((resolve, reject) => {
    let said = '';
    child.on('exit', () => reject(new Error(`anvil ended: ${said}`)));
    child.stdout.on('data', (data) => {
      said += data;
      const [, host] = /Listening on ([0-9.:]+)/.exec(said) ?? [];
      if (host) resolve(`http://${host}`);
    });
  });
  const provider = new ethers.JsonRpcProvider(url, undefined, { staticNetwork: true, batchMaxCount: 1, cacheTimeout: -1 });
  const stop = () => {
    process.removeListener('exit', end);
    provider.destroy();
    child.removeAllListeners('exit');
    end();
  };
  return { provider, stop };
}

/** A round of so many members on this chain, published with a lie in one value; `measure` is what a call costs. */
async function published(provider, size, model) {
  const payer = await provider.getSigner(0);
  const members = Array.from({ length: size }, (_, i) => new ethers.Wallet(ethers.toBeHex(i + 0x1000, 32), provider));
  await Promise.all(members.map(({ address }) => provider.send('anvil_setBalance', [address, MONEY])));
  const nonce = await payer.getNonce();
  const [ballots, judge] = [4, 5].map((after) => ethers.getCreateAddress({ from: payer.address, nonce: nonce + after }));
  /** The receipt of what succeeded. Not by ethers' wait, which waits for a block that is never made: a transaction may be mined
   * between its look at the receipt and the first one at the block number. */
  const mined = async (hash) => {
    for (;;) {
      const receipt = await provider.send('eth_getTransactionReceipt', [hash]);
      if (receipt) return assert.equal(receipt.status, '0x1') ?? receipt;
      await new Promise((resolve) => { setTimeout(resolve, 5); });
    }
  };
  const deploy = async (name, ...args) => {
    const { abi, bytecode } = await artifacts.readArtifact(name);
    const contract = await new ethers.ContractFactory(abi, bytecode, payer).deploy(...args);
    await mined(contract.deploymentTransaction().hash);
    return contract;
  };
  const consortium = await deploy('Consortium', members.map(({ address }) => address), Array(size).fill(ALL), namesOf(size), ballots);
  const ledger = await deploy('RoundLedger', await consortium.getAddress(), judge);
  const scores = await deploy('ScoreBoard', await ledger.getAddress());
  const releases = await deploy('ReleaseBoard', await ledger.getAddress(), await scores.getAddress());
  await deploy('Ballots', await consortium.getAddress(), await ledger.getAddress(), await releases.getAddress(), RULES);
  const court = await deploy('AggregateCourt', await ledger.getAddress());
  const sent = async (call) => Number((await mined((await call).hash)).gasUsed);
  const gasLimit = 16_000_000; // not estimated: some of anvil's estimates under old rules do not suffice
  await provider.send('anvil_autoImpersonateAccount', [true]);
  /** What these members send is not measured, so it is neither estimated nor signed; the next call needs all of it. */
  const each = async (senders, called) => {
    const hashes = await Promise.all(senders.map(async ({ address }, i) => {
      const { to, data } = await called(i);
      return provider.send('eth_sendTransaction', [{ from: address, to, data, gas: ethers.toQuantity(gasLimit) }]);
    }));
    for (const hash of hashes) await mined(hash);
  };

  const value = 7_654_321;
  let seed = 1; // the same values in every run, since zero bytes are cheaper
  const drawn = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const small = (bits) => () => Math.floor((drawn() - 0.5) * 2 ** bits);
  const base = aRecord(value, VALUES, small(24));
  const streams = members.map(() => aRecord(value, VALUES, small(18)));
  const updates = members.map(({ address }, index) => anUpdate({ address }, { index, root: streams[index].root, weight: 5_000 + index }));
  const { mean, ...bounds } = meanOf(model.rule, 0, streams.map((stream) => stream.value), updates.map(({ weight }) => weight));
  let made;
  do made = aRecord(value, VALUES, small(24)); while (BigInt(made.value) === BigInt(base.value) + mean);

  const digest = random();
  const as = (member) => ledger.connect(member);
  await sent(as(members[0]).proposeJob(digest, LONG, { ...MODEL, ...model, initial: base.root, values: VALUES }, { gasLimit }));
  await each(members.slice(1, Math.floor(size / 2) + 1), () => ledger.approveJob.populateTransaction(1, digest));
  await sent(as(members[0]).openRound(1, { gasLimit }));
  const { chainId } = await provider.getNetwork();
  const address = await ledger.getAddress();
  for (const update of updates) update.commitment = sealedOn(chainId, address, update);
  await each(members, (i) => ledger.commitUpdate.populateTransaction(1, 1, updates[i].commitment));
  const batches = [];
  for (let from = 0; from < size; from += BATCH) batches.push(updates.slice(from, from + BATCH));
  for (const batch of batches) await sent(as(members[0]).openUpdates(1, 1, openings(...batch), { gasLimit }));
  await provider.send('evm_mine', []);
  const block = await provider.getBlock('latest');
  const aggregate = {
    base: base.root, root: made.root, cid: random(), asOf: block.number, anchor: block.hash, head: random(), receipts: random(),
    carried: random(), verdicts: `0x${'00'.repeat(size)}`,
  };
  await provider.send('evm_mine', []);
  const claim = await ledger.claimOf(1, 1, await ledger.openedOf(1), aggregate);
  await sent(as(members[0]).publishAggregate(1, 1, aggregate, claim, { gasLimit }));
  return { gasLimit, ledger, court, sent, updates, streams, made, base, value, bounds, claim, claimed: claimedOf(digest, 1, 0, aggregate, batches) };
}

/** What the one call costs that convicts. */
async function refuted(provider, size, model) {
  const { gasLimit, court, ledger, sent, streams, made, base, value, bounds, claim, claimed } = await published(provider, size, model);
  const gas = await sent(court.refute(claimed, pointOf(value, [made, base, ...streams], bounds), { gasLimit }));
  assert.notEqual(await ledger.claimBy(1), claim);
  return gas;
}

describe('Gas of the court', function () {
  this.timeout(840_000);
  const table = printed();

  for (const [fork, floor] of Object.entries(FORKS)) {
    describe(`under the rules of ${fork}`, () => {
      let chain, state;
      before(async () => {
        chain = await anvil(fork);
        state = await chain.provider.send('evm_snapshot', []);
      });
      after(() => chain.stop());
      afterEach(async () => {
        await chain.provider.send('evm_revert', [state]);
        state = await chain.provider.send('evm_snapshot', []);
      });

      for (const size of [4, 10, 64]) {
        const most = LIMIT[size]?.[floor];
        it(`of a refutation, ${size} updates of 11.7 M values${most ? `: at most ${most}` : ''}`, async () => {
          const used = [];
          for (const rule of [Rule.Mean, Rule.Median]) {
            const before = await chain.provider.send('evm_snapshot', []);
            used.push(await refuted(chain.provider, size, { rule }));
            await chain.provider.send('evm_revert', [before]);
          }
          table.push([`${fork}, ${size} updates: refute, mean, median, the dearer`, ...used, Math.max(...used)]);
          if (most) assert.ok(Math.max(...used) <= most, `${used}`);
        });
      }
    });
  }

  for (const fork of ['paris', 'prague']) {
    it(`of 255 updates of 11.7 M values, shown in parts, under the rules of ${fork}`, async () => {
      const chain = await anvil(fork);
      try {
        const { gasLimit, court, sent, updates, streams, made, base, value, claim, claimed, ledger } = await published(chain.provider, 255, { rule: Rule.Mean });
        const used = [];
        for (let first = 0; first + SHOWN < 255; first += SHOWN) {
          const part = [updates, streams].map((all) => all.slice(first, first + SHOWN));
          const proof = hex(...part[1].map((stream) => stream.record(value)));
          used.push(await sent(court.show(1, claim, value, 0, 0, first, ethers.concat(part[0].map(entryOf)), proof, { gasLimit })));
        }
        used.push(await sent(court.refute(claimed, pointOf(value, [made, base, ...streams.slice(SHOWN * used.length)]), { gasLimit })));
        assert.notEqual(await ledger.claimBy(1), claim);
        table.push([`${fork}, 255 updates: all calls, and the dearest`, used.reduce((sum, one) => sum + one), Math.max(...used)]);
        assert.ok(used.length <= 6);
      } finally {
        chain.stop();
      }
    });
  }
});
