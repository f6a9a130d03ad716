// Signed transactions of type 0 with EIP-155's chain, and 1 to 4, in their one form: what was signed, and its digest.
import { Malformed, big, integer, join } from "../bytes.js";
import { keccak } from "./keccak.js";
import { decode, listHead, spanAt } from "./rlp.js";

const FEES = ["chain", "nonce", "tip", "price", "gas", "to", "value", "data", "access"];
// Names of fields by type; the last three are the signature.
const FIELDS = {
  0: ["nonce", "price", "gas", "to", "value", "data", "v", "r", "s"],
  1: ["chain", "nonce", "price", "gas", "to", "value", "data", "access", "v", "r", "s"],
  2: [...FEES, "v", "r", "s"],
  3: [...FEES, "blobPrice", "blobs", "v", "r", "s"],
  4: [...FEES, "grants", "v", "r", "s"],
};
const EIP155 = 35n;

// {chain, nonce, to, data, digest, r, s, parity}. Throws Malformed, too where it sends ether: no contract of the ledger
// takes any, so it failed.
export function readTransaction(raw) {
  const type = raw[0] in FIELDS ? raw[0] : 0;
  const body = type ? raw.subarray(1) : raw;
  const items = decode(body), names = FIELDS[type];
  if (!Array.isArray(items) || items.length !== names.length) throw new Malformed("not a transaction");
  const said = Object.fromEntries(names.map((name, at) => [name, items[at]]));
  for (const name of names) {
    if (LISTS[name]) LISTS[name](said[name]);
    else if (name !== "to" && name !== "data") said[name] = numberOf(said[name]);
  }
  if (Array.isArray(said.to) || said.to.length !== 20 || Array.isArray(said.data)) throw new Malformed("it calls no contract");
  if (said.value) throw new Malformed("it sends ether");
  let parity = said.v;
  if (!type) {
    if (said.v < EIP155) throw new Malformed("it is not bound to a chain");
    said.chain = (said.v - EIP155) / 2n;
    parity = (said.v - EIP155) % 2n;
  }
  return { ...said, parity, digest: keccak(signedPart(raw, type, said.chain)) };
}

// What was signed: the fields before the signature; of type 0 with chain, 0, 0 behind them.
function signedPart(raw, type, chain) {
  const body = type ? raw.subarray(1) : raw;
  const { start, end } = spanAt(body, 0, body.length), names = FIELDS[type].length - 3;
  let at = start;
  for (let count = 0; count < names; count++) at = spanAt(body, at, end).end;
  const more = type ? new Uint8Array(0) : join(encodeNumber(chain), Uint8Array.of(0x80, 0x80));
  const content = join(body.subarray(start, at), more);
  return join(raw.subarray(0, type ? 1 : 0), listHead(content.length), content);
}

function encodeNumber(number) {
  if (number === 0n) return Uint8Array.of(0x80);
  if (number < 128n) return Uint8Array.of(Number(number));
  const size = Math.ceil(number.toString(16).length / 2);
  return join(Uint8Array.of(0x80 + size), big(number, size));
}

function numberOf(item) {
  if (Array.isArray(item) || item[0] === 0 || item.length > 32) throw new Malformed("a number is not in its one form");
  return integer(item);
}

function requireList(list, fits) {
  if (!Array.isArray(list) || !list.every(fits)) throw new Malformed("a list is not in its one form");
}

function isBytes(item, length) {
  return !Array.isArray(item) && item.length === length;
}

// The lists in a transaction: of what it reads, of blobs' digests, of accounts that let code act for them.
const LISTS = {
  access: (list) => requireList(list, (one) => {
    if (!Array.isArray(one) || one.length !== 2 || !isBytes(one[0], 20)) return false;
    requireList(one[1], (slot) => isBytes(slot, 32));
    return true;
  }),
  blobs: (list) => requireList(list, (one) => isBytes(one, 32)),
  grants: (list) => requireList(list, (one) => {
    if (!Array.isArray(one) || one.length !== 6 || !isBytes(one[1], 20)) return false;
    for (const at of [0, 2, 3, 4, 5]) numberOf(one[at]);
    return true;
  }),
};
