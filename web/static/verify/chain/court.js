// What `AggregateCourt` convicts: a pure function of a refutation, the claim on the ledger and the job's terms.
import { integer, join } from "../bytes.js";
import { LEAF, leadsTo } from "../merkle.js";
import { sha256 } from "../sha256.js";
import { require } from "./consortium.js";

const ENTRY = 65;
export const VALUE = 1;
export const LIMIT = 2;
export const WEIGHT = 3;
export const TOO_FEW = 4;
export const GROUNDS = ["", "VALUE", "LIMIT", "WEIGHT", "TOO_FEW"];
const MEAN = 0, MEDIAN = 1, TRIMMED = 2;

// {expected, actual}: BigInt. Throws Refused where it convicts nobody. `claimed` and `point` as the court takes them.
export function judge(terms, claimed, point) {
  require(terms.byValue && terms.rule <= TRIMMED);
  const admitted = admittedOf(claimed), { ground, member } = point;
  requireUsed(point);
  const one = admitted.find((entry) => entry.index === member);
  if (ground === VALUE) return judgeValue(terms, claimed.aggregate, point, admitted);
  if (ground === TOO_FEW) {
    require(integer(claimed.aggregate.root));
    return differing(BigInt(terms.minUpdates), BigInt(admitted.length), (expected, actual) => actual < expected);
  }
  require(one);
  if (ground === WEIGHT) return differing(BigInt(terms.maxWeight), BigInt(one.weight), (expected, actual) => actual > expected);
  const place = placeOf(terms, point.value);
  require(point.proof.length === place.size);
  const value = read(point.proof, 0, place, one.root), bound = BigInt(terms.maxValue);
  return differing(bound, value, () => value > bound || value < -bound);
}

function differing(expected, actual, differs) {
  require(differs(expected, actual));
  return { expected, actual };
}

// What `RoundLedger` has as `opened` after these openings. Throws Refused where the batches are not those of the updates.
export function openedOf({ document, updates, batches }) {
  require(updates.length % ENTRY === 0);
  let opened = document, start = 0;
  for (const count of batches) {
    const end = start + count * ENTRY;
    require(end <= updates.length);
    opened = sha256(join(opened, updates.subarray(start, end)));
    start = end;
  }
  require(start === updates.length);
  return opened;
}

// The admitted updates, in the order of the openings; verdicts are by ascending member index.
function admittedOf({ updates, aggregate: { verdicts } }) {
  const count = updates.length / ENTRY;
  require(verdicts.length === count);
  const entries = Array.from({ length: count }, (_, at) => {
    const entry = updates.subarray(at * ENTRY, (at + 1) * ENTRY);
    return { index: entry[0], weight: Number(integer(entry.subarray(1, 5))), root: entry.subarray(5, 37) };
  });
  const open = [...new Set(entries.map(({ index }) => index))].sort((left, right) => left - right);
  return entries.filter(({ index }) => verdicts[open.indexOf(index)] === 0);
}

function judgeValue(terms, aggregate, point, admitted) {
  require(integer(aggregate.root));
  const trim = terms.rule === MEDIAN && admitted.length ? Math.floor((admitted.length - 1) / 2) : terms.trim;
  require(2 * trim < admitted.length);
  const place = placeOf(terms, point.value);
  if (terms.rule === MEAN) require(point.low === 0 && point.high === 0);
  require(point.proof.length === (2 + admitted.length) * place.size);
  const roots = [aggregate.root, aggregate.base, ...admitted.map(({ root }) => root)];
  const [actual, base, ...values] = roots.map((root, at) => read(point.proof, at * place.size, place, root));
  const change = terms.rule === MEAN ? mean(admitted, values) : trimmed(values, trim, point);
  return differing(base + change, actual, (expected) => expected !== actual);
}

function mean(admitted, values) {
  const sum = values.reduce((total, value, at) => total + BigInt(admitted[at].weight) * value, 0n);
  return divide(sum, admitted.reduce((total, { weight }) => total + BigInt(weight), 0n));
}

// Without the lowest and the highest; `low` and `high` must be the ends of the rest.
function trimmed(values, trim, { low, high }) {
  const kept = [...values].sort((left, right) => (left < right ? -1 : left > right ? 1 : 0)).slice(trim, values.length - trim);
  require(kept[0] === BigInt(low) && kept.at(-1) === BigInt(high));
  return divide(kept.reduce((total, value) => total + value, 0n), BigInt(kept.length));
}

// Rounded half away from zero; division of BigInt cuts towards zero.
function divide(sum, divisor) {
  require(divisor > 0n);
  return (2n * sum + (sum < 0n ? -divisor : divisor)) / (2n * divisor);
}

function placeOf(terms, value) {
  require(value < terms.values);
  const values = Number(terms.values), at = Number(value), position = Math.floor(at / 256);
  const leaves = Math.ceil(values / 256), length = Math.min(LEAF, 4 * (values - position * 256));
  let steps = 0;
  for (let [index, width] = [position, leaves]; width > 1; [index, width] = [Math.floor(index / 2), Math.ceil(width / 2)]) {
    if ((index % 2 ? index - 1 : index + 1) < width) steps++;
  }
  return { position, leaves, length, size: length + 32 * steps, offset: 4 * (at % 256) };
}

// The value in a record, which leads to `root`.
function read(proof, start, place, root) {
  const leaf = proof.subarray(start, start + place.length), path = [];
  for (let at = start + place.length; at < start + place.size; at += 32) path.push(proof.subarray(at, at + 32));
  require(leadsTo(root, leaf, place.position, place.leaves, path));
  return BigInt(new DataView(leaf.buffer, leaf.byteOffset).getInt32(place.offset, true));
}

// What the ground has no use for is zero.
function requireUsed({ ground, member, value, low, high, proof }) {
  require(ground >= VALUE && ground <= TOO_FEW);
  if (ground !== LIMIT && ground !== WEIGHT) require(member === 0);
  if (ground !== VALUE && ground !== LIMIT) require(value === 0n && !proof.length);
  if (ground !== VALUE) require(low === 0 && high === 0);
}
