'use strict';

const crypto = require('node:crypto');
const { ethers } = require('hardhat');

const LEAF = 256;
const Rule = { Mean: 0, Median: 1, Trimmed: 2 };
const Ground = { None: 0n, Value: 1n, Limit: 2n, Weight: 3n, TooFew: 4n };
const NOTHING = { ground: Ground.None, member: 0, value: 0, low: 0, high: 0, proof: '0x' };

const sha256 = (...parts) => crypto.createHash('sha256').update(Buffer.concat(parts)).digest();
const hex = (...parts) => `0x${Buffer.concat(parts).toString('hex')}`;
const [LEFT, RIGHT] = [Buffer.from([0]), Buffer.from([1])];

/** What the ledger says of a stream of int32 values (RFC 6962): its root, and a record of each of its values. */
function treeOf(values) {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => bytes.writeInt32LE(value, 4 * i));
  const leaves = [];
  for (let at = 0; at < bytes.length; at += 4 * LEAF) leaves.push(bytes.subarray(at, at + 4 * LEAF));
  const levels = [leaves.map((leaf) => sha256(LEFT, leaf))];
  while (levels.at(-1).length > 1) {
    const below = levels.at(-1);
    const above = [];
    for (let i = 0; i < below.length; i += 2) above.push(i + 1 < below.length ? sha256(RIGHT, below[i], below[i + 1]) : below[i]);
    levels.push(above);
  }
  const record = (value) => {
    const place = Math.floor(value / LEAF);
    const path = levels.slice(0, -1).map((level, i) => level[place >> i ^ 1]).filter(Boolean);
    return Buffer.concat([leaves[place], ...path]);
  };
  return { values, root: hex(levels.at(-1)[0]), record };
}

/** A record of a stream of which nobody has more than the leaf with `value`: the rest are hashes. */
function aRecord(value, count, draw) {
  const place = Math.floor(value / LEAF);
  const leaf = Buffer.alloc(4 * Math.min(LEAF, count - place * LEAF));
  for (let at = 0; at < leaf.length; at += 4) leaf.writeInt32LE(draw(), at);
  let node = sha256(LEFT, leaf);
  const path = [];
  for (let [i, width] = [place, Math.ceil(count / LEAF)]; width > 1; [i, width] = [i >> 1, width + 1 >> 1]) {
    if ((i ^ 1) >= width) continue;
    const sibling = crypto.randomBytes(32);
    path.push(sibling);
    node = i % 2 ? sha256(RIGHT, sibling, node) : sha256(RIGHT, node, sibling);
  }
  return { value: leaf.readInt32LE(4 * (value % LEAF)), root: hex(node), record: () => Buffer.concat([leaf, ...path]) };
}

const half = (sum, by) => {
  const rounded = (2n * (sum < 0n ? -sum : sum) + by) / (2n * by);
  return sum < 0n ? -rounded : rounded;
};

/** One value of the mean update, and the bounds of what counts in it: by sorting, which the contract does not. */
function meanOf(rule, trim, values, weights) {
  const sum = (some) => some.reduce((total, one) => total + one, 0n);
  if (rule === Rule.Mean) {
    return { mean: half(sum(values.map((value, i) => BigInt(value) * BigInt(weights[i]))), sum(weights.map(BigInt))), low: 0, high: 0 };
  }
  const cut = rule === Rule.Median ? Math.floor((values.length - 1) / 2) : trim;
  const kept = [...values].sort((a, b) => a - b).slice(cut, values.length - cut);
  return { mean: half(sum(kept.map(BigInt)), BigInt(kept.length)), low: kept[0], high: kept.at(-1) };
}

/** Bytes of an opened update in what a claim covers. */
const ENTRY = 65;
/** An update that was committed to, as a claim covers it. */
const entryOf = ({ index, weight, root, commitment }) =>
  ethers.solidityPacked(['uint8', 'uint32', 'bytes32', 'bytes28'], [index, weight, root, commitment]);

/** What `openedOf` is after these batches of updates, of a job with this document: docs/spec/commitments.md, from nothing of the contract's. */
const openedDigest = (document, batches) => batches.reduce(
  (before, batch) => ethers.sha256(ethers.concat([before, ...batch.map(entryOf)])), document);

/** A claim as the court takes it: of a job with this document, and a round whose updates were opened in these batches. */
const claimedOf = (document, round, before, aggregate, batches, job = 1) => ({
  job, round, before, document, aggregate,
  updates: ethers.concat(batches.flat().map(entryOf)), batches: hex(Buffer.from(batches.map(({ length }) => length))),
});

/** The point that a value of the model is wrong: `streams` are the model, its base and the admitted updates, in order. */
const pointOf = (value, streams, bounds = {}) =>
  ({ ...NOTHING, ground: Ground.Value, value, ...bounds, proof: hex(...streams.map((stream) => stream.record(value))) });

module.exports = { Rule, Ground, NOTHING, treeOf, aRecord, meanOf, half, ENTRY, entryOf, openedDigest, claimedOf, pointOf, hex };
