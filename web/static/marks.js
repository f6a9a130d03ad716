// Adds to what a page has already: a button beside each hash that copies all of it, and how long ago each time was.
// Without this file a hash can be selected whole, and times are in UTC.
"use strict";

const { copy, copied } = document.getElementById("search").dataset;
const STEPS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const ago = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });

function addCopies() {
  for (const one of document.querySelectorAll("code.hash")) {
    const beside = one.closest("a") ?? one;
    if (beside.nextElementSibling?.classList.contains("copy")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.title = copy;
    button.setAttribute("aria-label", `${copy} ${one.textContent.slice(0, 10)}`);
    beside.after(button);
  }
}

function sayAgo() {
  for (const one of document.querySelectorAll("time[datetime]")) {
    const at = new Date(one.dateTime);
    const passed = Math.round((at - Date.now()) / 1000);
    const [unit, seconds] = STEPS.find(([, size]) => Math.abs(passed) >= size) ?? ["second", 1];
    one.title = `${ago.format(Math.round(passed / seconds), unit)} · ${at.toLocaleString()}`;
  }
}

function mark() {
  addCopies();
  sayAgo();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("button.copy");
  if (!button) return;
  const text = button.previousElementSibling?.textContent ?? "";
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    return; // no clipboard without https: the hash can be selected
  }
  button.classList.add("done");
  button.title = copied;
  setTimeout(() => { button.classList.remove("done"); button.title = copy; }, 1500);
});
document.addEventListener("refreshed", mark);
mark();
setInterval(sayAgo, 60000);
