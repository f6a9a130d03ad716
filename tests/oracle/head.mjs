// The head over a ledger's events (docs/spec/commitments.md).
import { createHash } from 'node:crypto';

const DOMAIN = Buffer.from('fedledger/head/1', 'ascii');
const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
const bytes = (digits) => Buffer.from(digits.replace(/^0x/, ''), 'hex');

/** A number of so many bytes, big-endian. */
function number(value, size) {
  return bytes(BigInt(value).toString(16).padStart(2 * size, '0'));
}

/** Leaf 0, from what the network file says. */
export function founding({ chain, block, hash, consortium, ledger, scores, releases, ballots, masks, budgets, court }) {
  const contracts = [consortium, ledger, scores, releases, ballots, masks, budgets, court].map(bytes);
  return sha256(Buffer.of(0), DOMAIN, number(chain, 8), number(block, 8), bytes(hash), ...contracts);
}

/** The leaf of one event. */
export function leaf({ block, tx, contract, topics, data }) {
  const head = [number(block, 8), bytes(tx), bytes(contract), number(topics.length, 1), ...topics.map(bytes)];
  return sha256(Buffer.of(0), ...head, number(bytes(data).length, 4), bytes(data));
}

/** RFC 6962, section 2.1, over the leaves' hashes. */
export function treeRoot(leaves) {
  if (leaves.length === 1) return leaves[0];
  let left = 1;
  while (left * 2 < leaves.length) left *= 2;
  return sha256(Buffer.of(1), treeRoot(leaves.slice(0, left)), treeRoot(leaves.slice(left)));
}

/** The head over so many events. */
export const head = (events, root) => sha256(DOMAIN, number(events, 8), root);
