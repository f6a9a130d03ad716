// A round as the page's own server tells it: facts as JSON, blocks by CID. Each block is hashed here, so that the server
// is believed in no byte; what it says of the ledger it could say otherwise, which is what bundles are for.
import { join, same, unhex } from "./bytes.js";
import { cidText, largest, parseCid, RAW } from "./content.js";
import { parseJob } from "./job.js";
import { Missing } from "./round.js";
import { digestOf } from "./sha256.js";

const TRIES = 8;
const WAIT = 500, LONGEST_WAIT = 10_000; // milliseconds between two tries
const LONGEST = 60_000; // milliseconds that an answer may take

// The answer to a request; where the server asks for patience (429, 503), to the one after the time that it names.
async function asked(address, accept) {
  for (let tried = 0; ; tried++) {
    const response = await fetch(address, { headers: { Accept: accept }, signal: AbortSignal.timeout(LONGEST) });
    if (![429, 503].includes(response.status) || tried === TRIES) return response;
    await response.body?.cancel();
    const seconds = Number(response.headers.get("Retry-After")) || 0;
    await new Promise((resolve) => setTimeout(resolve, Math.min(Math.max(seconds * 1000, WAIT), LONGEST_WAIT)));
  }
}

// A block's bytes; null where the server does not have it, or has another under its name.
export async function fetchBlock({ codec, digest }) {
  const response = await asked(`/ipfs/${cidText(codec, digest)}?format=raw`, "application/vnd.ipld.raw");
  if (response.ok) return checked(await limited(response, largest(codec)), digest);
  await response.body?.cancel();
  return null;
}

// A body of at most `most` bytes; null for a longer one, which is not read on.
async function limited(response, most) {
  const reader = response.body.getReader(), parts = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return join(...parts);
    size += value.length;
    parts.push(value);
    if (size <= most) continue;
    await reader.cancel();
    return null;
  }
}

async function checked(block, digest) {
  return block && same(await digestOf(block), digest) ? block : null;
}

// What `Round` finds blocks by: nodes here, leaves in the workers that work on them.
export const SOURCE = {
  async node(codec, digest) {
    const block = await fetchBlock({ codec, digest });
    if (!block) throw new Missing();
    return block;
  },
  place: ({ codec, digest }) => ({ codec, digest }),
};

export async function factsOf(job, round) {
  const response = await asked(`/verify.json?job=${job}&round=${round}`, "application/json");
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const { facts, chain, ledger } = await response.json();
  return facts && roundOf(facts, { chain: chain.id, ledger, job, round });
}

async function roundOf(facts, place) {
  const { codec, digest } = parseCid(facts.document);
  const document = await fetchBlock({ codec, digest });
  if (!document || codec !== RAW) return { document: null, place };
  const job = parseJob(document);
  const base = facts.base.round
    ? { round: facts.base.round, root: unhex(facts.base.root), cid: unhex(facts.base.cid), base: unhex(facts.base.base) }
    : { round: 0, root: unhex(job.initial.root), cid: job.initial.digest };
  return {
    document, place, job,
    base: { ...base, who: facts.base.who },
    updates: facts.updates.map((one) => ({ ...one, root: unhex(one.root), cid: unhex(one.cid) })),
    attempts: facts.attempts.map((one) => ({
      ...one, verdicts: unhex(one.verdicts), root: unhex(one.root), cid: unhex(one.cid), carried: unhex(one.carried),
    })),
  };
}
