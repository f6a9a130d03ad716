// A bundle, checked whole in this page (docs/spec/bundle.md): file, signatures, replay, documents, rounds, convictions.
import { UNAVAILABLE } from "./admission.js";
import { Archive, Broken } from "./archive.js";
import { Malformed, hex, same } from "./bytes.js";
import { CONTRACTS, readRefutation } from "./chain/calls.js";
import { Refused } from "./chain/consortium.js";
import { Entries, signersOf, tasksOf } from "./chain/entries.js";
import { isVoid } from "./chain/ledger.js";
import { Replay, named } from "./chain/replay.js";
import { RAW } from "./content.js";
import { CHECKS, Findings, encodeVerdict, finding, verdictOfAll } from "./findings.js";
import { nameOfPlace, parseJob } from "./job.js";
import { hasJob, hasRound, readManifest, scopeText } from "./manifest.js";
import { differing, readNetwork } from "./network.js";
import { inLanes } from "./pool.js";
import { Missing, Round } from "./round.js";

// Bytes that rounds may name: so many, and so many for each byte of the file.
const LEAST_NAMED = 2 ** 26, NAMED_OF_EACH = 64;
const ROUNDS_FOR_EACH = 2; // rounds at a time for each worker, of models that a single block holds

// The verdict on a bundle's file, as every reader has it, with its one line of text. `network` is the network file that
// the reader was given, or absent. Throws NoNetwork where it is none.
export async function checkBundle({ file, network }, pool, tell) {
  const bundle = new Bundle(file, network ? await readNetwork(network) : null, pool, tell);
  try {
    await bundle.check();
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    bundle.findings = new Findings();
    bundle.findings.add(finding("BUNDLE", error.code, { value: error.value }));
    bundle.checked = zeros();
  }
  return bundle.verdict();
}

function zeros() {
  return Object.fromEntries(CHECKS.map((check) => [check, 0]));
}

class Bundle {
  constructor(file, network, pool, tell) {
    Object.assign(this, { network, pool, tell, archive: new Archive(file), manifest: null, findings: new Findings(), checked: zeros() });
    Object.assign(this, { bytes: 0, named: 0, documents: new Map(), byValue: new Set(), most: LEAST_NAMED + NAMED_OF_EACH * file.size });
  }

  async check() {
    await this.archive.index(this.tell);
    await this.readManifest();
    this.replay = new Replay(this.manifest, this.findings);
    await this.readEntries();
    this.checked.REPLAY = this.replay.taken;
    for (const state of this.jobs()) await this.judgeJob(state);
    await this.judgeConvictions();
    this.sayScope();
  }

  jobs() {
    return [...this.replay.ledger.jobs.values()].filter(({ number }) => hasJob(this.manifest.scope, number));
  }

  async readManifest() {
    const { root, codec, first } = this.archive;
    if (!first || codec !== RAW || !same(root, first)) throw new Broken("MANIFEST");
    try {
      this.manifest = readManifest(await this.archive.block(root));
    } catch (error) {
      if (error instanceof Malformed) throw new Broken("MANIFEST");
      throw error;
    }
    if (this.network && differing(this.manifest, this.network).length) throw new Broken("NETWORK");
  }

  async readEntries() {
    const { manifest, archive, pool } = this, signers = signersOf(manifest), entries = new Entries(manifest, signers, this.replay);
    const tasks = tasksOf(manifest, signers, (digest) => archive.place(digest), pool.size);
    await pool.inOrder(tasks, (result, at) => {
      entries.take(result, tasks[at]);
      this.tell({ done: at + 1, size: tasks.length, signatures: entries.signatures });
    }, "entries");
    this.checked.SIGNATURES = entries.signatures;
  }

  async judgeJob(state) {
    const job = await this.readDocument(state);
    if (!job) return;
    this.checked.JOB++;
    const ledger = termsOf(state), differing = job.terms.map((term, place) => place).filter((place) => String(job.terms[place]) !== ledger[place]);
    for (const place of differing) {
      const who = [named(state.proposer)], expected = String(job.terms[place]), actual = ledger[place];
      this.findings.add(finding("JOB", "TERMS", { job: state.number, value: place, who, expected, actual }));
    }
    if (differing.length) return;
    if (job.byValue) this.byValue.add(state.number);
    if (job.unlike >= 0) {
      this.findings.add(finding("JOB", "UNSUPPORTED", { job: state.number, value: job.unlike, actual: nameOfPlace(job.unlike) }));
      return;
    }
    const rounds = state.rounds.filter((one) => hasRound(this.manifest.scope, one.number) && one.attempts.length && this.mayRead(state, one, job));
    const together = rounds.length && job.layout.blocks === 1 ? ROUNDS_FOR_EACH * this.pool.size : 1;
    await inLanes(rounds, together, (round) => this.judgeRound(state, job, round, rounds.length), (judged) => this.takeRound(judged));
  }

  // Whether what a round names is within what a file of this length may name; it is counted where it is.
  mayRead(state, { number, updates, attempts }, job) {
    const named = this.named + setsCalled(attempts) * (updates.size + 1) * job.layout.size;
    if (named > this.most) {
      const said = { job: state.number, round: number, expected: String(this.most), actual: String(named) };
      this.findings.add(finding("AGGREGATE", "BYTES", said));
      return false;
    }
    this.named = named;
    return true;
  }

  takeRound({ findings, counted }) {
    for (const one of findings) this.findings.add(one);
    this.checked.ADMISSION += counted.ADMISSION;
    this.checked.AGGREGATE += counted.AGGREGATE;
  }

