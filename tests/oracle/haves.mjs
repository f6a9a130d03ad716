// Receipts and their certificates (docs/spec/commitments.md).
import { createHash } from 'node:crypto';
import { TypedDataEncoder, recoverAddress } from 'ethers';

const ENTRY = 103;
const MOST = 16;
const HALF = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;
const fields = (...pairs) => pairs.map(([type, name]) => ({ type, name }));
const HAVE = { Have: fields(['uint32', 'job'], ['uint32', 'round'], ['uint256', 'updates'], ['bytes32', 'content'], ['uint40', 'block']) };
const PUSH = { Push: fields(['uint32', 'job'], ['uint32', 'round'], ['bytes32', 'file']) };

const domain = ({ chain, ledger }) => ({ name: 'fedledger', version: '1', chainId: chain, verifyingContract: ledger });
const number = (data) => (data.length ? BigInt(`0x${data.toString('hex')}`) : 0n);

/** What a member signs to say which updates it holds. */
export function haveDigest({ chain, ledger, job, round, updates, content, block }) {
  return TypedDataEncoder.hash(domain({ chain, ledger }), HAVE, { job, round, updates, content: `0x${content}`, block }).slice(2);
}

/** What a member signs to push its update. */
export function pushDigest({ chain, ledger, job, round, file }) {
  return TypedDataEncoder.hash(domain({ chain, ledger }), PUSH, { job, round, file: `0x${file}` }).slice(2);
}

function entryOf(data) {
  const entry = {
    data, member: data[0], updates: number(data.subarray(1, 33)), block: number(data.subarray(33, 38)),
    signature: data.subarray(38).toString('hex'),
  };
  const [r, s, v] = [number(data.subarray(38, 70)), number(data.subarray(70, 102)), data[102]];
  const right = entry.member < 255 && entry.updates > 0n && entry.updates < 1n << 255n && r > 0n && r <= 2n * HALF
    && s > 0n && s <= HALF && (v === 27 || v === 28);
  return right ? entry : null;
}

/** The entries of a receipts file, or null where it is not in its one form. */
function entriesOf(data) {
  if (data.length % ENTRY || data.length > 255 * MOST * ENTRY) return null;
  const entries = Array.from({ length: data.length / ENTRY }, (_, i) => entryOf(data.subarray(i * ENTRY, (i + 1) * ENTRY)));
  if (entries.includes(null)) return null;
  const counts = new Map();
  const known = new Map();
  for (const [i, entry] of entries.entries()) {
    const before = entries[i - 1];
    if (before && Buffer.compare(order(before), order(entry)) >= 0) return null;
    const seen = known.get(entry.member) ?? 0n;
    const count = (counts.get(entry.member) ?? 0) + 1;
    if ((entry.updates | seen) === seen || count > MOST) return null;
    known.set(entry.member, seen | entry.updates);
    counts.set(entry.member, count);
  }
  return entries;
}

const order = ({ data }) => Buffer.concat([data.subarray(0, 1), data.subarray(33, 38), data]);

const indices = (updates) => Array.from({ length: 255 }, (_, index) => index).filter((index) => (updates >> BigInt(index)) & 1n);

/** What a message is about: the CIDs of the updates that it names, as the ledger opened them. */
function contentOf(updates, opened) {
  const hash = createHash('sha256');
  for (const index of indices(updates)) hash.update(Buffer.from([index])).update(Buffer.from(opened[index], 'hex'));
  return hash.digest('hex');
}

function signerOf(entry, { chain, ledger, job, round, opened }) {
  if (indices(entry.updates).some((index) => !(index in opened))) return null;
  const content = contentOf(entry.updates, opened);
  try {
    return recoverAddress(`0x${haveDigest({ chain, ledger, job, round, content, ...entry })}`, `0x${entry.signature}`);
  } catch {
    return null;
  }
}

/** The members whose updates have a certificate; null for a file that is not in its one form. */
export function certificates(data, roll) {
  const entries = entriesOf(data);
  if (entries === null) return null;
  const needed = roll.members - Math.floor(roll.members / 2);
  const signers = new Map(Object.keys(roll.opened).map((index) => [Number(index), new Set()]));
  for (const entry of entries.filter((one) => roll.keys[one.member] && signerOf(one, roll) === roll.keys[one.member])) {
    for (const [index, set] of signers) {
      if ((entry.updates >> BigInt(index)) & 1n) set.add(entry.member);
    }
  }
  return [...signers].filter(([, set]) => set.size >= needed).map(([index]) => index).sort((a, b) => a - b);
}
