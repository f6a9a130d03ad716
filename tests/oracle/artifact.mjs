// The file of a model or an update (docs/spec/artifact.md).
import { createHash } from 'node:crypto';

const LEAF = 1024;
const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

/** Objects as JSON, members sorted. All names are ASCII, so JavaScript's order is that of code points. */
function sorted(value) {
  if (Array.isArray(value) || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${sorted(value[name])}`);
  return `{${members.join(',')}}`;
}

const product = (numbers) => numbers.reduce((all, number) => all * number, 1);

export function table(tensors, masked = false) {
  let start = 0;
  const entries = Object.create(null);
  for (const { name, shape } of tensors) {
    const end = start + (masked ? 8 : 4) * product(shape);
    entries[name] = { data_offsets: [start, end], dtype: masked ? 'U64' : 'I32', shape };
    start = end;
  }
  return entries;
}

/** The bytes before the integers. `binding` has numbers as decimal text; a field that does not apply is empty. */
export function header(binding, tensors) {
  const entries = table(tensors, binding.kind === 'masked');
  const size = Math.ceil((8 + sorted(entries).length + 512) / LEAF) * LEAF;
  const said = { format: 'fedledger/1', ...binding };
  entries.__metadata__ = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== ''));
  const made = Buffer.alloc(size, ' ');
  made.writeBigUInt64LE(BigInt(size - 8));
  made.write(sorted(entries), 8, 'latin1');
  return made;
}

/** What an update's header says of its rows, where they are said for the first time; another header has them elsewhere. */
function rowsOf(file) {
  const text = file.toString('latin1');
  const said = (name) => new RegExp(`"${name}":"([^"]*)"`).exec(text)?.[1] ?? '';
  const [rows, data, platform] = [said('rows'), said('data'), said('platform')];
  const right = /^[1-9][0-9]{0,9}$/.test(rows) && Number(rows) < 2 ** 32 && /^[0-9a-f]{64}$/.test(data);
  return right && /^([0-9a-f]{64})?$/.test(platform) ? { rows, data, platform } : null;
}

/** The header that a file must have, of what everyone knows; null for an update that does not say its rows. */
export function headerFor(file, binding, tensors) {
  if (!['update', 'masked'].includes(binding.kind) || binding.data) return header(binding, tensors);
  const size = header(binding, tensors).length;
  const rows = rowsOf(file.subarray(0, size));
  return rows && header({ ...binding, ...rows }, tensors);
}

export const valuesOf = (tensors) => tensors.reduce((sum, { shape }) => sum + product(shape), 0);

/** RFC 6962, section 2.1, over leaves of 1,024 bytes. */
export function root(body) {
  const leaves = [];
  for (let at = 0; at < body.length; at += LEAF) leaves.push(body.subarray(at, at + LEAF));
  return node(leaves);
}

function node(leaves) {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return sha256(Buffer.of(0), leaves[0]);
  let left = 1;
  while (left * 2 < leaves.length) left *= 2;
  return sha256(Buffer.of(1), node(leaves.slice(0, left)), node(leaves.slice(left)));
}
