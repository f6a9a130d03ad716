// Follows the ledger: when the server reports a change, this page is requested again and the parts marked data-live are
// replaced. Without this file every page is complete; it only gets old.
"use strict";

const FOCUSABLE = "a[href], button, [tabindex]";

// What the reader opened stays open.
function keepOpen(part, next) {
  const fresh = next.querySelectorAll("details");
  part.querySelectorAll("details").forEach((one, at) => fresh[at]?.toggleAttribute("open", one.open));
}

function replace(part, next) {
  const at = [...part.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement);
  for (const { name, value } of next.attributes) part.setAttribute(name, value);
  part.replaceChildren(...next.childNodes);
  if (at >= 0) part.querySelectorAll(FOCUSABLE)[at]?.focus();
}

// A part as the server sent it: without what marks.js added.
function served(part) {
  const bare = part.cloneNode(true);
  bare.querySelectorAll("button.copy").forEach((one) => one.remove());
  bare.querySelectorAll("time[title]").forEach((one) => one.removeAttribute("title"));
  return bare.outerHTML;
}

function banner(fresh) {
  const old = document.querySelector(".down[role=status]");
  const next = fresh.querySelector(".down[role=status]");
  if (old && !next) old.remove();
  if (!old && next) document.getElementById("content").prepend(next);
  return !old !== !next;
}

// What a part is about: its own heading, else that of the section around it, else its label.
function title(part) {
  const heading = part.querySelector("h1, h2, h3") ?? part.closest("section")?.querySelector("h1, h2, h3");
  return heading?.firstChild?.textContent.trim() || part.getAttribute("aria-label");
}

function tell(parts) {
  const status = document.getElementById("live-status");
  const titles = [...new Set(parts.map(title).filter(Boolean))];
  const what = titles.length ? `${status.dataset.parts} ${titles.join(status.dataset.comma)}` : status.dataset.text;
  status.textContent = `${what} ${new Date().toLocaleTimeString()}`;
}

async function refresh() {
  const response = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  document.body.dataset.serial = fresh.body.dataset.serial;
  const changed = [];
  const turned = banner(fresh);
  for (const part of document.querySelectorAll("[data-live][id]")) {
    const next = fresh.getElementById(part.id);
    if (next) keepOpen(part, next);
    if (!next || next.outerHTML === served(part)) continue;
    replace(part, next);
    if (part.id !== "pulse") changed.push(part);
  }
  document.dispatchEvent(new Event("refreshed"));
  if (changed.length || turned) tell(changed);
}

let due = 0;

function follow(event) {
  if (String(JSON.parse(event.data).serial) === document.body.dataset.serial) return;
  clearTimeout(due);
  due = setTimeout(() => refresh().catch(() => {}), 300);
}

// What cannot be had yet is asked for again, ever more slowly, and shown once it is there.
function again(wait) {
  setTimeout(async () => {
    const response = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
    if (response && response.status !== 503) location.reload();
    else again(Math.min(wait * 2, 60_000));
  }, wait);
}

for (const part of document.querySelectorAll("[data-retrying]")) {
  part.hidden = false;
  again(2_000);
}

// On paper all is open, and it says when and from where it was printed.
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("[data-printed]")) {
    part.textContent = `${part.dataset.printed} ${new Date().toISOString()} · ${location.href}`;
  }
  for (const one of document.querySelectorAll("main details:not(.term, [open])")) {
    one.dataset.closed = "";
    one.open = true;
  }
});
addEventListener("afterprint", () => {
  for (const one of document.querySelectorAll("details[data-closed]")) {
    delete one.dataset.closed;
    one.open = false;
  }
});

const { problem, still } = document.body.dataset;
if (problem === undefined && still === undefined) new EventSource("/events").addEventListener("change", follow);
