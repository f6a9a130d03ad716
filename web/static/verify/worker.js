// A worker of the page. One coordinates; the others work on blocks and pages. They talk by ports of their own, so that the page's
// own thread only draws.
import { readPlaces } from "./archive.js";
import { workOn } from "./bands.js";
import { checkBundle } from "./bundle.js";
import { workOnEntries } from "./chain/entries.js";
import { requireBundle } from "./kinds.js";
import { Pool, serve } from "./pool.js";
import { recomputeRound } from "./recompute.js";
import { fetchBlock } from "./server.js";
import { HASHED_BY } from "./sha256.js";

export const KINDS = { blocks: (task) => workOn(task, readBlocks), entries: workOnEntries };
const QUESTIONS = { round: recomputeRound, bundle: checkGiven };

// Throws OtherKind for another kind of file, and what checkBundle throws.
async function checkGiven(asked, pool, tell) {
  await requireBundle(asked.file);
  return checkBundle(asked, pool, tell);
}

export function start(scope) {
  scope.onmessage = ({ data, ports }) => {
    if (data.role === "blocks") serve(ports[0], KINDS);
    else coordinate(scope, data, ports);
  };
}

async function coordinate(scope, { question, asked }, ports) {
  const tell = throttled((progress) => scope.postMessage({ progress }));
  try {
    const answer = await QUESTIONS[question](asked, new Pool(ports), tell);
    scope.postMessage({ answer: { ...answer, hashedBy: HASHED_BY } });
  } catch (error) {
    scope.postMessage({ error: String(error?.message ?? error), code: error?.code });
  }
}

// Blocks of a file that the reader gave, or of the page's server.
function readBlocks(places) {
  if (places.some((place) => place?.file)) return readPlaces(places);
  return Promise.all(places.map((place) => place && fetchBlock(place)));
}

function throttled(send) {
  let last = 0;
  return (progress) => {
    const now = Date.now();
    if (now - last < 100) return;
    last = now;
    send(progress);
  };
}
