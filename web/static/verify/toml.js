// TOML 1.0 as far as network files need it: tables, arrays of tables, bare keys, strings of one line, integers in decimal,
// booleans, arrays, inline tables, comments. What else TOML has is refused. Tables are Map.
import { Malformed } from "./bytes.js";

const DEPTH = 8;
const BLANK = /[ \t]*/y, SPACE = /(?:[ \t\r\n]|#[^\n]*)*/y, END = /[ \t]*(?:#[^\n]*)?(?:\r?\n|$)/y;
const KEY = /[A-Za-z0-9_-]+/y, INTEGER = /[+-]?(?:0|[1-9][0-9]{0,18})(?![0-9A-Za-z_.:-])/y, WORD = /(?:true|false)(?![A-Za-z0-9_-])/y;
const LITERAL = /'([^'\u0000-\u0008\u000a-\u001f\u007f]*)'/y;
const QUOTED = /"((?:[^"\\\u0000-\u0008\u000a-\u001f\u007f]|\\(?:["\\btnfr]|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}))*)"/y;
const ESCAPES = { b: "\b", t: "\t", n: "\n", f: "\f", r: "\r", '"': '"', "\\": "\\" };

class Text {
  constructor(text) {
    Object.assign(this, { text, at: 0 });
  }

  // What the pattern matches here, or null.
  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at = pattern.lastIndex;
    return found;
  }

  take(pattern) {
    return this.match(pattern) ?? refuse();
  }

  has(sign) {
    const there = this.text.startsWith(sign, this.at);
    if (there) this.at += sign.length;
    return there;
  }
}

function refuse() {
  throw new Malformed("not TOML as network files have it");
}

// The table of a file. Throws Malformed.
export function parseToml(source) {
  const text = new Text(source), root = new Map(), defined = new Set();
  let table = root;
  for (text.match(SPACE); text.at < source.length; text.match(SPACE)) {
    if (text.has("[[")) table = appended(root, keysOf(text), defined, text.has("]]"));
    else if (text.has("[")) table = opened(root, keysOf(text), defined, text.has("]"));
    else setIn(table, text, 0);
    text.take(END);
  }
  return root;
}

function keysOf(text) {
  const keys = [];
  do {
    text.match(BLANK);
    keys.push(text.take(KEY)[0]);
    text.match(BLANK);
  } while (text.has("."));
  return keys;
}

// The table that `keys` name within another; the last one of an array of tables.
function within(table, keys) {
  let found = table;
  for (const key of keys) {
    if (!found.has(key)) found.set(key, new Map());
    found = found.get(key);
    if (Array.isArray(found)) found = found.at(-1);
    if (!(found instanceof Map) || found.isInline) refuse();
  }
  return found;
}

function opened(root, keys, defined, closed) {
  const table = within(root, keys);
  if (!closed || defined.has(table)) refuse();
  defined.add(table);
  return table;
}

function appended(root, keys, defined, closed) {
  const parent = within(root, keys.slice(0, -1)), name = keys.at(-1), made = new Map();
  if (!parent.has(name)) parent.set(name, Object.assign([], { isOfTables: true }));
  const list = parent.get(name);
  if (!closed || !list.isOfTables) refuse();
  list.push(made);
  defined.add(made);
  return made;
}

function setIn(table, text, depth) {
  const [key, ...more] = keysOf(text);
  if (more.length || table.has(key) || !text.has("=")) refuse();
  text.match(BLANK);
  table.set(key, valueOf(text, depth));
}

function valueOf(text, depth) {
  if (depth > DEPTH) refuse();
  if (text.has("[")) return arrayOf(text, depth + 1);
  if (text.has("{")) return inlineOf(text, depth + 1);
  const said = text.match(LITERAL)?.[1] ?? text.match(QUOTED)?.[1].replace(/\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)/g, unescape);
  if (said !== undefined) return said;
  const word = text.match(WORD)?.[0];
  if (word) return word === "true";
  return BigInt(text.take(INTEGER)[0]);
}

function unescape(whole, said) {
  if (said.length === 1) return ESCAPES[said];
  const point = Number.parseInt(said.slice(1), 16);
  if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) refuse();
  return String.fromCodePoint(point);
}

function arrayOf(text, depth) {
  const items = [];
  for (text.match(SPACE); !text.has("]"); text.match(SPACE)) {
    items.push(valueOf(text, depth));
    text.match(SPACE);
    if (!text.has(",")) {
      if (!text.has("]")) refuse();
      break;
    }
  }
  return items;
}

function inlineOf(text, depth) {
  const table = Object.assign(new Map(), { isInline: true });
  text.match(BLANK);
  if (text.has("}")) return table;
  do {
    setIn(table, text, depth);
    text.match(BLANK);
  } while (text.has(","));
  if (!text.has("}")) refuse();
  return table;
}
