// The entries of a bundle (docs/spec/bundle.md, "Transactions"): pages are shared out among workers, which read them and
// check their signatures, and are taken in order by the replay.
import { Broken, readPlaces } from "../archive.js";
import { Malformed, hex, integer } from "../bytes.js";
import { MOST_ENTRIES, hasJob, readPage } from "../manifest.js";
import { CONTRACTS, readCall } from "./calls.js";
import { firstBad, isOnCurve } from "./curve.js";
import { keccak } from "./keccak.js";
import { readTransaction } from "./transaction.js";
import { domainOf, statementsIn } from "./typed.js";

const ALONE = 2; // pages for each worker from which on none is shared out

// The addresses of the manifest's keys. Throws Broken.
export function signersOf({ keys }) {
  const seen = new Set();
  return keys.map((key, place) => {
    const { x, y } = pointOf(key);
    if (!isOnCurve(x, y) || seen.has(hex(key))) throw new Broken("KEY", place);
    seen.add(hex(key));
    return hex(keccak(key).subarray(12));
  });
}

function pointOf(key) {
  return { x: integer(key.subarray(0, 32)), y: integer(key.subarray(32)) };
}

// Tasks for workers: the pages, of which `find` tells the places, each in as many parts as keep all of them busy.
export function tasksOf({ chain, contracts, scope, keys, pages }, signers, find, workers) {
  const parts = pages.length < ALONE * workers ? workers : 1;
  const common = { chain, contracts, scope, keys, signers, parts };
  return pages.flatMap((digest) => Array.from({ length: parts }, (_, part) => ({ ...common, part, place: find(digest) })));
}

// The work on a part of a page. `count`: entries of the page, -1 where it is none; `entries`: those of the part, each a
// gap {block, time, hash} or {block, time, signer, nonce, name, said, points}; `failed`: the code of the one that ends them
// early, whose place and time are the last one's; `bad`: the place in the part of the first that is not signed, else -1.
export async function workOnEntries({ part, parts, place, ...bundle }) {
  const [block] = await readPlaces([place]), reading = new Reading(bundle);
  let page;
  try {
    if (!block) throw new Malformed("a page is missing");
    page = readPage(block, bundle.keys.length);
  } catch (error) {
    if (error instanceof Malformed) return { count: -1 };
    throw error;
  }
  const count = page.length, first = Math.floor((count * part) / parts), end = Math.floor((count * (part + 1)) / parts);
  for (let at = first; at < end && !reading.failed; at++) reading.read(page[at]);
  const { entries, failed } = reading;
  return { count, entries, failed, bad: reading.firstBad() };
}

// Entries of a bundle as they are read, with all that is signed in them.
class Reading {
  constructor(bundle) {
    Object.assign(this, bundle, { entries: [], signed: [], failed: "" });
    this.addresses = new Map(this.contracts.map((address, at) => [address, CONTRACTS[at]]));
  }

  read({ raw, y, ...entry }) {
    this.entries.push(entry);
    if (entry.hash) return;
    this.failed = "TRANSACTION";
    try {
      const { to, data, nonce, digest, r, s, parity, ...rest } = readTransaction(raw), contract = this.addresses.get(hex(to));
      if (rest.chain !== this.chain || !contract) return;
      this.failed = "CALL";
      const call = readCall(contract, data, (job) => hasJob(this.scope, job));
      const statements = contract === "ballots" ? statementsIn(call, this.domain()) : [];
      if (y.length !== 32 * (1 + statements.length)) return;
      const points = statements.map((_, at) => integer(y.subarray(32 * at + 32, 32 * at + 64)));
      this.sign({ z: integer(digest), r, s, parity, y: integer(y.subarray(0, 32)), key: entry.signer });
      statements.forEach((one, at) => points[at] && this.sign(this.signatureOf(one, points[at])));
      Object.assign(entry, call, { nonce, points: points.map((point) => point > 0n) });
      this.failed = "";
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
    }
  }

  sign(signature) {
    this.signed.push({ ...signature, at: this.entries.length - 1 });
  }

  // What Ballots has members sign.
  domain() {
    return (this.bound ??= domainOf(this.chain, this.contracts[CONTRACTS.indexOf("ballots")]));
  }

  // A statement's signature; one that is none where nobody can have signed it, or not with this key.
  signatureOf({ member, digest, v, r, s }, y) {
    this.places ??= new Map(this.signers.map((address, place) => [address, place]));
    const key = this.places.get(member);
    if (!digest || key === undefined) return { z: 0n, r: 0n, s: 0n, parity: 0n, y, key: 0 };
    return { z: integer(digest), r: integer(r), s: integer(s), parity: BigInt(v) - 27n, y, key };
  }

  firstBad() {
    const bad = firstBad(this.signed, pointsOf(this.signed, this.keys));
    return bad < 0 ? -1 : this.signed[bad].at;
  }
}

// The points of the keys that signed, at the keys' places.
function pointsOf(signed, keys) {
  const points = [];
  for (const { key } of signed) points[key] ??= pointOf(keys[key]);
  return points;
}

// Takes what workers say of the parts of pages, in order: holds entries to their order, and hands them to `replay`, up to
// the first that is wrong. Throws Broken.
export class Entries {
  constructor(manifest, signers, replay) {
    Object.assign(this, { manifest, signers, replay, nonces: new Map(), signatures: 0, count: 0, pages: 0 });
    this.before = { block: manifest.founding.block, time: 0n };
  }

  take({ count, entries, failed, bad }, { part, parts }) {
    if (part === 0) this.seen = (this.seen ?? 0) + Math.max(count, 0);
    if (count < 0 || this.seen > MOST_ENTRIES) throw new Broken("PAGE", this.pages);
    if (part === parts - 1) this.pages++;
    entries.forEach((entry, at) => {
      const place = this.count + at;
      this.hold(entry, place, at === entries.length - 1 ? failed : "");
      if (at === bad) throw new Broken("SIGNATURE", place);
      this.replay.take(entry.hash ? entry : { ...entry, signer: this.signers[entry.signer] }, place);
    });
    this.count += entries.length;
  }

  // Holds an entry to the order; `failed` is what is wrong with it alone.
  hold(entry, place, failed) {
    const { manifest, before, nonces } = this, sameBlock = place > 0 && entry.block === before.block;
    const inOrder = entry.block >= before.block && entry.block <= manifest.until.block && entry.time >= before.time;
    this.before = entry;
    if (!inOrder || (sameBlock && entry.time !== before.time)) throw new Broken("ORDER", place);
    if (failed) throw new Broken(failed, place);
    if (entry.hash) return;
    if (entry.nonce <= (nonces.get(entry.signer) ?? -1n)) throw new Broken("ORDER", place);
    nonces.set(entry.signer, entry.nonce);
    this.signatures += 1 + entry.points.filter((isSigned) => isSigned).length;
  }
}
