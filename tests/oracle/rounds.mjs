// Admission, the weighted mean, commitments, and the claim (docs/spec/round.md, docs/spec/commitments.md).
import { AbiCoder, concat, dataSlice, id, keccak256, sha256, solidityPacked } from 'ethers';
import { headerFor, root, valuesOf } from './artifact.mjs';

const [ADMITTED, HEADER, ROOT, WEIGHT, RANGE, NORM] = [0, 1, 5, 6, 7, 8];

/** The byte for an update of a member: the first that applies of WEIGHT, HEADER, ROOT, RANGE, NORM. */
export function verdict({ tensors, binding, limits, member, weight, registered, file }) {
  const cap = limits.max_weights[member] ?? limits.max_weight;
  if (BigInt(weight) < 1n || BigInt(weight) > BigInt(cap)) return WEIGHT;
  const right = headerFor(file, binding, tensors);
  if (right === null) return HEADER;
  const body = file.subarray(right.length);
  if (!file.subarray(0, right.length).equals(right) || body.length !== 4 * valuesOf(tensors)) return HEADER;
  if (!root(body).equals(registered)) return ROOT;
  const magnitudes = Array.from({ length: body.length / 4 }, (_, i) => BigInt(Math.abs(body.readInt32LE(4 * i))));
  if (magnitudes.some((magnitude) => magnitude > BigInt(limits.max_value))) return RANGE;
  const squares = magnitudes.reduce((sum, magnitude) => sum + magnitude * magnitude, 0n);
  return squares > BigInt(limits.max_norm) ** 2n && limits.on_norm !== 'clip' ? NORM : ADMITTED;
}

/** Coordinate by coordinate, one division, half away from zero. */
export function weightedMean(weights, updates) {
  const total = weights.reduce((sum, weight) => sum + BigInt(weight), 0n);
  return updates[0].map((_, i) => {
    const sum = updates.reduce((all, update, k) => all + BigInt(weights[k]) * BigInt(update[i]), 0n);
    const magnitude = ((sum < 0n ? -sum : sum) * 2n + total) / (2n * total);
    return Number(sum < 0n ? -magnitude : magnitude);
  });
}

/** keccak256(abi.encode(...)), of types and values. */
const hashed = (types, values) => keccak256(AbiCoder.defaultAbiCoder().encode(types.split(' '), values));
const placed = ({ chain, ledger, job, round }) => [chain, ledger, job, round];

/** What tells a round's commitments from any other's. */
export const domain = (place) =>
  hashed('bytes32 uint256 address uint32 uint32', [id('fedledger/update/3'), ...placed(place)]).slice(2);

/** The first 28 bytes of the hash over domain, party, weight, root, CID and salt. */
export function commitment(place, { party, weight, root: sum, cid, salt }) {
  const values = [`0x${domain(place)}`, party, weight, `0x${sum}`, `0x${cid}`, `0x${salt}`];
  return dataSlice(hashed('bytes32 address uint32 bytes32 bytes32 bytes16', values), 0, 28).slice(2);
}

/** An opening as the contract takes it: 104 bytes. */
export const opening = ({ party, weight, root: sum, cid, salt }) =>
  solidityPacked(
    ['address', 'uint32', 'bytes32', 'bytes32', 'bytes16'],
    [party, weight, `0x${sum}`, `0x${cid}`, `0x${salt}`],
  ).slice(2);

/** The digest over a round's openings, call by call from that of the job's document on: of each update its member, weight, root and commitment. */
export const openedDigest = ({ document, calls }) =>
  calls.reduce((before, call) => {
    const kinds = ['uint8', 'uint32', 'bytes32', 'bytes28'];
    const entries = call.map((one) => solidityPacked(kinds, [one.member, one.weight, `0x${one.root}`, `0x${one.commitment}`]));
    return sha256(concat([before, ...entries]));
  }, `0x${document}`).slice(2);

/** What an aggregate claims. */
export function claimOf(place, said) {
  const words = (...names) => names.map((name) => `0x${said[name]}`);
  return hashed(
    'bytes32 uint256 address uint32 uint32 bytes32 bytes32 bytes32 bytes32 uint40 bytes32 bytes32 bytes32 bytes32 bytes32',
    [
      id('fedledger/claim/5'),
      ...placed(place),
      ...words('base', 'opened', 'root', 'cid'),
      said.as_of,
      ...words('anchor', 'head', 'receipts', 'carried'),
      keccak256(`0x${said.verdicts}`),
    ],
  ).slice(2);
}

/** What a member that agrees with a claim shows of having computed it. */
export const witness = ({ member, claim, sums }) => sha256(concat([member, `0x${claim}`, `0x${sums}`])).slice(2);
