// What a member does here: signs in, votes and proposes with a wallet of its own (EIP-6963, else EIP-1193). The wallet
// shows what is signed and keeps the key; the server relays it. Without this file, or a wallet, every page is complete.

import {
  Failure, canonical, failure, requireDeadline, requireNext, requireShown, shownHere, shownOf, toHex,
} from "./signing.js";

const root = document.documentElement;
const account = document.getElementById("account");
const choice = document.getElementById("wallets");
const status = document.getElementById("wallet-status");
const SESSION = "fedledger.session";
const DECLINED = 4001;
const wallets = new Map();
let wallet = null;
let session = null;

let fading = 0;

const WRONG = ["refused", "differs", "failed", "away", "declined", "otherAccount", "otherChain", "noWallet"];

// Success fades; what went wrong stays until the next thing is done.
function say(word, more = "") {
  clearTimeout(fading);
  if (["welcome", "bye", "done"].includes(word)) fading = setTimeout(() => (status.textContent = ""), 10_000);
  status.classList.toggle("wrong", WRONG.includes(word));
  status.textContent = [status.dataset[word], more].filter(Boolean).join(" ");
}

// Why something was refused, in the page's language where that is not English, by the refusal's name.
function inWords(name, words) {
  const known = status.dataset.refusals ? JSON.parse(status.dataset.refusals) : {};
  return known[name] ?? words.filter(Boolean).join(": ");
}

async function send(path, body) {
  const options = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(path, { ...options, cache: "no-store" }).catch(() => {
    throw failure("away");
  });
  const document = response.status === 204 ? {} : await response.json().catch(() => ({}));
  if (response.ok) return document;
  throw failure("refused", inWords(document.error, [document.detail ?? response.status, document.advice]));
}

async function request(method, params = []) {
  try {
    return await wallet.request({ method, params });
  } catch (error) {
    if (error?.code === DECLINED) throw failure("declined");
    throw failure("failed", error?.message ?? String(error));
  }
}

function addWallet(provider, name, id) {
  if (!wallets.has(id)) wallets.set(id, { provider, name });
  account.hidden = false;
  showMissing();
}

// Says where a wallet is missing: wallets announce themselves within half a second.
let looked = false;

function showMissing() {
  for (const part of document.querySelectorAll("[data-missing-wallet]")) part.hidden = !looked || wallets.size > 0;
}

setTimeout(() => {
  looked = true;
  showMissing();
}, 500);

window.addEventListener("eip6963:announceProvider", ({ detail: { provider, info } }) => {
  addWallet(provider, info.name, info.uuid);
});
window.dispatchEvent(new Event("eip6963:requestProvider"));
if (window.ethereum && !wallets.size) addWallet(window.ethereum, "", "window");

// The only wallet, or the one that its owner chooses.
async function chooseWallet() {
  if (wallet) return;
  if (!wallets.size) throw failure("noWallet");
  if (wallets.size > 1) {
    choice.replaceChildren();
    choice.hidden = false;
    wallet = await new Promise((resolve) => {
      for (const { provider, name } of wallets.values()) {
        const button = choice.appendChild(document.createElement("button"));
        button.type = "button";
        button.textContent = name.slice(0, 40);
        button.addEventListener("click", () => resolve(provider));
      }
      choice.firstChild.focus();
    });
    choice.hidden = true;
  } else wallet = wallets.values().next().value.provider;
}

function showSession(next) {
  session = next;
  if (session) {
    root.dataset.member = session.member.index;
    document.getElementById("who").textContent = session.member.name;
    account.hidden = false;
  } else delete root.dataset.member;
  showAbilities();
  showWaiting();
}

// How much waits for this member, beside the link to its desk.
async function showWaiting() {
  const place = document.getElementById("waiting");
  const { count } = session ? await send("/desk.json").catch(() => ({ count: 0 })) : { count: 0 };
  place.hidden = !count;
  place.firstElementChild.textContent = count > 99 ? "99+" : count;
}

// Shows what this member may do, on what the ledger says now.
function showAbilities() {
  for (const form of document.querySelectorAll("[data-approve-job]")) {
    const approved = session !== null && form.dataset.approved.split(" ").includes(String(session.member.index));
    form.hidden = approved;
    form.nextElementSibling.hidden = !approved;
  }
  const vote = document.getElementById("vote");
  if (!vote || !session) return;
  const among = (members) => members.split(" ").includes(String(session.member.index));
  const acts = among(vote.dataset.mayVote) ? "vote" : among(vote.dataset.voted) ? "voted" : "no-vote";
  for (const part of vote.querySelectorAll("[data-acts]")) part.hidden = part.dataset.acts !== acts;
}

async function signIn() {
  await chooseWallet();
  say("working");
  const [address] = await request("eth_requestAccounts");
  const { message } = await send(`/sign-in.json?address=${address}`);
  const signature = await request("personal_sign", [toHex(message), address]);
  say("signingIn");
  const next = await send("/sign-in.json", { message, signature: canonical(signature) });
  if (!next.member) throw failure("refused", next.address);
  localStorage.setItem(SESSION, next.expires);
  if (document.body.dataset.problem === "401") return location.reload();
  showSession(next);
  say("welcome");
}

async function signOut() {
  await send("/sign-out.json", {});
  localStorage.removeItem(SESSION);
  showSession(null);
  say("bye");
}

// Makes the wallet ready to sign: the member's account, the chain of what is signed.
async function ready(typed) {
  await chooseWallet();
  say("working");
  const accounts = await request("eth_requestAccounts");
  if (!accounts.some((one) => one.toLowerCase() === session.address.toLowerCase())) {
    throw failure("otherAccount", session.address);
  }
  const chain = Number(typed.domain.chainId);
  if (Number(await request("eth_chainId")) !== chain) {
    await request("wallet_switchEthereumChain", [{ chainId: "0x" + chain.toString(16) }]).catch((error) => {
      throw error.word === "declined" ? error : failure("otherChain", String(chain));
    });
  }
}

