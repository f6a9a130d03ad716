// The draw of rows, and the root over them (docs/spec/rows.md).
import { createHash } from 'node:crypto';
import { treeRoot } from './head.mjs';

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
const text = (word) => Buffer.from(word, 'ascii');
const bytes = (digits) => Buffer.from(digits, 'hex');

function number(value, size) {
  return bytes(BigInt(value).toString(16).padStart(2 * size, '0'));
}

/** Whether a leaf is held out. */
export function holdsOut({ job, salt, share }, leaf) {
  const drawn = sha256(text('fedledger/hold-out/1'), bytes(job), bytes(salt), bytes(leaf)).readBigUInt64BE(0);
  return drawn * 100n < BigInt(share) * 2n ** 64n;
}

const sideRoot = (leaves) => (leaves.length ? treeRoot(leaves) : sha256());

function side(leaves, key, blind) {
  const tags = leaves.map((leaf) => sha256(key, bytes(leaf))).sort(Buffer.compare);
  return sideRoot(tags.map((tag) => sha256(Buffer.of(0), tag, sha256(blind, tag))));
}

/** What an update of a round that was made of these leaves binds: the number that is trained on, and the root. */
export function rowsRoot({ job, salt, share, round, leaves }) {
  const said = [bytes(salt), bytes(job), number(round, 4)];
  const key = sha256(text('fedledger/rows-key/1'), ...said);
  const blind = sha256(text('fedledger/rows-blind/1'), ...said);
  const sides = [false, true].map((out) => leaves.filter((leaf) => holdsOut({ job, salt, share }, leaf) === out));
  const bound = sides.flatMap((one) => [number(one.length, 8), side(one, key, blind)]);
  const root = sha256(text('fedledger/rows/1'), sha256(key), ...bound).toString('hex');
  return { rows: sides[0].length, root };
}
