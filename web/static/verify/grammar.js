// Documents in the strict grammar (docs/spec/grammar.md): JSON with one encoding, integers alone, which are BigInt here.
import { Malformed } from "./bytes.js";

const DEPTH = 8;
const LARGEST = 2n ** 63n - 1n;
const INTEGER = /-?[0-9]+/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const WORDS = new Map([["true", true], ["false", false], ["null", null]]);

class Text {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  take(sign) {
    if (this.text[this.at] !== sign) throw new Malformed("not a document");
    this.at++;
  }

  has(sign) {
    return this.text[this.at] === sign;
  }

  matched(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (!found) throw new Malformed("not a document");
    this.at = pattern.lastIndex;
    return found[0];
  }
}

// A document's value: objects are Map. Throws Malformed for anything but a document in its one encoding.
export function parseDocument(bytes) {
  let text;
  try {
    text = new Text(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw new Malformed("not UTF-8");
  }
  const value = parse(text, 0);
  if (text.at !== text.text.length) throw new Malformed("more than a document");
  return value;
}

function parse(text, depth) {
  if (depth > DEPTH || (depth === DEPTH && (text.has("{") || text.has("[")))) throw new Malformed("nested too deeply");
  if (text.has("{")) return parseObject(text, depth + 1);
  if (text.has("[")) return parseArray(text, depth + 1);
  if (text.has('"')) return parseString(text);
  for (const [word, value] of WORDS) {
    if (text.text.startsWith(word, text.at)) {
      text.at += word.length;
      return value;
    }
  }
  return parseInteger(text);
}

function parseObject(text, depth) {
  const members = new Map();
  let last = null;
  text.take("{");
  while (!text.has("}")) {
    if (members.size) text.take(",");
    const name = parseString(text);
    if (last !== null && !isBefore(last, name)) throw new Malformed("members out of order");
    text.take(":");
    members.set(name, parse(text, depth));
    last = name;
  }
  text.take("}");
  return members;
}

function parseArray(text, depth) {
  const items = [];
  text.take("[");
  while (!text.has("]")) {
    if (items.length) text.take(",");
    items.push(parse(text, depth));
  }
  text.take("]");
  return items;
}

function parseString(text) {
  let value = "";
  text.take('"');
  for (;;) {
    value += text.matched(PLAIN);
    if (text.has('"')) break;
    text.take("\\");
    if (!text.has('"') && !text.has("\\")) throw new Malformed("another escape");
    value += text.text[text.at++];
  }
  text.take('"');
  return value;
}

function parseInteger(text) {
  const digits = text.matched(INTEGER);
  if (digits.length > 20) throw new Malformed("an integer out of bounds");
  const value = BigInt(digits);
  if (String(value) !== digits || value > LARGEST || value < -LARGEST) throw new Malformed("an integer out of bounds");
  return value;
}

// By code point, which is not the order of JavaScript's strings beyond U+FFFF.
export function isBefore(left, right) {
  const others = right[Symbol.iterator]();
  for (const sign of left) {
    const other = others.next();
    if (other.done) return false;
    if (sign !== other.value) return sign.codePointAt(0) < other.value.codePointAt(0);
  }
  return !others.next().done;
}
