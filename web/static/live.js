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

async function refresh() {
  const response = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  document.body.dataset.serial = fresh.body.dataset.serial;
  let changed = banner(fresh);
  for (const part of document.querySelectorAll("[data-live][id]")) {
    const next = fresh.getElementById(part.id);
    if (next) keepOpen(part, next);
    if (!next || next.outerHTML === served(part)) continue;
    changed = changed || part.id !== "pulse";
    replace(part, next);
  }
  document.dispatchEvent(new Event("refreshed"));
  const status = document.getElementById("live-status");
  if (changed) status.textContent = `${status.dataset.text} ${new Date().toLocaleTimeString()}`;
}

let due = 0;

function follow(event) {
  if (String(JSON.parse(event.data).serial) === document.body.dataset.serial) return;
  clearTimeout(due);
  due = setTimeout(() => refresh().catch(() => {}), 300);
}

const { problem, still } = document.body.dataset;
if (problem === undefined && still === undefined) new EventSource("/events").addEventListener("change", follow);
