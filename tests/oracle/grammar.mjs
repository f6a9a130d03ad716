// Names, texts and documents (docs/spec/grammar.md).
import { createHash } from 'node:crypto';

const LONGEST = 200;
const MAX_DEPTH = 8;
const MAX_INTEGER = 2n ** 63n - 1n;
const SHOWN = [
  [0x20, 0x7e], [0xa1, 0xac], [0xae, 0xd7ff], [0xf900, 0xfdcf], [0xfdf0, 0xfdff], [0xfe10, 0xfefe], [0xff00, 0xffef],
  [0x10000, 0xdffff],
];
const HIDDEN = [
  [0x61c, 0x61c], [0x115f, 0x1160], [0x1680, 0x1680], [0x180b, 0x180f], [0x2000, 0x200f], [0x2028, 0x202f],
  [0x205f, 0x206f], [0x3000, 0x3000], [0x3164, 0x3164], [0xffa0, 0xffa0], [0x1bca0, 0x1bca3], [0x1d173, 0x1d17a],
];
const ACROSS = [
  [0x334, 0x338], [0x488, 0x489], [0x1abe, 0x1abe], [0x1cd4, 0x1cd4], [0x1ce2, 0x1ce8], [0x20d2, 0x20d3],
  [0x20d8, 0x20da], [0x20dd, 0x20e0], [0x20e2, 0x20e6], [0x20ea, 0x20eb], [0xa670, 0xa672], [0x10a39, 0x10a39],
  [0x16af0, 0x16af4], [0x1bc9e, 0x1bc9e], [0x1d167, 0x1d169],
];

const within = (ranges, point) => ranges.some(([first, last]) => first <= point && point <= last);
const shown = (point) => within(SHOWN, point) && !within(HIDDEN, point) && (point < 0x10000 || (point & 0xffff) < 0xfffe);

/** The SHA-256 of a byte for each code point: 1 where it is shown. */
export function shownDigest() {
  const marks = Uint8Array.from({ length: 0x110000 }, (_, point) => (shown(point) ? 1 : 0));
  return createHash('sha256').update(marks).digest('hex');
}

/** The code points of a text; a lone surrogate counts as one. */
const points = (text) => Array.from(text, (sign) => sign.codePointAt(0));
const fits = (signs) => signs.length >= 1 && signs.length <= LONGEST;

export function isName(text) {
  const signs = points(text);
  return fits(signs) && signs.every((point) => point >= 0x21 && point <= 0x7e && point !== 0x22 && point !== 0x5c);
}

export function isText(text) {
  const signs = points(text);
  return fits(signs) && signs.every(shown) && !text.startsWith(' ') && !text.endsWith(' ') && !text.includes('  ');
}

/** The name of a member in 64 bytes of the ledger; null where they break the rule. */
export function memberName(words) {
  let end = words.length;
  while (end > 0 && words[end - 1] === 0) end -= 1;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(words.subarray(0, end));
    return isText(text) && !points(text).some((point) => within(ACROSS, point)) ? text : null;
  } catch {
    return null;
  }
}

/** Whether bytes are a document in its one encoding. There is no white space, so a reader needs no tokens. */
export function isDocument(bytes) {
  let text;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return false;
  }
  const reader = new Reader(points(text));
  return reader.value(0) && reader.at === reader.signs.length;
}

const code = (sign) => sign.codePointAt(0);

class Reader {
  constructor(signs) {
    this.signs = signs;
    this.at = 0;
  }

  takes(word) {
    const given = Array.from(word, code);
    if (!given.every((point, i) => this.signs[this.at + i] === point)) return false;
    this.at += given.length;
    return true;
  }

  value(depth) {
    if (this.takes('{')) return depth < MAX_DEPTH && this.object(depth + 1);
    if (this.takes('[')) return depth < MAX_DEPTH && this.array(depth + 1);
    if (this.takes('"')) return this.string() !== undefined;
    return this.takes('true') || this.takes('false') || this.takes('null') || this.integer();
  }

  array(depth) {
    if (this.takes(']')) return true;
    do {
      if (!this.value(depth)) return false;
    } while (this.takes(','));
    return this.takes(']');
  }

  object(depth) {
    if (this.takes('}')) return true;
    let before;
    do {
      const name = this.takes('"') ? this.string() : undefined;
      if (name === undefined || (before !== undefined && !ascending(before, name))) return false;
      if (!this.takes(':') || !this.value(depth)) return false;
      before = name;
    } while (this.takes(','));
    return this.takes('}');
  }

  /** The code points up to the closing mark; undefined where there is something else. */
  string() {
    const found = [];
    for (;;) {
      const point = this.signs[this.at++];
      if (point === undefined || point < 0x20) return undefined;
      if (point === code('"')) return found;
      if (point !== code('\\')) {
        found.push(point);
        continue;
      }
      const escaped = this.signs[this.at++];
      if (escaped !== code('"') && escaped !== code('\\')) return undefined;
      found.push(escaped);
    }
  }

  integer() {
    const negative = this.takes('-');
    const first = this.at;
    while (this.signs[this.at] >= 0x30 && this.signs[this.at] <= 0x39) this.at++;
    const digits = String.fromCodePoint(...this.signs.slice(first, Math.min(this.at, first + 20)));
    if (!/^(0|[1-9][0-9]{0,18})$/.test(digits) || (negative && digits === '0')) return false;
    return BigInt(digits) <= MAX_INTEGER;
  }
}

function ascending(before, after) {
  const length = Math.min(before.length, after.length);
  for (let i = 0; i < length; i++) if (before[i] !== after[i]) return before[i] < after[i];
  return before.length < after.length;
}
