// The replay of a bundle's entries (docs/spec/bundle.md, "Replay"): the state that they lead to, and what is said of them.
import { Broken } from "../archive.js";
import { hex, integer, same, unhex } from "../bytes.js";
import { finding } from "../findings.js";
import { hasJob } from "../manifest.js";
import { CONTRACTS } from "./calls.js";
import { Ballots } from "./ballots.js";
import { Consortium, Refused, require } from "./consortium.js";
import { GROUNDS, LIMIT, VALUE, WEIGHT, judge, openedOf } from "./court.js";
import { checksumAddress } from "./keccak.js";
import { RoundLedger, isVoid } from "./ledger.js";
import { COUNTED } from "./typed.js";

const CLOSE = 5, REWIND = 10;
const OF_BALLOTS = new Set(["proposeBySignature", "vote", "voteBySignature", "voteBatch", "close"]);

const NAMED = new Map();

// A key as findings have it.
export function named(key) {
  if (!NAMED.has(key)) NAMED.set(key, checksumAddress(unhex(key)));
  return NAMED.get(key);
}

// The ledger after all entries, with what must be said of them.
export class Replay {
  // `findings` take what must be said.
  constructor(manifest, findings) {
    this.scope = manifest.scope;
    this.consortium = new Consortium(manifest.founders);
    this.ballots = new Ballots(this.consortium, manifest.rules);
    this.ledger = new RoundLedger(this.consortium, manifest.chain, manifest.contracts[CONTRACTS.indexOf("ledger")]);
    this.findings = findings;
    this.taken = 0;
    this.gap = false;
  }

  take(entry, place) {
    if (entry.hash) {
      this.gap = true;
      this.findings.add(finding("REPLAY", "GAP", { value: place, actual: hex(entry.hash) }));
      return;
    }
    try {
      this.step(entry, place);
      this.taken++;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (!this.gap) throw new Broken("REFUSED", place);
      this.findings.add(finding("REPLAY", "UNREPLAYED", { value: place, who: [named(entry.signer)] }));
    }
  }

  step(entry, place) {
    const { name, said, signer } = entry;
    if (name === "rotateKey") this.consortium.rotateKey(signer, said.newKey);
    else if (name === "approveRotation") this.consortium.approveRotation(signer, said.index, said.newKey);
    else if (name === "execute") this.execute(entry, place);
    else if (name === "refute") this.refute(entry, place);
    else if (OF_BALLOTS.has(name)) this.ballots[name](entry, said);
    else if (name.startsWith("propose") && name !== "proposeJob") this.ballots.propose(entry, said);
    else this.ledger[name](entry, said);
  }

  // A decision: of a kind that is counted by its votes, else at its word.
  execute(entry, place) {
    const { kind, words } = entry.said;
    if (kind <= COUNTED) this.ballots.execute(entry, entry.said);
    if (kind === CLOSE) this.ledger.closeJob(Number(integer(words[0])));
    if (kind !== REWIND) return;
    const [job, round] = words.map((word) => Number(integer(word)));
    if (!hasJob(this.scope, job)) return;
    this.ledger.rewindJob(job, round);
    this.findings.add(finding("REPLAY", "UNCOUNTED", { value: place, actual: String(REWIND) }));
  }

  // A refutation at its word: what it showed may be in calls that are not in a bundle. Its effect is that of `convict`.
  refute(entry, place) {
    const { claimed } = entry.said, state = this.ledger.jobOf(claimed.job), round = state.rounds[claimed.round - 1];
    const made = round?.attempts.at(-1);
    require(made && state.model.byValue && same(claimed.document, state.digest) && claimed.before === round.base);
    require(same(made.claim, this.ledger.claimOf(claimed, round.opened, claimed.aggregate)));
    this.ledger.convict(entry, state, round);
    this.findings.add(finding("REPLAY", "UNCOUNTED", { value: place, actual: "refute" }));
  }

  // What a conviction block convicts: the last attempt of its round whose claim it shows. Throws Refused, also where
  // the job's number is not among those whose documents say what the ledger says, and that the court judges.
  judged(claimed, point, byValue) {
    require(claimed.job === this.scope.job && byValue.has(claimed.job));
    const state = this.ledger.jobOf(claimed.job), round = state.rounds[claimed.round - 1];
    const claim = this.ledger.claimOf(claimed, openedOf(claimed), claimed.aggregate);
    const judgement = judge(state.model, claimed, point);
    const made = round?.attempts.filter((one) => same(one.claim, claim)).at(-1);
    require(made && claimed.before === round.base);
    return { state, made, ...judgement };
  }

  // A conviction as a finding, once it is known whether the attempt stands.
  said({ state, made, claimed, point, expected, actual }) {
    const stands = !made.failed && !isVoid(state, claimed.round);
    const value = point.ground === WEIGHT ? point.member : [VALUE, LIMIT].includes(point.ground) ? Number(point.value) : 0;
    return finding(stands ? "CONVICTION" : "CAUGHT", GROUNDS[point.ground], {
      job: claimed.job, round: claimed.round, attempt: made.attempt, value, who: made.who.map(named),
      expected: String(expected), actual: String(actual),
    });
  }
}
