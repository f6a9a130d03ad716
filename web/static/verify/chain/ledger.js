// Jobs and rounds, as contracts/RoundLedger.sol keeps them: each call with its signer as the sender, at its block and time.
// What the contract would revert throws Refused. The history that the contract leaves to its log is kept too.
import { NOTHING, ascii, big, hex, integer, join, same, unhex } from "../bytes.js";
import { sha256 } from "../sha256.js";
import { require } from "./consortium.js";
import { keccak } from "./keccak.js";

export const NONE = 0;
export const COLLECTING = 1;
export const OPENING = 2;
export const AGGREGATING = 3;
export const ATTESTING = 4;
export const FINALISED = 5;
export const REFUTED = 6;
export const ABANDONED = 7;
export const AGREE = 0;
export const OTHER = 1;
export const MISSING = 2;
const PARTICIPANT = 1, AGGREGATOR = 2;
const YEAR = 365 * 86400, MOST_SCORERS = 64, MOST_WAIT = 8n, MOST_STRIKES = 255, PAST = 256n;
const OPENED = 104, COMMITMENT = 28, TIMES = 2n ** 40n;
const UPDATE_DOMAIN = keccak(ascii("fedledger/update/3")), CLAIM_DOMAIN = keccak(ascii("fedledger/claim/5"));

function word(number) {
  return big(number, 32);
}

function address(key) {
  return join(new Uint8Array(12), unhex(key));
}

export class RoundLedger {
  constructor(consortium, chain, contract) {
    Object.assign(this, { consortium, chain, contract });
    this.jobs = new Map();
  }

  jobOf(number) {
    const job = this.jobs.get(number);
    require(job);
    return job;
  }

  // The job, its current round, and that round's phase and deadline as they are now: time alone ends the first two.
  now(call, { job, round }) {
    const state = this.jobOf(job), current = state.current;
    require(current && current.number === round);
    let { phase, deadline } = current;
    const { openSeconds, aggregateSeconds } = state.seconds;
    if (phase === COLLECTING && call.time > deadline) [phase, deadline] = [OPENING, deadline + openSeconds];
    if (phase === OPENING && call.time > deadline) [phase, deadline] = [AGGREGATING, deadline + 2n * aggregateSeconds];
    require(deadline < TIMES);
    return { state, current, phase, deadline };
  }

  proposeJob(call, { digest, terms, model }) {
    const { index } = this.consortium.membership(call.signer);
    const lasting = (seconds) => seconds > 0 && seconds <= YEAR;
    require(integer(digest) && terms.rounds && terms.attempts);
    require([terms.updateSeconds, terms.openSeconds, terms.aggregateSeconds, terms.attestSeconds].every(lasting));
    if (terms.scoreSeconds || terms.revealSeconds || terms.scorers) {
      require(lasting(terms.scoreSeconds) && lasting(terms.revealSeconds) && terms.scorers > 0 && terms.scorers <= MOST_SCORERS);
    }
    require(integer(model.initial) && model.values);
    const seconds = Object.fromEntries(["updateSeconds", "openSeconds", "aggregateSeconds", "attestSeconds"].map((name) => [name, BigInt(terms[name])]));
    const number = this.jobs.size + 1;
    const state = {
      number, digest, terms, seconds, model, proposer: call.signer, approvals: new Map(), open: false, closed: false,
      rounds: [], current: null, parties: new Map(), strikes: new Map(), models: new Map(), voids: [],
      finalised: 0, latest: 0, endedAt: 0n, convicted: 0, sound: 0,
    };
    this.jobs.set(number, state);
    this.approve(call, state, index);
  }

  approveJob(call, { job, digest }) {
    const { index } = this.consortium.membership(call.signer), state = this.jobOf(job);
    require(same(state.digest, digest) && !state.closed);
    this.approve(call, state, index);
  }

  approve(call, state, index) {
    const { recoveries } = this.consortium, approved = state.approvals.get(recoveries) ?? new Set();
    require(!approved.has(index));
    state.approvals.set(recoveries, approved.add(index));
    if (this.consortium.standing(approved) > Math.floor(this.consortium.count / 2)) state.open = true;
  }

  closeJob(job) {
    const state = this.jobOf(job);
    require(!state.closed);
    [state.open, state.closed] = [false, true];
  }

  rewindJob(job, round) {
    const state = this.jobOf(job), { convicted, sound } = state;
    require(!state.closed && convicted && convicted === round);
    while (state.voids.length && state.voids.at(-1).from > convicted) state.voids.pop();
    state.voids.push({ from: convicted, to: state.current.number, before: sound });
    [state.convicted, state.sound, state.latest] = [0, 0, sound];
  }