  async readDocument(state) {
    const name = hex(state.digest), place = { job: state.number, who: [named(state.proposer)] };
    if (!this.archive.has(state.digest)) {
      this.findings.add(finding("JOB", "MISSING", { ...place, actual: name }));
      return null;
    }
    if (!this.documents.has(name)) this.documents.set(name, this.parse(await this.archive.block(state.digest)));
    if (!this.documents.get(name)) this.findings.add(finding("JOB", "DOCUMENT", place));
    return this.documents.get(name);
  }

  // What a document says, read once however many jobs name it; null where it is none. A scope with bytes has one job: of
  // many, what each document would need for rounds is let go.
  parse(block) {
    try {
      const job = parseJob(block);
      return ["release", "rounds"].includes(this.manifest.scope.kind) ? job : { terms: job.terms, unlike: job.unlike, byValue: job.byValue };
    } catch (error) {
      if (error instanceof Malformed) return null;
      throw error;
    }
  }

  async judgeRound(state, job, round, rounds) {
    const { chain, contracts } = this.manifest, { archive } = this;
    const place = { chain, ledger: named(contracts[CONTRACTS.indexOf("ledger")]), job: state.number, round: round.number };
    const final = round.base ? state.rounds[round.base - 1].final : null;
    const base = final
      ? { round: round.base, root: final.root, cid: final.cid, base: final.base, who: named(final.aggregator) }
      : { round: 0, root: state.model.initial, cid: job.initial.digest, who: named(state.proposer) };
    const updates = [...round.updates.values()].sort((left, right) => left.index - right.index);
    const attempts = round.attempts.map((one) => ({ ...one, who: one.who.map(named), failed: one.failed || isVoid(state, round.number) }));
    const source = {
      async node(codec, digest) {
        const block = await archive.block(digest);
        if (!block) throw new Missing();
        return block;
      },
      place: ({ digest }) => archive.place(digest),
    };
    const facts = { place, job, base, updates: updates.map((one) => ({ ...one, party: named(one.party) })), attempts };
    const size = rounds * job.layout.size * (updates.length + 1);
    let told = 0;
    const judged = new Round(facts, source, this.pool, (done) => {
      this.bytes += done - told;
      told = done;
      this.tell({ done: this.bytes, size });
    });
    return judged.judge();
  }

  async judgeConvictions() {
    for (const [place, digest] of this.manifest.convictions.entries()) {
      const block = await this.archive.block(digest);
      try {
        if (!block) throw new Refused();
        const { claimed, point } = readRefutation(block);
        this.findings.add(this.replay.said({ claimed, point, ...this.replay.judged(claimed, point, this.byValue) }));
        this.checked.CONVICTION++;
      } catch (error) {
        if (!(error instanceof Malformed || error instanceof Refused)) throw error;
        this.findings.add(finding("CONVICTION", "FALSE", { job: this.manifest.scope.job, value: place }));
      }
    }
  }

  sayScope() {
    const { scope, convictions } = this.manifest;
    const final = this.jobs().flatMap(({ rounds }) => rounds.filter((one) => one.final).map(({ number }) => number));
    const inScope = scope.kind === "evidence" ? final : final.filter((number) => hasRound(scope, number));
    if (scope.kind === "evidence") this.findings.add(finding("SCOPE", "BYTES", { job: scope.job }));
    const whole = { release: inScope.includes(scope.last), conviction: convictions.length > 0 }[scope.kind] ?? inScope.length > 0;
    if (!whole) this.findings.add(finding("SCOPE", "EMPTY", { job: scope.job, round: scope.last }));
  }

  verdict() {
    const { manifest, archive, checked } = this, findings = this.findings.listed();
    const said = manifest
      ? {
          chain: String(manifest.chain), ledger: named(manifest.contracts[CONTRACTS.indexOf("ledger")]),
          founding: hex(manifest.founding.hash), scope: scopeText(manifest.scope),
        }
      : { chain: "", ledger: "", founding: "", scope: "" };
    const document = {
      bundle: archive.root ? hex(archive.root) : "", ...said, checked, fedledger: "verdict/1", findings, verdict: verdictOfAll(findings),
    };
    return { ...document, ...this.identity(), bytes: this.bytes, text: encodeVerdict(document) };
  }

  // What people are told of whose bundle it is: founders, with the names that the network file has for them, and what it was
  // compared with.
  identity() {
    const { manifest, network } = this;
    if (!manifest) return { founders: [], compared: null };
    const names = new Map(network?.founders.map(({ key, name }) => [key, name]));
    const founders = manifest.founders.map(({ key, roles }) => ({ key: named(key), roles, name: names.get(key) ?? "" }));
    return { founders, compared: network && { name: network.name, differs: differing(manifest, network) } };
  }
}

// How many different sets of updates a round's attempts call unavailable.
function setsCalled(attempts) {
  return new Set(attempts.map(({ verdicts }) => Array.from(verdicts, (one) => Number(one === UNAVAILABLE)).join(""))).size;
}

// What the ledger says of a job, in the order of the table of terms.
function termsOf({ model, terms }) {
  const { values, rule, trim, minUpdates, maxWeight, maxValue, maxNorm } = model;
  const times = ["rounds", "updateSeconds", "openSeconds", "aggregateSeconds", "attestSeconds", "attempts", "scoreSeconds", "revealSeconds", "scorers", "buffer"];
  return [hex(model.initial), ...[values, rule, trim, minUpdates, maxWeight, maxValue, maxNorm, ...times.map((name) => terms[name])].map(String)];
}
