// RLP, canonical: one encoding for each item, no byte left over, lists at most four deep.
import { Malformed } from "../bytes.js";

const DEPTH = 4;

// The item that the bytes are: Uint8Array, or an array of items.
export function decode(bytes) {
  const { item, end } = itemAt(bytes, 0, bytes.length, 0);
  if (end !== bytes.length) throw new Malformed("more than an RLP item");
  return item;
}

function itemAt(bytes, at, stop, depth) {
  const { isList, start, end } = spanAt(bytes, at, stop);
  if (!isList) return { item: bytes.subarray(start, end), end };
  if (depth === DEPTH) throw new Malformed("lists too deep");
  const items = [];
  for (let place = start; place < end;) {
    const found = itemAt(bytes, place, end, depth + 1);
    items.push(found.item);
    place = found.end;
  }
  return { item: items, end };
}

// Where the content of the item at `at` stands, which ends before `stop`.
export function spanAt(bytes, at, stop) {
  if (at >= stop) throw new Malformed("an RLP item is cut");
  const first = bytes[at], isList = first >= 0xc0, base = isList ? 0xc0 : 0x80;
  if (first < 0x80) return { isList, start: at, end: at + 1 };
  let start = at + 1, length = first - base;
  if (length > 55) {
    const size = length - 55;
    start += size;
    if (start > stop || bytes[at + 1] === 0 || size > 6) throw new Malformed("an RLP length is not in its one form");
    length = 0;
    for (let place = at + 1; place < start; place++) length = length * 256 + bytes[place];
    if (length < 56) throw new Malformed("an RLP length is not in its one form");
  } else if (!isList && length === 1 && bytes[start] < 0x80) throw new Malformed("an RLP byte is not in its one form");
  if (start + length > stop) throw new Malformed("an RLP item is cut");
  return { isList, start, end: start + length };
}

// The bytes before a list of so many bytes of items.
export function listHead(length) {
  if (length < 56) return Uint8Array.of(0xc0 + length);
  const size = [];
  for (let rest = length; rest; rest = Math.floor(rest / 256)) size.unshift(rest % 256);
  return Uint8Array.of(0xf7 + size.length, ...size);
}