  openRound(call, { job }) {
    const state = this.jobOf(job), { epoch } = this.consortium, last = state.current;
    const index = this.consortium.electorate(call.signer, AGGREGATOR, epoch);
    require(state.open && (!last || last.phase >= FINALISED) && state.finalised !== state.terms.rounds && !state.convicted);
    const strikes = BigInt(state.strikes.get(index) ?? 0), turns = strikes < MOST_WAIT ? strikes : MOST_WAIT;
    require(call.time >= state.endedAt + turns * state.seconds.aggregateSeconds);
    const number = state.rounds.length + 1, participants = this.consortium.countOf(PARTICIPANT), { buffer } = state.terms;
    state.current = {
      number, epoch, since: last?.epoch === epoch ? last.since : number, phase: COLLECTING,
      deadline: after(call, state.seconds.updateSeconds), members: this.consortium.count, participants,
      aggregators: this.consortium.countOf(AGGREGATOR), target: buffer && buffer < participants ? buffer : participants,
      opener: index, committed: 0, openedIn: 0n, opened: state.digest, updates: new Map(), attempts: [], failed: new Set(), base: state.latest,
      batches: [], entries: [],
    };
    state.rounds.push(state.current);
  }

  commitUpdate(call, { job, round, commitment }) {
    const state = this.jobOf(job), current = state.current;
    require(current && current.number === round && current.phase === COLLECTING && call.time <= current.deadline);
    const last = state.parties.get(call.signer) ?? { round: 0 };
    require(last.round !== round);
    const index = last.round < current.since ? this.consortium.electorate(call.signer, PARTICIPANT, current.epoch) : last.index;
    state.parties.set(call.signer, { commitment, index, round });
    if (++current.committed === current.target) {
      Object.assign(current, { phase: OPENING, deadline: after(call, state.seconds.openSeconds) });
    }
  }

  openUpdates(call, said) {
    const { state, current, phase, deadline } = this.now(call, said);
    const { openings } = said;
    require(phase === OPENING && openings.length && openings.length % OPENED === 0);
    const domain = keccak(join(UPDATE_DOMAIN, this.nameOf(said)));
    const fresh = new Map();
    for (let at = 0; at < openings.length; at += OPENED) {
      const update = committed(state, said.round, domain, openings.subarray(at, at + OPENED));
      if (!current.updates.has(update.index) && !fresh.has(update.index)) fresh.set(update.index, update);
    }
    if (!fresh.size) return;
    const entries = join(...[...fresh.values()].map(({ index, packed }) => join(Uint8Array.of(index), packed)));
    current.opened = sha256(join(current.opened, entries));
    current.entries.push(entries);
    current.batches.push(fresh.size);
    for (const [index, update] of fresh) current.updates.set(index, update);
    const whole = current.updates.size === current.committed;
    Object.assign(current, {
      phase: whole ? AGGREGATING : phase, openedIn: call.block,
      deadline: whole ? after(call, 2n * state.seconds.aggregateSeconds) : deadline,
    });
  }

  publishAggregate(call, said) {
    const { state, current, phase, deadline } = this.now(call, said), { aggregate } = said;
    require(phase === AGGREGATING && current.updates.size && call.time <= deadline);
    const index = this.consortium.electorate(call.signer, AGGREGATOR, current.epoch);
    const takesOver = !current.attempts.length && index !== current.opener;
    if (current.attempts.length) require(!current.failed.has(index));
    if (takesOver) require(call.time > deadline - state.seconds.aggregateSeconds);
    this.requireFit(call, state, current, aggregate);
    const claim = this.claimOf(said, current.opened, aggregate);
    require(same(claim, said.claim));
    if (takesOver) strike(state, current.opener);
    Object.assign(current, { phase: ATTESTING, deadline: after(call, state.seconds.attestSeconds) });
    current.attempts.push({ ...aggregate, attempt: current.attempts.length + 1, claim, aggregator: call.signer, index, who: [call.signer], spoke: new Set([index]), agreeing: 1, against: 0, failed: false });
  }

  requireFit(call, state, current, aggregate) {
    const empty = !integer(aggregate.root), base = state.latest ? state.models.get(state.latest) : state.model.initial;
    require(empty === !integer(aggregate.cid) && !(empty && integer(aggregate.carried)));
    require(same(aggregate.base, base) && aggregate.verdicts.length === current.updates.size);
    const asOf = BigInt(aggregate.asOf);
    require(asOf >= current.openedIn && asOf < call.block && call.block - asOf <= PAST && integer(aggregate.anchor));
  }

