// The calls that a bundle's transactions make, by contract and selector (docs/spec/bundle.md, "Transactions").
import { Malformed, ascii, hex } from "../bytes.js";
import { canonical, decodeArguments, headOf } from "./abi.js";
import { keccak } from "./keccak.js";
import { COUNTED } from "./typed.js";

const TERMS = [
  ["rounds", "uint32"], ["updateSeconds", "uint32"], ["openSeconds", "uint32"], ["aggregateSeconds", "uint32"],
  ["attestSeconds", "uint32"], ["attempts", "uint8"], ["scoreSeconds", "uint32"], ["revealSeconds", "uint32"],
  ["scorers", "uint8"], ["buffer", "uint8"],
];
const MODEL = [
  ["initial", "bytes32"], ["values", "uint64"], ["rule", "uint8"], ["trim", "uint8"], ["minUpdates", "uint32"],
  ["maxWeight", "uint32"], ["maxValue", "uint32"], ["maxNorm", "uint64"], ["byValue", "bool"],
];
const AGGREGATE = [
  ["base", "bytes32"], ["root", "bytes32"], ["cid", "bytes32"], ["asOf", "uint40"], ["anchor", "bytes32"],
  ["head", "bytes32"], ["receipts", "bytes32"], ["carried", "bytes32"], ["verdicts", "bytes"],
];
const CLAIMED = [
  ["job", "uint32"], ["round", "uint32"], ["before", "uint24"], ["document", "bytes32"], ["aggregate", AGGREGATE], ["updates", "bytes"],
  ["batches", "bytes"],
];
const POINT = [["ground", "enum5"], ["member", "uint8"], ["value", "uint64"], ["low", "int32"], ["high", "int32"], ["proof", "bytes"]];
const ROUND = [["job", "uint32"], ["round", "uint32"]];
const RELEASE = [
  ["name", "bytes32"], ["version", "bytes32"], ["job", "uint32"], ["round", "uint32"], ["root", "bytes32"], ["scores", "bytes32"],
  ["report", "bytes32"],
];
const RULES = [["majority", "uint16"], ["voteSeconds", "uint32"], ["delaySeconds", "uint32"], ["executeSeconds", "uint32"]];
const SIGNED = [["deadline", "uint64"], ["v", "uint8"], ["r", "bytes32"], ["s", "bytes32"]];
const SIGNED_VOTE = [["member", "address"], ["choice", "uint8"], ...SIGNED];
const SIGNED_PROPOSAL = [["nonce", "uint32"], ["member", "address"], ...SIGNED];
const SIGNED_ON = [["proposal", "bytes32"], ["kind", "enum11"]];
// The calls that propose, in the order of the numbers of their kinds, from 1; their arguments are the action.
const PROPOSING = {
  proposeAdmission: [["key", "address"], ["roles", "uint8"], ["name", { of: "bytes32", length: 2 }]],
  proposeRemoval: [["index", "uint8"]],
  proposeRoles: [["index", "uint8"], ["roles", "uint8"]],
  proposeRules: [["rules", RULES]],
  proposeClosing: [["job", "uint32"]],
  proposeRelease: [["release", RELEASE]],
  proposeRevocation: [["name", "bytes32"], ["version", "bytes32"], ["reason", "bytes32"]],
  proposeRollback: [["name", "bytes32"], ["version", "bytes32"]],
  proposeSuccessor: [["chain", "uint64"], ["ledger", "address"]],
  proposeRewind: ROUND,
};
const FUNCTIONS = {
  consortium: { rotateKey: [["newKey", "address"]], approveRotation: [["index", "uint8"], ["newKey", "address"]] },
  ballots: {
    ...PROPOSING,
    proposeBySignature: [["kind", "enum11"], ["action", "bytes"], ["signed", SIGNED_PROPOSAL]],
    vote: [["proposal", "bytes32"], ["choice", "uint8"]],
    voteBySignature: [...SIGNED_ON, ["signed", SIGNED_VOTE]],
    voteBatch: [...SIGNED_ON, ["signed", { of: SIGNED_VOTE }]],
    close: [["proposal", "bytes32"]],
    execute: [["proposer", "address"], ["nonce", "uint32"], ["kind", "enum11"], ["action", "bytes"]],
  },
  ledger: {
    proposeJob: [["digest", "bytes32"], ["terms", TERMS], ["model", MODEL]],
    approveJob: [["job", "uint32"], ["digest", "bytes32"]],
    openRound: [["job", "uint32"]],
    commitUpdate: [...ROUND, ["commitment", "bytes28"]],
    openUpdates: [...ROUND, ["openings", "bytes"]],
    publishAggregate: [...ROUND, ["aggregate", AGGREGATE], ["claim", "bytes32"]],
    attest: [...ROUND, ["attempt", "uint8"], ["form", "enum3"], ["claim", "bytes32"], ["detail", "bytes32"]],
    advance: ROUND,
  },
  court: { refute: [["claimed", CLAIMED], ["point", POINT]] },
};
export const CONTRACTS = ["consortium", "ledger", "scores", "releases", "ballots", "masks", "budgets", "court"];
const SELECTORS = new Map();
for (const [contract, functions] of Object.entries(FUNCTIONS)) {
  for (const [name, fields] of Object.entries(functions)) {
    SELECTORS.set(`${contract} ${hex(keccak(ascii(name + canonical(fields))).subarray(0, 4))}`, { name, fields });
  }
}
// Bytes of each word that an action may use, by kind, of those that have an effect.
const ACTIONS = { 1: [20, 1, 32, 32], 2: [1], 3: [1, 1], 4: [2, 4, 4, 4], 5: [4], 10: [4, 4] };
const KINDS = Object.keys(PROPOSING), LAST_KIND = KINDS.length;

// {name, said}: the function and its arguments, of those that propose {kind, action}. Throws Malformed. `hasJob` says
// whether a job is in the scope.
export function readCall(contract, data, hasJob) {
  const found = SELECTORS.get(`${contract} ${hex(data.subarray(0, 4))}`);
  if (!found) throw new Malformed("no call of a bundle");
  const { name } = found, said = decodeArguments(found.fields, data);
  if (contract === "ballots") return { name, said: decisionOf(name, said, data) };
  const job = name === "refute" ? said.claimed.job : said.job;
  if (job !== undefined && !hasJob(job)) throw new Malformed("a call about another job");
  return { name, said };
}

function decisionOf(name, said, data) {
  const kind = KINDS.indexOf(name) + 1;
  if (kind) return { kind, action: data.subarray(4, 4 + headOf(PROPOSING[name])) };
  if (name === "execute" || name === "proposeBySignature") return { ...said, words: actionOf(said) };
  if (said.kind === undefined) return said;
  if (!(said.kind > 0 && said.kind <= COUNTED)) throw new Malformed("signed votes that no bundle has");
  return said;
}

// The calldata of `refute`, as a conviction block has it.
export function readRefutation(data) {
  const found = SELECTORS.get(`court ${hex(data.subarray(0, 4))}`);
  if (!found) throw new Malformed("not a call of refute");
  return decodeArguments(found.fields, data);
}

function actionOf({ kind, action }) {
  const widths = ACTIONS[kind];
  if (!(kind > 0 && kind <= LAST_KIND)) throw new Malformed("an unknown kind");
  if (!widths) return null;
  if (action.length !== 32 * widths.length) throw new Malformed("an action of another length");
  return widths.map((width, at) => {
    const word = action.subarray(32 * at, 32 * at + 32);
    if (word.subarray(0, 32 - width).some((byte) => byte)) throw new Malformed("an action's word with more than its type");
    return word.subarray(32 - width);
  });
}