async function sign(typed, asked) {
  if (!asked) say("unasked");
  return canonical(await request("eth_signTypedData_v4", [session.address, JSON.stringify(typed)]));
}

// Submits a message, and waits until it is on the ledger or refused.
async function relay(body) {
  const job = await send("/relay.json", body);
  say("queued");
  for (let waited = 0; waited < 120; waited++) {
    const now = await send(job.url ?? `/relay/${job.id}.json`);
    if (now.status === "done") return now;
    const why = inWords(now.reason, [now.message, now.advice]);
    if (now.status === "refused") throw failure("refused", why);
    say(now.status, now.message && why);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw failure("slow");
}

// The server reads the chain a moment later.
async function numberOf(proposal) {
  for (let waited = 0; waited < 20; waited++) {
    const { proposals } = await send("/proposals.json");
    const made = proposals.find(({ id }) => id === proposal);
    if (made) return made.number;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw failure("slow");
}

async function cast(choice) {
  const place = document.getElementById("vote").dataset;
  const { id, proposal } = place;
  const member = session.address;
  const content = shownHere();
  const deadline = Number(place.deadline);
  const { typed_data: typed } = await send(`/proposals/${proposal}/ballot.json?member=${member}&choice=${choice}`);
  requireShown(typed, place, "Vote", { choice: choice[0].toUpperCase() + choice.slice(1), member, deadline }, content);
  await ready(typed);
  const signature = await sign(typed, await requireDeadline(wallet, place.contract, { id, deadline }));
  await relay({ kind: "ballot", proposal: id, member, choice, deadline, signature });
}

async function submitEnding(kind) {
  await relay({ kind, number: Number(document.getElementById("vote").dataset.proposal) });
}

// A form as an action: fields by name, a dot for what is inside another. A number is in a unit of its own, or in the
// one that is chosen beside it.
function numberIn(field) {
  const unit = field.parentElement.querySelector("[data-scales]");
  return Math.round(Number(field.value) * Number(unit?.value ?? field.dataset.scale ?? 1));
}

function action(form) {
  const made = { kind: form.dataset.propose };
  for (const field of form.querySelectorAll("[name]")) {
    const [name, inner] = field.name.split(".");
    let value = field.value.trim();
    if (field.type === "checkbox" && "digest" in field.dataset) value = (field.checked ? value : "").padEnd(64, "0");
    else if (field.type === "checkbox") value = (made[name] ?? 0) + (field.checked ? Number(value) : 0);
    else if (field.type === "number" || "number" in field.dataset) value = numberIn(field);
    else if ("word" in field.dataset) value = toHex(value).slice(2).padEnd(64, "0");
    else if ("digest" in field.dataset) value = value.padEnd(64, "0");
    if (inner) made[name] = { ...made[name], [inner]: value };
    else made[name] = value;
  }
  return made;
}

async function propose(form) {
  const member = session.address;
  const wanted = action(form);
  if (wanted.roles === 0) throw failure("refused", form.dataset.noRole);
  const draft = await send("/proposals/typed-data.json", { member, action: wanted });
  const { typed_data: typed, proposal, nonce, deadline } = draft;
  const content = { ...shownOf(wanted), proposer: member, nonce };
  requireShown(typed, { ...form.dataset, kind: wanted.kind }, "Proposal", { deadline }, content);
  await ready(typed);
  const signature = await sign(typed, await requireNext(wallet, form.dataset.contract, member, { nonce, deadline }));
  await relay({ kind: "proposal", nonce, member, action: draft.action, deadline, signature });
  location.assign(`/proposals/${await numberOf(proposal)}`);
}

// One thing at a time; whatever goes wrong is shown.
let busy = false;

async function run(work, button) {
  if (busy) return;
  busy = true;
  button?.setAttribute("disabled", "");
  try {
    await work();
  } catch (error) {
    if (error instanceof Failure) say(error.word, error.more);
    else say("failed", String(error));
  } finally {
    busy = false;
    button?.removeAttribute("disabled");
  }
}

const DO = { "sign-in": signIn, "sign-out": signOut, close: () => finish("close"), execute: () => finish("execute") };

async function finish(kind) {
  await submitEnding(kind);
  say("done");
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-do], [data-vote]");
  if (!button) return;
  const { do: what, vote } = button.dataset;
  run(vote ? () => cast(vote).then(() => say("done")) : DO[what], button);
});

// Forms of desk.js by what marks them; a form without a mark, as the search, is the browser's.
const forms = { propose };

document.addEventListener("submit", (event) => {
  const act = Object.keys(forms).find((mark) => mark in event.target.dataset);
  if (!act) return;
  event.preventDefault();
  run(() => forms[act](event.target), event.submitter);
});

if (document.querySelector("[data-hand-in], [data-check-job], [data-approve-job], [data-report-file], [data-merge]")) {
  const page = { say, send, relay, request, ready, numberOf, session: () => session, wallet: () => wallet };
  import("./desk.js").then((desk) => Object.assign(forms, desk.begin(page)));
}

for (const show of [showAbilities, showMissing, showWaiting]) document.addEventListener("refreshed", show);

if (document.body.dataset.session) localStorage.setItem(SESSION, document.body.dataset.session);

if (Number(localStorage.getItem(SESSION)) * 1000 > Date.now()) {
  send("/session.json").then((now) => showSession(now.member ? now : null), () => localStorage.removeItem(SESSION));
}
