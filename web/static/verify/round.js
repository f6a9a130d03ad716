// A round, recomputed from its bytes (docs/spec/bundle.md, "Rounds"): verdicts, model, and how they compare with what
// each attempt said.
import { HEADER, UNAVAILABLE, WEIGHT, verdictOf } from "./admission.js";
import { bindingOf, initialBinding, isUpdateHeader } from "./artifact.js";
import { Malformed, NOTHING, hex, join, same } from "./bytes.js";
import { fileDigest, leavesOf } from "./content.js";
import { finding } from "./findings.js";
import { Stack } from "./merkle.js";

const NO_MODEL = { root: NOTHING, cid: NOTHING };

// What is recomputed of a round. `place`: {chain, ledger, job, round}; `job`: of `parseJob`; `base`: {root, cid, round,
// base}, of the initial model {root, cid, round: 0}; `updates`: {index, party, weight, root, cid} by member index;
// `attempts`: {attempt, verdicts, root, cid, carried, who, failed}. `source` finds blocks, `pool` works on them.
export class Round {
  constructor(facts, source, pool, tell = () => {}) {
    Object.assign(this, facts);
    Object.assign(this, { source, pool, tell });
    this.layout = this.job.layout;
    this.models = new Map();
    this.baseIs = null;
    this.needed = false;
    this.bytes = 0;
  }

  // The findings of the round, and how many updates and attempts were compared.
  async judge() {
    await this.readAll();
    const findings = [], counted = { ADMISSION: 0, AGGREGATE: 0 };
    for (const update of this.updates) if (update.verdict !== null && update.verdict !== undefined) counted.ADMISSION++;
    for (const update of this.updates) {
      if (update.missing) findings.push(this.told("ADMISSION", "MISSING", { value: update.index, who: [update.party], actual: hex(update.cid) }));
    }
    for (const attempt of this.attempts) if (await this.compare(attempt, findings)) counted.AGGREGATE++;
    if (this.needed && this.baseIs === false) {
      findings.push(this.told("AGGREGATE", "BASE", { who: [this.base.who], actual: hex(this.base.cid) }));
    }
    return { findings, counted };
  }

  told(check, code, said) {
    return finding(check, code, { job: this.place.job, round: this.place.round, ...said });
  }

  // Judge every update, in one pass that makes the model on the way, as if all were admitted.
  async readAll() {
    const wanted = [];
    this.updates.forEach((update, at) => {
      const everywhere = this.attempts.every((attempt) => attempt.verdicts[at] === UNAVAILABLE);
      if (everywhere) update.verdict = null;
      else if (BigInt(update.weight) < 1n || BigInt(update.weight) > this.job.capOf(update.index)) update.verdict = WEIGHT;
      else wanted.push(update);
    });
    await Promise.all(wanted.map((update) => this.findLeaves(update)));
    const read = wanted.filter((update) => update.leaves);
    const enough = BigInt(read.length) >= this.job.minUpdates;
    const made = await this.pass(read, read, enough);
    read.forEach((update, at) => this.settle(update, made.files[at]));
    const admitted = read.filter((update) => update.verdict === 0);
    if (enough && admitted.length === read.length) this.models.set(keyOf(admitted), made.model);
  }

  // The leaves of an update's file, where its nodes are there and in order.
  async findLeaves(update) {
    try {
      update.leaves = await leavesOf(update.cid, this.layout.size, (codec, digest) => this.source.node(codec, digest));
    } catch (error) {
      const isForeign = (leaf) => (this.source.place(leaf)?.length ?? leaf.size) !== leaf.size;
      if (error instanceof Malformed || error.leaves?.some(isForeign)) update.verdict = HEADER;
      else if (error instanceof Missing) update.missing = true;
      else throw error;
    }
  }

  settle(update, file) {
    if (file.foreign) update.verdict = HEADER;
    else if (file.missing) update.missing = true;
    else {
      const binding = bindingOf("update", this.place, hex(this.base.root), update.party);
      update.verdict = verdictOf(
        {
          certified: true, weight: BigInt(update.weight), cap: this.job.capOf(update.index),
          header: isUpdateHeader(this.layout, file.head, binding), root: same(file.root, update.root),
          largest: BigInt(file.largest), squares: file.squares,
        },
        this.job,
      );
    }
  }