  attest(call, { job, round, attempt, form, claim }) {
    const state = this.jobOf(job), current = state.current;
    require(current && current.number === round && form <= MISSING);
    const late = current.phase === FINALISED && form === AGREE, made = current.attempts.at(-1);
    require((current.phase === ATTESTING || late) && attempt === made.attempt && call.time <= current.deadline);
    const index = this.consortium.electorate(call.signer, 0, current.epoch);
    require(!made.spoke.has(index) && same(claim, made.claim) !== (form === OTHER));
    made.spoke.add(index);
    if (form === AGREE) made.who.push(call.signer);
    if (late) return;
    const majority = Math.floor(current.members / 2) + 1;
    if (form === AGREE) {
      if (++made.agreeing === majority) this.conclude(call, state, current, made);
    } else if (++made.against > current.members - majority) this.fail(call, state, true);
  }

  advance(call, said) {
    this.consortium.membership(call.signer);
    const { state, current, phase, deadline } = this.now(call, said);
    require(phase !== NONE && phase < FINALISED);
    if ((phase === OPENING && !current.committed) || (phase === AGGREGATING && !current.updates.size)) return end(call, state, ABANDONED);
    require(call.time > deadline);
    if (phase === ATTESTING) {
      const { agreeing, against } = current.attempts.at(-1);
      return this.fail(call, state, agreeing + against > Math.floor(current.members / 2));
    }
    if (!current.attempts.length) strike(state, current.opener);
    return end(call, state, ABANDONED);
  }

  // The court convicted the round's last attempt, which members attest or which is final: the attempt fails, or the model
  // is convicted and a round under way ends.
  convict(call, state, round) {
    if (round.phase === ATTESTING) {
      this.fail(call, state, true);
      return;
    }
    require(round.phase === FINALISED && !isConvicted(state, round.number));
    [state.convicted, state.sound] = [round.number, round.base];
    if (state.current.phase < FINALISED) end(call, state, ABANDONED);
  }

  claimOf(said, opened, aggregate) {
    const { base, root, cid, asOf, anchor, head, receipts, carried, verdicts } = aggregate;
    const parts = [base, opened, root, cid, word(asOf), anchor, head, receipts, carried, keccak(verdicts)];
    return keccak(join(CLAIM_DOMAIN, this.nameOf(said), ...parts));
  }

  nameOf({ job, round }) {
    return join(word(this.chain), address(this.contract), word(job), word(round));
  }

  conclude(call, state, current, made) {
    if (!integer(made.root)) {
      end(call, state, ABANDONED);
      return;
    }
    state.models.set(current.number, made.root);
    const strikes = state.strikes.get(made.index) ?? 0;
    if (strikes) state.strikes.set(made.index, strikes - 1);
    state.finalised++;
    state.latest = current.number;
    current.final = made;
    end(call, state, FINALISED);
  }

  fail(call, state, spoke) {
    const { current } = state, made = current.attempts.at(-1);
    made.failed = true;
    current.failed.add(made.index);
    if (spoke) strike(state, made.index);
    if (made.attempt !== state.terms.attempts && current.failed.size < current.aggregators) {
      Object.assign(current, { phase: AGGREGATING, deadline: after(call, state.seconds.aggregateSeconds) });
    } else end(call, state, spoke ? REFUTED : ABANDONED);
  }
}

// Whether a round's model is convicted, built on one that is, or void.
function isConvicted(state, round) {
  return (state.convicted > 0 && round >= state.convicted) || isVoid(state, round);
}

// Whether a rewind made a round void.
export function isVoid(state, round) {
  return state.voids.some(({ from, to }) => from <= round && round <= to);
}

// The update that an opening shows, which its party committed to in this round.
function committed(state, round, domain, opening) {
  const party = hex(opening.subarray(0, 20)), weight = Number(integer(opening.subarray(20, 24)));
  const found = state.parties.get(party);
  require(found && found.round === round && weight);
  const words = [domain, address(party), word(weight), opening.subarray(24, 88), opening.subarray(88), new Uint8Array(16)];
  require(same(keccak(join(...words)).subarray(0, COMMITMENT), found.commitment));
  const root = opening.slice(24, 56), cid = opening.slice(56, 88);
  return { index: found.index, party, weight, root, cid, packed: join(opening.slice(20, 56), found.commitment) };
}

function end(call, state, phase) {
  state.current.phase = phase;
  state.endedAt = call.time % TIMES;
}

function strike(state, index) {
  state.strikes.set(index, Math.min(MOST_STRIKES, (state.strikes.get(index) ?? 0) + 1));
}

function after(call, seconds) {
  return (call.time + seconds) % TIMES;
}
