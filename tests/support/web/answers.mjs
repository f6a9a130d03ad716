// Answers questions about the modules of web/static/verify: a JSON line each, in and out. Bytes are hexadecimal.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Layout, isUpdateHeader } from "../../../web/static/verify/artifact.js";
import { checkBundle } from "../../../web/static/verify/bundle.js";
import { survey } from "../../../web/static/verify/admission.js";
import { Malformed, hex, unhex } from "../../../web/static/verify/bytes.js";
import { decodeArguments } from "../../../web/static/verify/chain/abi.js";
import { firstBad } from "../../../web/static/verify/chain/curve.js";
import { checksumAddress, keccak } from "../../../web/static/verify/chain/keccak.js";
import { decode } from "../../../web/static/verify/chain/rlp.js";
import { readTransaction } from "../../../web/static/verify/chain/transaction.js";
import { RAW, cidText, childrenOf, fileDigest, leavesOf, nodeOf, parseCid } from "../../../web/static/verify/content.js";
import { parseDocument } from "../../../web/static/verify/grammar.js";
import { parseJob } from "../../../web/static/verify/job.js";
import { kindOf } from "../../../web/static/verify/kinds.js";
import { Saturated, nextModel } from "../../../web/static/verify/mean.js";
import { leadsTo, rootOf } from "../../../web/static/verify/merkle.js";
import { parseNetwork } from "../../../web/static/verify/network.js";
import { Pool, serve } from "../../../web/static/verify/pool.js";
import { factsOf, fetchBlock } from "../../../web/static/verify/server.js";
import { digestOf, sha256 } from "../../../web/static/verify/sha256.js";
import { KINDS } from "../../../web/static/verify/worker.js";

const ints = (values) => Int32Array.from(values);
const items = (item) => (Array.isArray(item) ? item.map(items) : hex(item));
const big = (value) => BigInt(value);

// Values of a call: bytes as hexadecimal digits, tuples as lists, numbers as text.
function plainly(value) {
  if (value instanceof Uint8Array) return hex(value);
  if (Array.isArray(value)) return value.map(plainly);
  if (value !== null && typeof value === "object") return Object.values(value).map(plainly);
  return typeof value === "string" ? value : `#${Number(value) === value ? value : BigInt(value)}`;
}

// The page's own pool: its workers are in this thread, and all that they are asked and answer is cloned on the way.
const CHANNELS = Array.from({ length: 3 }, () => new MessageChannel());
for (const { port2 } of CHANNELS) serve(port2, KINDS);
const POOL = new Pool(CHANNELS.map(({ port1 }) => port1));

// What comes of it where a server gives these answers, each [status, headers, body, in pieces]: with the addresses that were
// asked, the milliseconds that were waited, and how many pieces of bodies were read.
async function asServed(answers, ask) {
  const real = { fetch: globalThis.fetch, setTimeout: globalThis.setTimeout }, told = { asked: [], waited: [], pieces: 0 };
  globalThis.setTimeout = (call, delay) => { told.waited.push(delay); queueMicrotask(call); };
  globalThis.fetch = async (address) => {
    const [status, headers = {}, body = "", pieces = 1] = answers[told.asked.length];
    told.asked.push(address);
    let left = pieces;
    const pull = (stream) => {
      if (left-- === 0) return stream.close();
      told.pieces++;
      return stream.enqueue(unhex(body));
    };
    return new Response(new ReadableStream({ pull }, { highWaterMark: 0 }), { status, headers });
  };
  try {
    return { got: await ask(), ...told };
  } finally {
    Object.assign(globalThis, real);
  }
}

const QUESTIONS = {
  bundle: async (path, network) => {
    const [file, said] = [path, network].map((one) => one && new Blob([readFileSync(one)])); // one of a file is not cloned
    const given = { file, network: said };
    return (await checkBundle(given, POOL, () => {})).text;
  },
  network: (text) => {
    const { name, chain, contracts, founding, founders } = parseNetwork(text);
    return { name, chain: String(chain), contracts, block: String(founding.block), hash: hex(founding.hash), founders };
  },
  sha256: async (data) => [hex(sha256(unhex(data))), hex(await digestOf(unhex(data)))],
  keccak: (data) => hex(keccak(unhex(data))),
  address: (data) => checksumAddress(unhex(data)),
  root: (data) => hex(rootOf(unhex(data))),
  path: (root, leaf, index, leaves, path) => leadsTo(unhex(root), unhex(leaf), index, leaves, path.map(unhex)),
  kind: (head, name) => kindOf(head, name),
  cid: (text) => { const { codec, digest } = parseCid(text); return [codec, hex(digest), cidText(codec, digest)]; },
  node: (size, height, children) => hex(nodeOf(size, height, children.map(unhex))),
  children: (block, size, height) => childrenOf(unhex(block), size, height).map((one) => [one.codec, hex(one.digest), one.size]),
  leaves: async (digest, size, blocks) => {
    const read = async (_, wanted) => {
      if (!(hex(wanted) in blocks)) throw new Error("it is not here");
      return unhex(blocks[hex(wanted)]);
    };
    try {
      return (await leavesOf(unhex(digest), size, read)).length;
    } catch (error) {
      if (error instanceof Malformed) throw error;
      return error.message;
    }
  },
  file: (leaves, size) => hex(fileDigest(leaves.map(unhex), size)),
  mean: (rule, trim, weights, updates, base) => [...nextModel(rule, trim, weights, updates.map(ints), ints(base))],
  survey: (values) => { const { largest, squares } = survey(ints(values)); return [largest, String(squares)]; },
  header: (tensors, binding) => hex(new Layout(tensors).header(binding) ?? new Uint8Array(0)),
  bound: (tensors, head, binding) => isUpdateHeader(new Layout(tensors), unhex(head), binding),
  document: (data) => { parseDocument(unhex(data)); return true; },
  job: (data) => { const job = parseJob(unhex(data)); return [job.terms.map(String), job.unlike, job.layout.size]; },
  rlp: (data) => items(decode(unhex(data))),
  arguments: (fields, list) => list.map((data) => {
    try {
      return plainly(Object.values(decodeArguments(fields, unhex(data))));
    } catch (error) {
      if (error instanceof Malformed) return null;
      throw error;
    }
  }),
  transaction: (raw) => {
    const { chain, nonce, to, data, digest, r, s, parity } = readTransaction(unhex(raw));
    return [String(chain), String(nonce), hex(to), hex(data), hex(digest), String(r), String(s), String(parity)];
  },
  fetched: (digest, answers) => asServed(answers, async () => {
    const block = await fetchBlock({ codec: RAW, digest: unhex(digest) });
    return block && hex(block);
  }),
  facts: (answers) => asServed(answers, async () => {
    try {
      return await factsOf(1, 1);
    } catch (error) {
      return error.message;
    }
  }),
  signatures: (list, keys) => firstBad(
    list.map(({ z, r, s, y, parity, key }) => ({ z: big(z), r: big(r), s: big(s), y: big(y), parity: big(parity), key })),
    keys.map(([x, y]) => ({ x: big(x), y: big(y) })),
  ),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...given] = JSON.parse(line);
  let answer;
  try {
    answer = { is: await QUESTIONS[name](...given) };
  } catch (error) {
    if (!(error instanceof Malformed || error instanceof Saturated)) throw error;
    answer = { refused: error.constructor.name };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
for (const { port1 } of CHANNELS) port1.close();