  // Read every block of `files`, and of the base with `model`; make the model of `admitted`.
  async pass(files, admitted, model) {
    const base = model ? await this.baseLeaves() : null;
    const whole = files.map(() => fresh()), ofBase = fresh(), made = { ...fresh(), leaves: [], saturated: false };
    const header = this.layout.header(bindingOf("model", this.place, hex(this.base.root)));
    const tasks = Array.from({ length: this.layout.blocks }, (_, at) => this.task(at, files, admitted, base, header));
    await this.pool.inOrder(tasks, (result, at) => {
      result.files.forEach((file, place) => addTo(whole[place], file));
      if (result.base) addTo(ofBase, result.base);
      if (result.model?.saturated) made.saturated = true;
      else if (result.model) {
        made.stack.add(result.model.hashes);
        made.leaves.push(result.model.digest);
      }
      this.bytes += tasks[at].size * (files.length + (base ? 1 : 0));
      this.tell(this.bytes);
    });
    if (base) this.baseIs = this.isBase(ofBase);
    for (const file of whole) file.root = file.stack.root();
    return { files: whole, model: this.modelOf(made) };
  }

  task(at, files, admitted, base, header) {
    const [start, stop] = this.layout.bounds(at), skip = Math.max(0, Math.min(this.layout.headerSize, stop) - start);
    return {
      skip, size: stop - start, header: header && header.slice(start, start + skip), rule: this.job.rule,
      trim: this.job.trim, weights: admitted.map((update) => update.weight), admitted: admitted.map((one) => files.indexOf(one)),
      files: files.map((file) => this.source.place(file.leaves[at])), makes: base !== null,
      base: base && this.source.place(base[at]),
    };
  }

  modelOf(made) {
    if (made.saturated || made.leaves.length !== this.layout.blocks) return NO_MODEL;
    return { root: made.stack.root(), cid: fileDigest(made.leaves, this.layout.size) };
  }

  async baseLeaves() {
    if (this.base.leaves === undefined) {
      try {
        this.base.leaves = await leavesOf(this.base.cid, this.layout.size, (codec, digest) => this.source.node(codec, digest));
      } catch (error) {
        if (!(error instanceof Malformed || error instanceof Missing)) throw error;
        this.base.leaves = null;
        this.baseIs = false;
      }
    }
    return this.base.leaves;
  }

  // Whether the base is the model that the ledger names: its header and its root.
  isBase(file) {
    if (file.missing || file.foreign) return false;
    const { round, base, root } = this.base;
    const binding = round ? bindingOf("model", { ...this.place, round }, hex(base)) : initialBinding();
    const header = this.layout.header(binding);
    return header !== null && same(header, file.head) && same(file.stack.root(), root);
  }

  // The model of these updates; null where the base is not there.
  async model(admitted) {
    if (BigInt(admitted.length) < this.job.minUpdates || !admitted.length) return NO_MODEL;
    if (this.job.rule === 2 && 2 * this.job.trim >= admitted.length) return NO_MODEL;
    const key = keyOf(admitted);
    this.needed = true;
    if (!this.models.has(key)) this.models.set(key, (await this.pass(admitted, admitted, true)).model);
    if ((await this.baseLeaves()) === null || this.baseIs === false) return null;
    return this.models.get(key);
  }

  // Add what is wrong with an attempt; whether it was compared to the end.
  async compare(attempt, findings) {
    const away = (update, at) => attempt.verdicts[at] === UNAVAILABLE && update;
    const say = (code, said) => {
      const check = attempt.failed ? "CAUGHT" : code === "VERDICT" ? "ADMISSION" : "AGGREGATE";
      findings.push(this.told(check, code, { attempt: attempt.attempt, who: attempt.who, ...said }));
    };
    this.updates.forEach((update, at) => {
      if (away(update, at)) findings.push(this.told("ADMISSION", "UNAVAILABLE", { attempt: attempt.attempt, value: update.index }));
      else if (!update.missing && update.verdict !== attempt.verdicts[at]) {
        say("VERDICT", { value: update.index, expected: String(update.verdict), actual: String(attempt.verdicts[at]) });
      }
    });
    if (this.updates.some((update) => update.missing)) return false;
    const model = await this.model(this.updates.filter((update, at) => !away(update, at) && update.verdict === 0));
    if (!model) return false;
    if (!same(model.root, attempt.root)) say("ROOT", { expected: hex(model.root), actual: hex(attempt.root) });
    else if (!same(model.cid, attempt.cid)) say("CID", { expected: hex(model.cid), actual: hex(attempt.cid) });
    else if (!same(NOTHING, attempt.carried)) say("CARRIED", { expected: hex(NOTHING), actual: hex(attempt.carried) });
    return true;
  }
}

// A block that is not to be had.
export class Missing extends Error {}

function fresh() {
  return { stack: new Stack(), largest: 0, squares: 0n, missing: false, foreign: false, head: null };
}

function addTo(file, block) {
  file.missing ||= block.missing ?? false;
  file.foreign ||= block.foreign ?? false;
  if (!block.hashes) return;
  file.stack.add(block.hashes);
  file.largest = Math.max(file.largest, block.largest);
  file.squares += block.squares;
  if (block.head.length) file.head = file.head ? join(file.head, block.head) : block.head;
}

function keyOf(updates) {
  return updates.map((update) => update.index).join();
}
