// Arguments of calls, as the contracts' own decoder takes them (docs/spec/bundle.md, "Calldata"). A type is a text, for a
// tuple a list of [name, type], and for an array {of, length}: of so many static types, of any number of tuples without
// `length`. "enumN" is a uint8 below N.
import { Malformed, hex, integer } from "../bytes.js";

const WORD = 32, SELECTOR = 4;
const MOST_BYTES = 1n << 64n; // no offset of an argument, and no length, has more

function isDynamic(type) {
  if (type.of) return type.length === undefined;
  return type === "bytes" || (Array.isArray(type) && type.some(([, part]) => isDynamic(part)));
}

// The type in text, as a selector is made of it.
export function canonical(type) {
  if (type.of) return `${canonical(type.of)}[${type.length ?? ""}]`;
  return Array.isArray(type) ? `(${type.map(([, part]) => canonical(part)).join(",")})` : type.replace(/^enum\d+$/, "uint8");
}

function wordsOf(type) {
  if (isDynamic(type)) return 1;
  if (type.of) return type.length * wordsOf(type.of);
  return Array.isArray(type) ? type.reduce((sum, [, part]) => sum + wordsOf(part), 0) : 1;
}

// How many bytes a tuple takes, without what stands elsewhere.
export function headOf(fields) {
  return fields.reduce((sum, [, type]) => sum + wordsOf(type), 0) * WORD;
}

// The arguments by name, from calldata with its selector. Throws Malformed where the contract's decoder reverts.
export function decodeArguments(fields, data) {
  if (data.length < SELECTOR + headOf(fields)) throw new Malformed("arguments are cut");
  let place = SELECTOR;
  for (const [, type] of fields) {
    if (isDynamic(type) && integer(wordAt(data, place)) >= MOST_BYTES) throw new Malformed("an argument is behind all calldata");
    place += wordsOf(type) * WORD;
  }
  return tupleAt(fields, data, BigInt(SELECTOR));
}

// The word at a place, a number or BigInt below 2^256: behind the calldata there are zeros without end.
function wordAt(data, place) {
  if (place >= data.length) return new Uint8Array(WORD);
  const word = data.subarray(Number(place), Number(place) + WORD);
  if (word.length === WORD) return word;
  const filled = new Uint8Array(WORD);
  filled.set(word);
  return filled;
}

function tupleAt(fields, data, base) {
  const values = {};
  let place = base;
  for (const [name, type] of fields) {
    values[name] = isDynamic(type) ? tailAt(type, data, base, place) : staticAt(type, data, place);
    place = round(place + BigInt(wordsOf(type) * WORD));
  }
  return values;
}

function staticAt(type, data, place) {
  if (type.of) return Array.from({ length: type.length }, (_, at) => staticAt(type.of, data, place + BigInt(at * WORD)));
  return Array.isArray(type) ? tupleAt(type, data, place) : valueOf(type, wordAt(data, place));
}

// A dynamic member of a tuple that begins at `base`; its offset stands at `place`.
function tailAt(type, data, base, place) {
  const offset = integer(wordAt(data, place)), least = Array.isArray(type) ? headOf(type) : WORD;
  if (signed(offset) >= signed(BigInt(data.length) - base - BigInt(least) + 1n)) throw new Malformed("a tail is cut");
  const start = round(base + offset);
  return Array.isArray(type) ? tupleAt(type, data, start) : runAt(type, data, start);
}

// Bytes or tuples, behind their number.
function runAt(type, data, place) {
  const count = integer(wordAt(data, place)), start = round(place + BigInt(WORD)), size = type.of ? headOf(type.of) : 1;
  if (count >= MOST_BYTES || signed(start) + count * BigInt(size) > data.length) throw new Malformed("a tail is cut");
  if (!count) return type.of ? [] : new Uint8Array(0);
  const first = Number(start), length = Number(count);
  if (!type.of) return data.subarray(first, first + length);
  return Array.from({ length }, (_, at) => tupleAt(type.of, data, BigInt(first + at * size)));
}

// Places count round.
function round(place) {
  return BigInt.asUintN(256, place);
}

function signed(number) {
  return BigInt.asIntN(256, number);
}

// One word: uintN as a number up to 48 bits, else BigInt; int32; bool; bytesN as bytes; address as 40 digits.
function valueOf(type, bytes) {
  const size = Number(type.match(/\d+$/)?.[0] ?? 0);
  if (type === "address") {
    requireZeros(bytes.subarray(0, 12));
    return hex(bytes.subarray(12));
  }
  if (type.startsWith("bytes")) {
    requireZeros(bytes.subarray(size));
    return bytes.subarray(0, size);
  }
  let value = integer(bytes);
  if (type.startsWith("int")) value = signed(value);
  if (!fits(type, size, value)) throw new Malformed("a number out of its bounds");
  if (type === "bool") return value === 1n;
  return size <= 48 ? Number(value) : value;
}

function fits(type, size, value) {
  if (type.startsWith("enum")) return value < size;
  if (type.startsWith("int")) return value === BigInt.asIntN(size, value);
  return value === BigInt.asUintN(type === "bool" ? 1 : size, value);
}

function requireZeros(bytes) {
  if (bytes.some((byte) => byte)) throw new Malformed("a word with more than its type");
}
