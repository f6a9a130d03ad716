// What is held against what before a wallet is asked to sign (docs/spec/web.md, "Voting in the page").

// What went wrong, to be shown to the reader.
export class Failure extends Error {}

export function failure(word, more) {
  return Object.assign(new Failure(), { word, more });
}

export function toHex(text) {
  return "0x" + Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Some wallets end a signature with 0 or 1; the contract takes 27 or 28.
export function canonical(signature) {
  const last = parseInt(signature.slice(-2), 16);
  return (signature.slice(0, -2) + (last < 27 ? last + 27 : last).toString(16).padStart(2, "0")).toLowerCase();
}

// A field of an action, or of a message, as the contract names it.
function camel(word) {
  return word.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
}

const ROLES = ["participant", "aggregator", "scorer"];

function textOf(word) {
  const bytes = Uint8Array.from(word.replace(/(00)+$/, "").match(/../g) ?? [], (pair) => parseInt(pair, 16));
  return bytes.every((byte) => byte >= 0x20 && byte <= 0x7e) ? String.fromCharCode(...bytes) : "0x" + word;
}

// What a wallet shows of an action (docs/spec/ballot.md, "What wallets show").
export function shownOf({ kind, rules, ...fields }) {
  const shown = (name, value) => {
    if (name === "roles") return ROLES.filter((_, bit) => (value >> bit) & 1).join(", ");
    if (name === "reason") return textOf(value);
    return ["root", "scores", "report"].includes(name) ? "0x" + value : value;
  };
  return Object.fromEntries(Object.entries({ ...fields, ...rules }).map(([name, value]) => [camel(name), shown(name, value)]));
}

function same(expected, actual) {
  const [one, other] = [String(expected), String(actual)];
  const address = /^0x[0-9a-f]{40}$/i;
  return one === other || (address.test(one) && address.test(other) && one.toLowerCase() === other.toLowerCase());
}

// Refuses unless these are the same fields, none more, with the same values.
function compare(where, expected, actual) {
  for (const name of new Set([...Object.keys(expected), ...Object.keys(actual ?? {})])) {
    const [here, there] = [expected[name], actual?.[name]];
    if (here !== undefined && there !== undefined && same(here, there)) continue;
    throw failure("differs", `${where}${name}: ${here ?? "–"} ≠ ${there ?? "–"}`);
  }
}

// Refuses to sign anything but `content`, under the name of its kind, with the rest of the message as `said`.
export function requireShown(typed, { chain, contract, kind }, primary, said, content) {
  const place = camel(kind);
  compare("domain.", { name: "fedledger", version: "1", chainId: chain, verifyingContract: contract }, typed.domain);
  compare("", { primaryType: primary }, { primaryType: typed.primaryType });
  const { [place]: proposed, ...rest } = typed.message ?? {};
  compare("", said, rest);
  compare(`${place}.`, content, proposed);
  const named = (fields) => Object.fromEntries((fields ?? []).map(({ name }) => [name, name]));
  const keys = (object) => Object.fromEntries(Object.keys(object).map((name) => [name, name]));
  compare("types.", keys(typed.message), named(typed.types?.[primary]));
  compare("types.", keys(proposed), named(typed.types?.[place[0].toUpperCase() + place.slice(1)]));
}

// The fields that the page shows of its proposal.
export function shownHere() {
  const fields = [...document.querySelectorAll("[data-shown] dt")];
  return Object.fromEntries(fields.map((field) => [field.textContent, field.nextElementSibling.textContent]));
}

// What the wallet's own node says of the contract, which is not this server's word: numbers; null where it cannot say.
const CALLS = { nonceOf: "ed2a2d64", proposalOf: "f48c0abf", jobOf: "1f5a8d0c" };

async function ask(wallet, method, params, read) {
  try {
    return read(await wallet.request({ method, params }));
  } catch {
    return null;
  }
}

async function askContract(wallet, contract, call, word) {
  const data = `0x${CALLS[call]}${word.toLowerCase().padStart(64, "0")}`;
  const words = await ask(wallet, "eth_call", [{ to: contract, data }, "latest"], (told) =>
    told.slice(2).match(/[0-9a-f]{64}/gi),
  );
  return words?.map((one) => BigInt(`0x${one}`)) ?? null;
}

const PROPOSAL_SECONDS = 2 * 3600;

// Refuses a nonce that is not the next, or a signature that could be used for longer than it takes to propose. True if
// the wallet's own node was asked.
export async function requireNext(wallet, contract, member, { nonce, deadline }) {
  const told = await askContract(wallet, contract, "nonceOf", member.slice(2));
  const now = await ask(wallet, "eth_getBlockByNumber", ["latest", false], (block) => Number(block.timestamp));
  const latest = (now || Math.floor(Date.now() / 1000)) + PROPOSAL_SECONDS;
  if (!(deadline <= latest)) throw failure("differs", `deadline: ${deadline} > ${latest}`);
  if (told) compare("", { nonce: String(told[0] + 1n) }, { nonce });
  return told !== null;
}

// Refuses a deadline of the page that is not that of the proposal's vote in the contract. True as above.
export async function requireDeadline(wallet, contract, { id, deadline }) {
  const told = await askContract(wallet, contract, "proposalOf", id);
  if (told) compare("", { deadline: String(told[4] ?? 0n) }, { deadline });
  return told !== null;
}

// The digest of the job of a number, as the wallet's own node has it; null if it cannot say.
export async function askJob(wallet, contract, number) {
  const told = await askContract(wallet, contract, "jobOf", number);
  return told && told[0].toString(16).padStart(64, "0");
}
