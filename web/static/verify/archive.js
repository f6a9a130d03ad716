// A bundle's file (docs/spec/bundle.md, "File"): its blocks indexed and hashed once, by windows, then read by their place.
// Memory grows with the number of blocks, not with their bytes.
import { same } from "./bytes.js";
import { DAG_PB, RAW, largest } from "./content.js";
import { digestOf } from "./sha256.js";

const BEFORE = Uint8Array.of(0x3a, 0xa2, 0x65, 0x72, 0x6f, 0x6f, 0x74, 0x73, 0x81, 0xd8, 0x2a, 0x58, 0x25, 0x00);
const AFTER = Uint8Array.of(0x67, 0x76, 0x65, 0x72, 0x73, 0x69, 0x6f, 0x6e, 0x01);
const HEADER = 59, CID = 36, LONGEST_LENGTH = 3, MAX_BLOCKS = 262_144, WINDOW = 1 << 22, AT_ONCE = 16;
const CLOSE = 1 << 14; // bytes between two blocks that are read rather than passed over

// What is wrong with a bundle: a code of BUNDLE, and its place. `bundle` is the root's digest, once that is known.
export class Broken extends Error {
  constructor(code, value = 0) {
    super(code);
    Object.assign(this, { code, value });
  }
}

// Bytes of a file from anywhere, read in windows.
class Window {
  constructor(file) {
    Object.assign(this, { file, start: 0, bytes: new Uint8Array(0) });
  }

  async read(at, length) {
    const stop = Math.min(at + length, this.file.size);
    if (at < this.start || stop > this.start + this.bytes.length) {
      this.start = at;
      this.bytes = await bytesOf(this.file, at, Math.max(at + WINDOW, stop));
    }
    return this.bytes.subarray(at - this.start, Math.max(stop, at) - this.start);
  }
}

async function bytesOf(file, start, stop) {
  return new Uint8Array(await file.slice(start, Math.min(stop, file.size)).arrayBuffer());
}

// A block by its place, which `Archive.place` told; null where that told none.
export function readPlace(place) {
  return place && bytesOf(place.file, place.at, place.at + place.length);
}

// The blocks of several places, null for those that are none. What stands close together is read at once: a browser
// takes a message to another process for each reading.
export async function readPlaces(places) {
  const blocks = places.map(() => null), numbers = [...places.keys()].filter((number) => places[number]);
  numbers.sort((left, right) => places[left].at - places[right].at);
  for (let first = 0, last; first < numbers.length; first = last) {
    const { file, at } = places[numbers[first]];
    let stop = at;
    for (last = first; last < numbers.length; last++) {
      const place = places[numbers[last]], end = Math.max(stop, place.at + place.length);
      if (last > first && (place.file !== file || place.at - stop > CLOSE || end - at > WINDOW)) break;
      stop = end;
    }
    const bytes = await bytesOf(file, at, stop);
    for (const number of numbers.slice(first, last)) {
      blocks[number] = bytes.subarray(places[number].at - at, places[number].at - at + places[number].length);
    }
  }
  return blocks;
}

// A digest as a short key of a map.
function keyOf(digest) {
  return String.fromCharCode.apply(null, digest);
}

// The archive's blocks by digest; `root` and `first` are digests. Throws Broken, with `root` once the header is right.
export class Archive {
  constructor(file) {
    Object.assign(this, { file, places: new Map(), root: null, codec: 0, first: null });
  }

  has(digest) {
    return this.places.has(keyOf(digest));
  }

  place(digest) {
    const found = this.places.get(keyOf(digest));
    return found ? { file: this.file, ...found } : null;
  }

  // The block; null where it is not there.
  block(digest) {
    return readPlace(this.place(digest));
  }

  async index(tell) {
    const window = new Window(this.file);
    this.readHeader(await window.read(0, HEADER));
    let at = HEADER, number = 0, waiting = [];
    for (; at < this.file.size; number++) {
      const section = number === MAX_BLOCKS ? null : sectionAt(await window.read(at, LONGEST_LENGTH + CID), at, this.file.size);
      if (!section || this.has(section.digest)) {
        await hashed(waiting);
        throw new Broken(section ? "REPEATED" : "CAR", number);
      }
      const block = await window.read(section.at, section.length);
      this.places.set(keyOf(section.digest), { at: section.at, length: section.length });
      this.first ??= section.digest;
      waiting.push({ number, digest: section.digest, actual: digestOf(block) });
      if (waiting.length === AT_ONCE) waiting = await hashed(waiting);
      at = section.at + section.length;
      tell({ done: at, size: this.file.size });
    }
    await hashed(waiting);
  }

  readHeader(header) {
    const cid = header.subarray(14, 50);
    const isRoot = cid[0] === 1 && [RAW, DAG_PB].includes(cid[1]) && cid[2] === 0x12 && cid[3] === 0x20;
    if (header.length !== HEADER || !same(header.subarray(0, 14), BEFORE) || !isRoot || !same(header.subarray(50), AFTER)) {
      throw new Broken("CAR");
    }
    this.codec = cid[1];
    this.root = cid.slice(4);
  }
}

async function hashed(waiting) {
  for (const { number, digest, actual } of waiting) if (!same(digest, await actual)) throw new Broken("BLOCK", number);
  return [];
}

// Digest and place of the block of the section at `at`; null where the section is in no form.
function sectionAt(bytes, at, size) {
  let length = 0, used = 0;
  for (let factor = 1; ; factor *= 128) {
    if (used === Math.min(LONGEST_LENGTH, bytes.length)) return null;
    const byte = bytes[used++];
    length += (byte & 0x7f) * factor;
    if (byte < 0x80) {
      if (byte === 0 && used > 1) return null;
      break;
    }
  }
  const cid = bytes.subarray(used, used + CID), start = at + used + CID;
  const known = cid.length === CID && cid[0] === 1 && [RAW, DAG_PB].includes(cid[1]) && cid[2] === 0x12 && cid[3] === 0x20;
  if (!known || length < CID || length - CID > largest(cid[1]) || start + length - CID > size) return null;
  return { digest: cid.slice(4), at: start, length: length - CID };
}
