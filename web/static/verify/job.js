// What a reader takes from a job's document (docs/spec/bundle.md, "Jobs"), and which jobs' rounds it recomputes.
import { Layout } from "./artifact.js";
import { Malformed } from "./bytes.js";
import { parseCid } from "./content.js";
import { isBefore, parseDocument } from "./grammar.js";

const RULES = ["weighted_mean", "median", "trimmed_mean", "multi_krum", "geometric_median", "centred_clipping"];
const LARGEST = 2n ** 63n - 1n;
const LIMITS = [["min_updates", 255n], ["max_weight", 2n ** 24n - 1n], ["max_value", 2n ** 31n - 1n], ["max_norm", LARGEST]];
const TERMS = ["rounds", "update_seconds", "open_seconds", "aggregate_seconds", "attest_seconds", "attempts"];
const MORE_TERMS = ["score_seconds", "reveal_seconds", "scorers", "buffer"];
const NAME = /^[!#-[\]-~]{1,200}$/;
const MAX_TENSORS = 100_000, MAX_VALUES = 2 ** 31, MAX_DIMENSIONS = 8;
// What a plain job's document has, in the order of the table: a way to its value, and what that may be.
const PLAIN = [
  ["aggregation.rule", (job) => ["weighted_mean", "median", "trimmed_mean"].includes(job.get("aggregation").get("rule"))],
  ["server", (job) => isOnly(job.get("server"), "optimiser", "none")],
  ["privacy", (job) => isOnly(job.get("privacy"), "mode", "none")],
  ["schedule", (job) => isOnly(job.get("schedule"), "mode", "rounds")],
  ...["compression", "hierarchy", "dp", "analysis"].map((name) => [name, (job) => !job.has(name)]),
  ["admission.on_norm", (job) => !job.get("admission").has("on_norm")],
  ["scoring.weighting", (job) => [undefined, "none"].includes(job.get("scoring").get("weighting"))],
];

function isOnly(object, name, value) {
  return object.size === 1 && object.get(name) === value;
}

function require(holds) {
  if (!holds) throw new Malformed("not a job's document");
}

function objectOf(parent, name) {
  const value = parent.get(name);
  require(value instanceof Map);
  return value;
}

function integerOf(parent, name, least, most, absent) {
  const value = parent.has(name) ? parent.get(name) : absent;
  require(typeof value === "bigint" && value >= least && value <= most);
  return value;
}

function tensorsOf(document) {
  const list = document.get("tensors");
  require(Array.isArray(list) && list.length > 0 && list.length <= MAX_TENSORS);
  let last = null, values = 0;
  return list.map((tensor) => {
    require(tensor instanceof Map);
    const name = tensor.get("name"), shape = tensor.get("shape");
    require(typeof name === "string" && NAME.test(name) && name !== "__metadata__" && (last === null || isBefore(last, name)));
    require(Array.isArray(shape) && shape.length > 0 && shape.length <= MAX_DIMENSIONS);
    require(shape.every((size) => typeof size === "bigint" && size > 0n && size <= BigInt(MAX_VALUES)));
    const count = shape.reduce((product, size) => product * size, 1n);
    require(count <= BigInt(MAX_VALUES));
    values += Number(count);
    require(values <= MAX_VALUES);
    last = name;
    return { name, shape: shape.map(Number) };
  });
}

function capsOf(admission, most) {
  if (!admission.has("max_weights")) return new Map();
  const caps = objectOf(admission, "max_weights");
  for (const name of caps.keys()) {
    require(/^(0|[1-9][0-9]{0,2})$/.test(name) && Number(name) <= 254);
    integerOf(caps, name, 1n, most);
  }
  return caps;
}

// Throws Malformed for a document that cannot be read.
export function parseJob(bytes) {
  const document = parseDocument(bytes);
  require(document instanceof Map);
  const layout = new Layout(tensorsOf(document));
  const initial = objectOf(document, "initial_model"), root = initial.get("root"), cid = initial.get("cid");
  require(typeof root === "string" && /^[0-9a-f]{64}$/.test(root) && typeof cid === "string");
  const aggregation = objectOf(document, "aggregation"), rule = RULES.indexOf(aggregation.get("rule"));
  require(rule >= 0);
  const left = { 2: "trim", 3: "f" }[rule];
  const trim = left === undefined ? 0n : integerOf(aggregation, left, 1n, 255n);
  const admission = objectOf(document, "admission"), terms = objectOf(document, "terms");
  for (const name of ["server", "privacy", "schedule", "scoring"]) objectOf(document, name);
  const limits = LIMITS.map(([name, most]) => integerOf(admission, name, 1n, most));
  require(rule !== 2 || 2n * trim < limits[0]);
  const said = [
    root, BigInt(layout.values), BigInt(rule), trim, ...limits,
    ...TERMS.map((name) => integerOf(terms, name, 0n, LARGEST)), ...MORE_TERMS.map((name) => integerOf(terms, name, 0n, LARGEST, 0n)),
  ];
  const [minUpdates, maxWeight, maxValue, maxNorm] = limits, caps = capsOf(admission, limits[1]);
  return {
    layout, rule, trim: Number(trim), minUpdates, maxValue, maxNorm, initial: { root, ...parseCid(cid) }, terms: said,
    unlike: PLAIN.findIndex(([, holds]) => !holds(document)),
    byValue: PLAIN.every(([name, holds]) => ["dp", "analysis"].includes(name) || holds(document)),
    capOf: (index) => caps.get(String(index)) ?? maxWeight,
  };
}

// The name of a place in the table of plain jobs.
export function nameOfPlace(place) {
  return PLAIN[place][0];
}
