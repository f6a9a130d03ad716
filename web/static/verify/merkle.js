// The tensor root: RFC 6962 over the 1 KiB leaves of an artifact's integers, or over other leaves.
import { same } from "./bytes.js";
import { prefixedHashes, sha256 } from "./sha256.js";

export const LEAF = 1024;

// The hashes of the leaves of `data`, which starts at a leaf's border; joined.
export function leafHashes(data) {
  return prefixedHashes(data, LEAF, 0);
}

export function leafHash(leaf) {
  const whole = new Uint8Array(leaf.length + 1);
  whole.set(leaf, 1);
  return sha256(whole);
}

function nodeHash(left, right) {
  const whole = new Uint8Array(65);
  whole[0] = 1;
  whole.set(left, 1);
  whole.set(right, 33);
  return sha256(whole);
}

// Takes leaf hashes in order; keeps one hash for each level.
export class Stack {
  constructor() {
    this.leaves = 0;
    this.held = [];
  }

  // Joined hashes of the next leaves.
  add(hashes) {
    for (let at = 0; at < hashes.length; at += 32) {
      let node = hashes.subarray(at, at + 32);
      for (let count = this.leaves; count % 2; count = (count - 1) / 2) node = nodeHash(this.held.pop(), node);
      this.held.push(node);
      this.leaves++;
    }
  }

  root() {
    if (!this.leaves) return sha256(new Uint8Array(0));
    return this.held.reduceRight((right, left) => nodeHash(left, right));
  }
}

export function rootOf(data) {
  const stack = new Stack();
  stack.add(leafHashes(data));
  return stack.root();
}

// Whether `path` leads from leaf number `index` of `leaves` to `root`.
export function leadsTo(root, leaf, index, leaves, path) {
  if (index < 0 || index >= leaves) return false;
  let node = leafHash(leaf), position = index, width = leaves, used = 0;
  while (width > 1) {
    const beside = position % 2 ? position - 1 : position + 1;
    if (beside < width) {
      if (used === path.length) return false;
      const sibling = path[used++];
      node = position % 2 ? nodeHash(sibling, node) : nodeHash(node, sibling);
    }
    position = Math.floor(position / 2);
    width = Math.ceil(width / 2);
  }
  return used === path.length && same(node, root);
}
