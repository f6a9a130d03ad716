// The two questions that a page asks of its workers: what a round of this server comes to, and what a bundle says.
import { Malformed } from "./bytes.js";
import { finding, sorted, verdictOfAll } from "./findings.js";
import { nameOfPlace } from "./job.js";
import { Round } from "./round.js";
import { factsOf, SOURCE } from "./server.js";

// Recompute a round by what this server says and serves: findings and what was looked at.
export async function recomputeRound({ job, round }, pool, tell) {
  let facts;
  try {
    facts = await factsOf(job, round);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return answer([finding("JOB", "DOCUMENT", { job })], {}, 0);
  }
  if (!facts) return answer([finding("SCOPE", "EMPTY", { job, value: round })], {}, 0);
  if (!facts.document) return answer([finding("JOB", "MISSING", { job })], {}, 0);
  if (facts.job.unlike >= 0) {
    return answer([finding("JOB", "UNSUPPORTED", { job, value: facts.job.unlike, actual: nameOfPlace(facts.job.unlike) })], {}, 0);
  }
  const size = facts.job.layout.size * (facts.updates.length + 1);
  const judged = new Round(facts, SOURCE, pool, (done) => tell({ done, size }));
  const { findings, counted } = await judged.judge();
  return answer(findings, counted, judged.bytes);
}

function answer(findings, checked, bytes) {
  const all = sorted(findings);
  return { bytes, checked, findings: all, verdict: verdictOfAll(all) };
}
