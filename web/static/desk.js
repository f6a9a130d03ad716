// What a member does here besides voting: hands in files that were signed elsewhere, and proposes and approves jobs by
// transactions of its own key, which nobody can relay. Loaded by wallet.js where a page has a form for it.

import { askJob, failure } from "./signing.js";

// RoundLedger's functions, by the first four bytes of their signatures' hashes.
const PROPOSE = "a9e4ab22";
const APPROVE = "152c30d8";
const LARGEST_SIGNED = 16 << 10;
const LARGEST_FILE = 1 << 20;
const LARGEST_PROFILES = 3 << 20;

let page = null;
let checked = null;

export function begin(its) {
  page = its;
  document.addEventListener("change", ({ target }) => {
    if (target.files?.length && "reportFile" in target.dataset) takeReport(target).catch((error) => refuse(target, error));
  });
  return { handIn, checkJob, proposeJob, approveJob, merge };
}

async function sha256(bytes, unable) {
  if (!globalThis.crypto?.subtle) throw failure("refused", unable);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function contentOf(form, most) {
  const [file] = form.elements.file.files;
  if (file.size > most) throw failure("refused", form.dataset.large);
  return new Uint8Array(await file.arrayBuffer());
}

async function handIn(form) {
  const text = new TextDecoder().decode(await contentOf(form, LARGEST_SIGNED));
  const result = form.querySelector("[data-result]");
  result.replaceChildren();
  let body = null;
  try {
    body = JSON.parse(text);
  } catch {
    throw failure("refused", form.dataset.malformed);
  }
  const { proposal } = await page.relay(body);
  const number = await page.numberOf(proposal);
  page.say("done");
  const link = document.createElement("a");
  link.href = `/proposals/${number}`;
  link.textContent = link.href;
  result.append(link);
}

// The server reads the document in words; a refusal is shown in the same place.
async function checkJob(form) {
  const content = await contentOf(form, LARGEST_FILE);
  const fresh = await read("/jobs/check", content);
  form.parentElement.querySelector("[data-checked]").replaceChildren(...fresh.parts("checked"));
  checked = fresh.ok ? content : null;
  page.say("");
}

// What the server says of a body, in words: the part of that name, or why it was refused.
async function read(path, body) {
  const headers = { "Content-Type": "application/json", Accept: "text/html" };
  const response = await fetch(path, { method: "POST", headers, body }).catch(() => {
    throw failure("away");
  });
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  const refusal = () => [...fresh.querySelectorAll("main > :not(h1)")];
  return { ok: response.ok, parts: (name) => (response.ok ? [fresh.getElementById(name)] : refusal()) };
}

// Profiles side by side; the draft is a file that this page makes, and the server keeps nothing.
async function merge(form) {
  const files = [...form.elements.profiles.files];
  if (files.length < 2 || files.length > 10) throw failure("refused", form.dataset.few);
  if (files.reduce((sum, { size }) => sum + size, 0) > LARGEST_PROFILES) throw failure("refused", form.dataset.large);
  const profiles = await Promise.all(files.map((file) => file.text()));
  const choices = { drop: [], accept: [], category: [] };
  for (const { name, value } of form.elements) {
    if (name && name !== "profiles" && value) choices[name] = name === "rounds" ? Number(value) : value.trim();
  }
  for (const { value, dataset } of form.querySelectorAll("[data-choice]")) {
    if (value) choices[value].push(dataset.choice);
  }
  const fresh = await read("/jobs/draft", JSON.stringify({ profiles, choices }));
  const place = form.querySelector("[data-merged]");
  place.replaceChildren(...fresh.parts("merged"));
  const text = place.querySelector("[data-draft-text]");
  if (text) place.querySelector("[data-draft-link]").href = URL.createObjectURL(new Blob([text.textContent]));
  page.say("");
}

async function transact(chain, to, data) {
  await page.ready({ domain: { chainId: chain } });
  const chainId = "0x" + Number(chain).toString(16); // a wallet that has left the chain meanwhile sends nothing
  await page.request("eth_sendTransaction", [{ from: page.session().address, to, data, value: "0x0", chainId }]);
  page.say("sent");
}

// Waits until what was sent shows in a document of this server; that it cannot be asked now takes nothing back.
async function until(path, found) {
  for (let waited = 0; waited < 240; waited++) {
    const now = await page.send(path).catch(() => null);
    const value = now && found(now);
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw failure("slow");
}

// The data must be of the very file that was read: the digest in it is computed here.
async function proposeJob(form) {
  const { file, call, chain, contract, differs, unable } = form.closest("#checked").dataset;
  const digest = checked && (await sha256(checked, unable));
  if (file !== digest || call.slice(0, 74) !== `0x${PROPOSE}${digest}`) throw failure("refused", differs);
  const { jobs: before } = await page.send("/jobs.json");
  const last = Math.max(0, ...before.map(({ job }) => job));
  await transact(chain, contract, call);
  const made = await until("/jobs.json", ({ jobs }) => jobs.find((one) => one.digest === digest && one.job > last));
  location.assign(`/jobs/${made.job}`);
}

// What approves is made here, of what the page shows; the wallet's own node is asked whether it has the same job. The
// form follows the ledger, and most of what its reader has read does not: after a reorganisation it may be of another.
async function approveJob(form) {
  const { approveJob: number, digest, chain, contract, other, again } = form.dataset;
  if (document.querySelector("[data-read-job]").dataset.readJob !== digest) throw failure("refused", again);
  const word = Number(number).toString(16).padStart(64, "0");
  await page.ready({ domain: { chainId: chain } });
  const known = await askJob(page.wallet(), contract, word);
  if (known === null) page.say("unasked");
  else if (known !== digest) throw failure("refused", other);
  await transact(chain, contract, `0x${APPROVE}${word}${digest}`);
  const { index } = page.session().member;
  await until(`/jobs/${number}.json`, ({ approvals }) => approvals.some((one) => one.index === index));
  page.say("done");
}

// A report that is not in the list, by its file: only its digest is named.
async function takeReport(input) {
  const form = input.form;
  const [file] = input.files;
  if (file.size > LARGEST_FILE) throw failure("refused", input.dataset.wrong);
  const content = new Uint8Array(await file.arrayBuffer());
  const report = JSON.parse(new TextDecoder().decode(content));
  const { job, round, root } = form.elements;
  const same = report.job === Number(job.value) && report.round === Number(round.value) && report.root === root.value;
  if (!same) throw failure("refused", input.dataset.wrong);
  const digest = await sha256(content, input.dataset.unable);
  const text = `${input.dataset.from} ${file.name.slice(0, 60)} (${digest.slice(0, 12)}…)`;
  form.elements.report.add(new Option(text, digest, true, true));
}

function refuse(input, error) {
  input.value = "";
  page.say("refused", error.more ?? input.dataset.wrong);
}
