// The manifest and the pages of a bundle (docs/spec/bundle.md, "Encoding").
import { Malformed, ascii, hex, integer, same } from "./bytes.js";
import { areRules } from "./chain/ballots.js";
import { decode } from "./chain/rlp.js";

const KINDS = ["release", "rounds", "evidence", "conviction"];
const LARGEST = 2n ** 63n - 1n;
const MOST_KEYS = 4096, MOST_CONVICTIONS = 64, MOST_PAGES = 1 << 15, MOST_RAW = 1 << 17, MOST_SIGNED = 681;
export const MOST_ENTRIES = 1 << 18;
const NAME = /^[ !#-[\]-~]{1,300}$/;

function require(holds) {
  if (!holds) throw new Malformed("not in its form");
}

function listOf(item, least, most = least) {
  require(Array.isArray(item) && item.length >= least && item.length <= most);
  return item;
}

function sized(item, length) {
  require(!Array.isArray(item) && item.length === length);
  return item;
}

function number(item) {
  require(!Array.isArray(item) && item.length <= 8 && item[0] !== 0);
  const value = integer(item);
  require(value <= LARGEST);
  return value;
}

function small(item) {
  const value = number(item);
  require(value < 2n ** 32n);
  return Number(value);
}

function once(items) {
  require(new Set(items.map(hex)).size === items.length);
  return items;
}

// Throws Malformed.
export function readManifest(block) {
  const [format, chain, contracts, founding, scope, until, keys, pages, convictions] = listOf(decode(block), 9);
  require(!Array.isArray(format) && same(format, ascii("bundle/2")));
  const [block0, hash, founders, rules] = listOf(founding, 4), [last, lastHash] = listOf(until, 2);
  const said = {
    chain: number(chain), contracts: once(listOf(contracts, 8).map((one) => sized(one, 20))).map(hex),
    founding: { block: number(block0), hash: sized(hash, 32) }, founders: listOf(founders, 3, 255).map(founder), rules: listOf(rules, 4).map((one) => Number(number(one))),
    scope: scopeOf(scope), until: { block: number(last), hash: sized(lastHash, 32) },
    keys: listOf(keys, 0, MOST_KEYS).map((one) => sized(one, 64)), pages: once(listOf(pages, 0, MOST_PAGES).map((one) => sized(one, 32))),
    convictions: once(listOf(convictions, 0, MOST_CONVICTIONS).map((one) => sized(one, 32))),
  };
  require(areRules(said.rules) && said.chain > 0n && said.until.block >= said.founding.block);
  require(new Set(said.founders.map(({ key }) => key)).size === said.founders.length);
  require(said.founders.every(({ key }) => /[1-9a-f]/.test(key)));
  return said;
}

function founder(item) {
  const [key, roles] = listOf(item, 2), held = number(roles);
  require(held > 0n && held <= 7n);
  return { key: hex(sized(key, 20)), roles: Number(held) };
}

function scopeOf(item) {
  const [kindBytes, ...rest] = listOf(item, 5), nameBytes = rest.pop();
  require(!Array.isArray(kindBytes) && !Array.isArray(nameBytes));
  const [kind, name] = [kindBytes, nameBytes].map((one) => new TextDecoder("latin1").decode(one));
  const [job, first, last] = rest.map(small);
  require(KINDS.includes(kind) && (!name || NAME.test(name)));
  const fits = {
    release: job > 0 && first === 1 && last > 0 && name, rounds: job > 0 && first >= 1 && (!last || last >= first) && !name,
    evidence: !first && !last && !name, conviction: job > 0 && !first && !last && !name,
  };
  require(fits[kind]);
  return { kind, job, first, last, name };
}

export function hasJob({ job }, number) {
  return job === 0 || job === number;
}

export function hasRound({ kind, first, last }, number) {
  return ["release", "rounds"].includes(kind) && first <= number && (!last || number <= last);
}

export function scopeText({ kind, job, first, last, name }) {
  if (kind === "evidence") return `evidence of ${job ? `job ${job}` : "all jobs"}: no bytes`;
  if (kind === "conviction") return `convictions of job ${job}: no bytes`;
  if (kind === "release") return `release ${name}: job ${job}, rounds 1 to ${last}`;
  if (first === 1) return `job ${job}, ${last ? `rounds 1 to ${last}` : "all rounds"}`;
  const rounds = last ? `rounds ${first} to ${last}` : `from round ${first}`;
  return `job ${job}, ${rounds}; the model before is attested, not recomputed`;
}

// The entries of a page of a bundle with so many keys. Throws Malformed.
export function readPage(block, keys) {
  return listOf(decode(block), 1, MOST_ENTRIES).map((item) => {
    require(Array.isArray(item) && (item.length === 3 || item.length === 5));
    const place = { block: number(item[0]), time: number(item[1]) };
    if (item.length === 3) return { ...place, hash: sized(item[2], 32) };
    const signer = number(item[2]), [, , , y, raw] = item;
    require(!Array.isArray(y) && y.length > 0 && y.length % 32 === 0 && y.length <= 32 * (1 + MOST_SIGNED));
    require(signer < BigInt(keys) && !Array.isArray(raw) && raw.length > 0 && raw.length <= MOST_RAW);
    return { ...place, signer: Number(signer), y, raw };
  });
}
