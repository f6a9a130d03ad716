// Where bytes are, by what they are (docs/spec/content.md): CIDs, and files as trees of blocks. A node is not parsed but
// made again from the size it covers, and compared.
import { Malformed, hex, join, same } from "./bytes.js";
import { sha256 } from "./sha256.js";

export const CHUNK = 1 << 20;
export const RAW = 0x55;
export const DAG_PB = 0x70;
const MAX_LINKS = 1024;
const MAX_NODE = 1 << 16;
const MAX_SIZE = CHUNK * MAX_LINKS ** 2;
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

export function cidBytes(codec, digest) {
  return join(Uint8Array.of(1, codec, 0x12, 0x20), digest);
}

// The text of a CID.
export function cidText(codec, digest) {
  let text = "b", held = 0, bits = 0;
  for (const byte of cidBytes(codec, digest)) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += ALPHABET[(held >> (bits - 5)) & 31];
  }
  return bits ? text + ALPHABET[(held << (5 - bits)) & 31] : text;
}

// Codec and digest of a CID in its one text form. Throws Malformed.
export function parseCid(text) {
  const bytes = new Uint8Array(36);
  let held = 0, bits = 0, at = 0;
  for (const sign of text.slice(1)) {
    held = ((held << 5) | ALPHABET.indexOf(sign)) & 0xfff;
    bits += 5;
    if (bits >= 8) bytes[at++] = held >> (bits -= 8);
  }
  const codec = bytes[1], digest = bytes.slice(4);
  if (![RAW, DAG_PB].includes(codec) || cidText(codec, digest) !== text) throw new Malformed("not a CID of fedledger");
  return { codec, digest };
}

// A file's codec follows from its size.
export function codecOf(size) {
  return size <= CHUNK ? RAW : DAG_PB;
}

export function largest(codec) {
  return codec === RAW ? CHUNK : MAX_NODE;
}

export function varint(number) {
  const out = [];
  let rest = number;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) out.push((rest % 128) | 0x80);
  out.push(rest);
  return Uint8Array.from(out);
}

function span(height) {
  return CHUNK * MAX_LINKS ** height;
}

export function heightOf(size) {
  if (!(size >= 0 && size <= MAX_SIZE)) throw new Malformed("a file size out of bounds");
  let height = 0;
  while (size > span(height)) height++;
  return height;
}

function sizesOf(size, height) {
  const full = span(height - 1), count = Math.ceil(size / full);
  if (count < 1 || count > MAX_LINKS) throw new Malformed("a node over a size that it cannot cover");
  return Array.from({ length: count }, (_, at) => (at < count - 1 ? full : size - full * (count - 1)));
}

// The bytes of all blocks of a subtree together.
function tsize(size, height) {
  if (!height) return size;
  const sizes = sizesOf(size, height);
  const own = nodeOf(size, height, sizes.map(() => new Uint8Array(32))).length;
  return sizes.reduce((sum, part) => sum + tsize(part, height - 1), own);
}

// The node at `height` over `size` bytes, by the digests of its children.
export function nodeOf(size, height, children) {
  const sizes = sizesOf(size, height), codec = height === 1 ? RAW : DAG_PB;
  if (sizes.length !== children.length) throw new Malformed("a node with other links than its size asks for");
  const sums = new Map();
  const total = (part) => {
    if (!sums.has(part)) sums.set(part, tsize(part, height - 1));
    return sums.get(part);
  };
  const links = sizes.map((part, at) => {
    const body = join(Uint8Array.of(0x0a, 0x24), cidBytes(codec, children[at]), Uint8Array.of(0x12, 0, 0x18), varint(total(part)));
    return join(Uint8Array.of(0x12, body.length), body);
  });
  const lengths = sizes.flatMap((part) => [Uint8Array.of(0x20), varint(part)]);
  const data = join(Uint8Array.of(0x08, 0x02, 0x18), varint(size), ...lengths);
  return join(...links, Uint8Array.of(0x0a), varint(data.length), data);
}

// The digests of the children of the one node that covers `size` bytes at `height`. Throws Malformed for any other.
export function childrenOf(block, size, height) {
  const sizes = sizesOf(size, height), codec = height === 1 ? RAW : DAG_PB;
  const children = [];
  let at = 0;
  for (; children.length < sizes.length && block[at] === 0x12; at += 2 + block[at + 1]) {
    children.push(block.slice(at + 8, at + 40));
  }
  const fits = children.length === sizes.length && children.every((child) => child.length === 32);
  if (!fits || !same(nodeOf(size, height, children), block)) throw new Malformed("a node that is not in the form of the profile");
  return children.map((digest, place) => ({ digest, codec, size: sizes[place] }));
}

// The leaves of a file, in order, by a way to get its nodes: `read(codec, digest)` returns a block whose hash is right.
// What `read` throws of a node is thrown behind all others, with the `leaves` that were found: a node in another form,
// which is Malformed, decides wherever it stands.
export async function leavesOf(digest, size, read) {
  let level = [{ digest, codec: codecOf(size), size }], lacking = null;
  for (let height = heightOf(size); height > 0; height--) {
    const below = [];
    for (const node of level) {
      const block = await read(DAG_PB, node.digest).catch((error) => {
        lacking = error;
      });
      if (block) below.push(...childrenOf(block, node.size, height));
    }
    level = below;
  }
  if (lacking) throw Object.assign(lacking, { leaves: level });
  return level;
}

// The digest in the CID of a file whose leaves have these digests.
export function fileDigest(leaves, size) {
  let level = leaves;
  for (let height = 1; height <= heightOf(size); height++) {
    const above = [];
    for (let first = 0, left = size; first < level.length; first += MAX_LINKS, left -= span(height)) {
      above.push(sha256(nodeOf(Math.min(left, span(height)), height, level.slice(first, first + MAX_LINKS))));
    }
    level = above;
  }
  return level[0];
}

// A block is what its digest says, or it is nothing.
export function named(codec, digest) {
  return `${codec}:${hex(digest)}`;
}
