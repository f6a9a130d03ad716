// Verdict and findings (docs/spec/bundle.md, "Verdict"): the same bytes as every other reader's.

// Checks and codes in the order in which findings are sorted, with what each makes of the verdict.
const TABLE = [
  ...["CAR", "BLOCK", "REPEATED", "MANIFEST", "NETWORK", "KEY", "PAGE", "TRANSACTION", "CALL", "ORDER", "SIGNATURE", "REFUSED"].map(
    (code) => ["BUNDLE", code, "MALFORMED"],
  ),
  ["SCOPE", "EMPTY", "UNKNOWN"], ["SCOPE", "BYTES", "UNKNOWN"], ["SCOPE", "MORE", ""],
  ["REPLAY", "GAP", "UNKNOWN"], ["REPLAY", "UNREPLAYED", "UNKNOWN"], ["REPLAY", "UNCOUNTED", "UNKNOWN"],
  ["JOB", "MISSING", "UNKNOWN"], ["JOB", "DOCUMENT", "UNKNOWN"], ["JOB", "TERMS", "REFUTED"], ["JOB", "UNSUPPORTED", "UNKNOWN"],
  ["ADMISSION", "MISSING", "UNKNOWN"], ["ADMISSION", "UNAVAILABLE", "UNKNOWN"], ["ADMISSION", "VERDICT", "REFUTED"],
  ["AGGREGATE", "BASE", "UNKNOWN"], ["AGGREGATE", "BYTES", "UNKNOWN"],
  ...["ROOT", "CID", "CARRIED"].map((code) => ["AGGREGATE", code, "REFUTED"]),
  ["CONVICTION", "FALSE", "UNKNOWN"],
  ...["VALUE", "LIMIT", "WEIGHT", "TOO_FEW"].map((code) => ["CONVICTION", code, "REFUTED"]),
  ...["VERDICT", "ROOT", "CID", "CARRIED", "VALUE", "LIMIT", "WEIGHT", "TOO_FEW"].map((code) => ["CAUGHT", code, ""]),
];
const PLACES = new Map(TABLE.map(([check, code], place) => [`${check} ${code}`, place]));
const STRENGTH = ["MALFORMED", "REFUTED", "UNKNOWN"];
export const CHECKS = ["SIGNATURES", "REPLAY", "JOB", "ADMISSION", "AGGREGATE", "CONVICTION"];

const LISTED = 1024; // findings of a check and code that are listed: the first ones, and others are counted
const ORDERED = new WeakMap();

// A finding; `who` are addresses in EIP-55 form.
export function finding(check, code, said = {}) {
  const { job = 0, round = 0, attempt = 0, value = 0, who = [], expected = "", actual = "" } = said;
  if (!ORDERED.has(who)) ORDERED.set(who, [...new Set(who)].sort((left, right) => compare(left.toLowerCase(), right.toLowerCase())));
  return { actual, attempt, check, code, expected, job, round, value, who: ORDERED.get(who) };
}

// What was found; those of one check and code are told in their order.
export class Findings {
  constructor() {
    this.kept = new Map();
    this.more = new Map();
  }

  // Take one more. The same one again is none.
  add(one) {
    const name = `${one.check} ${one.code}`, kept = this.kept.get(name) ?? new Map();
    const key = [one.job, one.round, one.attempt, one.value, one.expected, one.actual].join();
    this.kept.set(name, kept);
    if (kept.has(key)) return;
    if (kept.size < LISTED) kept.set(key, one);
    else this.more.set(name, (this.more.get(name) ?? 0) + 1);
  }

  // Those that are listed.
  listed() {
    const more = [...this.more].map(([actual, value]) => finding("SCOPE", "MORE", { value, actual }));
    return sorted([...this.kept.values()].flatMap((kept) => [...kept.values()]).concat(more));
  }
}

function compare(left, right) {
  return left < right ? -1 : left > right ? 1 : 0;
}

function order(left, right) {
  const place = (one) => PLACES.get(`${one.check} ${one.code}`);
  for (const key of ["job", "round", "attempt"]) if (left[key] !== right[key]) return left[key] - right[key];
  if (place(left) !== place(right)) return place(left) - place(right);
  if (left.value !== right.value) return left.value - right.value;
  for (const key of ["expected", "actual"]) if (left[key] !== right[key]) return compare(left[key], right[key]);
  return compare(left.who.join().toLowerCase(), right.who.join().toLowerCase());
}

// The findings in their order, each once.
export function sorted(findings) {
  const all = findings.toSorted ? findings.toSorted(order) : [...findings].sort(order);
  return all.filter((one, at) => !at || JSON.stringify(one) !== JSON.stringify(all[at - 1]));
}

export function verdictOfAll(findings) {
  const made = new Set(findings.map(({ check, code }) => TABLE[PLACES.get(`${check} ${code}`)][2]));
  return STRENGTH.find((verdict) => made.has(verdict)) ?? "VERIFIED";
}

// JSON with members sorted, no white space, ASCII, and a newline.
export function encodeVerdict(document) {
  return `${encodeSorted(document)}\n`;
}

function encodeSorted(value) {
  if (Array.isArray(value)) return `[${value.map(encodeSorted).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${encodeSorted(value[name])}`).join(",")}}`;
}
