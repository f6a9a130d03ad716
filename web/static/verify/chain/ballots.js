// Proposals and votes on members, their roles and the rules, as contracts/Ballots.sol and BallotBox.sol keep them. Of all
// other kinds only the proposer's nonce is kept. What the contract would revert throws Refused.
import { Malformed, hex, integer } from "../bytes.js";
import { Refused, require } from "./consortium.js";
import { ADMIT, CHANGE, COUNTED, REMOVE, areRoles, nameOf } from "./typed.js";

const YEAR = 31_536_000, WHOLE = 10_000, TIMES = 2n ** 40n, FOR = 1, ABSTAIN = 3;
const LEAST = [5_000, 1, 0, 1], LARGEST = [6_666, YEAR, YEAR, YEAR];

// Whether rules are within their bounds: majority, voteSeconds, delaySeconds, executeSeconds.
export function areRules(rules) {
  return rules.every((number, at) => LEAST[at] <= number && number <= LARGEST[at]);
}

// The words of an action as numbers.
function numbersOf(action) {
  return Array.from({ length: action.length / 32 }, (_, at) => Number(integer(action.subarray(32 * at, 32 * at + 32))));
}

export class Ballots {
  constructor(consortium, rules) {
    Object.assign(this, { consortium, rules, nonces: new Map(), proposals: new Map() });
  }

  // The calls that propose, of `kind` with its `action`.
  propose({ signer, time }, { kind, action }) {
    this.open(signer, time, kind, action);
  }

  proposeBySignature({ time, points }, { kind, action, signed: { nonce, member, deadline } }) {
    require(nonce === this.nextNonce(member) && time <= deadline && (kind > COUNTED || points[0]));
    this.open(member, time, kind, action);
  }

  nextNonce(key) {
    return (this.nonces.get(key) ?? 0) + 1;
  }

  open(proposer, time, kind, action) {
    const { consortium, rules } = this, nonce = this.nextNonce(proposer);
    consortium.membership(proposer);
    if (kind <= COUNTED) {
      this.requireChange(kind, action);
      const [majority, voteSeconds, delay, window] = rules;
      this.proposals.set(this.name(proposer, nonce, kind, action), {
        epoch: consortium.epoch, needed: Math.floor((consortium.count * majority) / WHOLE) + 1,
        deadline: (time + BigInt(voteSeconds)) % TIMES, delay: BigInt(delay), window: BigInt(window),
        voted: new Set(), inFavour: 0, executed: false,
      });
    }
    this.nonces.set(proposer, nonce);
  }

  // Refuse what could not be carried out even if it passed now, and what would change nothing.
  requireChange(kind, action) {
    const numbers = kind === ADMIT ? [] : numbersOf(action), { consortium } = this;
    if (kind === ADMIT) require(integer(action.subarray(0, 32)) && areRoles(action[63]));
    else if (kind === REMOVE) consortium.memberOf(numbers[0]);
    else if (kind === CHANGE) {
      const { key } = consortium.memberOf(numbers[0]);
      require(areRoles(numbers[1]) && consortium.membership(key).roles !== numbers[1]);
    } else require(areRules(numbers) && numbers.some((number, at) => number !== this.rules[at]));
  }

  name(proposer, nonce, kind, action) {
    try {
      return hex(nameOf(proposer, nonce, kind, action));
    } catch (error) {
      throw error instanceof Malformed ? new Refused() : error;
    }
  }

  vote({ signer, time }, { proposal, choice }) {
    this.count(this.voting(proposal, time), signer, choice);
  }

  voteBySignature({ time, points }, { proposal, signed }) {
    const found = this.voting(proposal, time);
    require(points[0] && time <= signed.deadline);
    this.count(found, signed.member, signed.choice);
  }

  // Those votes count that would alone.
  voteBatch({ time, points }, { proposal, signed }) {
    const found = this.voting(proposal, time);
    signed.forEach((one, at) => {
      if (points[at] && time <= one.deadline && this.mayCount(found, one.member, one.choice)) this.count(found, one.member, one.choice);
    });
  }

  // The proposal, which is voted on now.
  voting(proposal, time) {
    const found = this.proposals.get(hex(proposal));
    require(found && !found.executed && time <= found.deadline);
    return found;
  }

  mayCount({ epoch, voted }, key, choice) {
    const membership = this.consortium.memberships.get(key);
    return choice >= FOR && choice <= ABSTAIN && membership?.roles > 0 && membership.since <= epoch && !voted.has(membership.index);
  }

  count(found, key, choice) {
    require(this.mayCount(found, key, choice));
    found.voted.add(this.consortium.memberships.get(key).index);
    if (choice === FOR) found.inFavour++;
  }

  close({ time }, { proposal }) {
    const found = this.voting(proposal, time);
    require(found.inFavour >= found.needed && time < found.deadline);
    found.deadline = time;
  }

  // Carry out a decision of a counted kind, which passed and whose time it is.
  execute({ time }, { proposer, nonce, kind, action, words }) {
    const found = this.proposals.get(this.name(proposer, nonce, kind, action)), passed = found && found.deadline + found.delay;
    require(found && !found.executed && found.inFavour >= found.needed && time > passed && time <= passed + found.window);
    if (kind === ADMIT) this.consortium.admitLater(hex(words[0]), words[1][0]);
    else if (kind === REMOVE) this.consortium.remove(words[0][0]);
    else if (kind === CHANGE) this.consortium.changeRoles(words[0][0], words[1][0]);
    else this.rules = numbersOf(action);
    found.executed = true;
  }
}
