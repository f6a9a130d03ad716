// Draws what workers say: progress, verdict, findings. Every text is set as text, and nothing else.

const MB = 1e6;
const MARKS = { VERIFIED: "verified", REFUTED: "refuted", DIFFERS: "refuted" };
// What is said of bytes alone, where no signature was checked: neither verified, nor anybody's lie.
const UNSIGNED = { VERIFIED: "RECOMPUTED", REFUTED: "DIFFERS" };
const ROLES = ["participant", "aggregator", "scorer"];
const LONGEST = 50; // findings that are drawn; the saved verdict has all

function element(name, text = "", attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

function decimal(number) {
  return number.toLocaleString("en", { maximumSignificantDigits: number < 1 ? 1 : 3 });
}

function sizeOf(bytes) {
  return bytes < MB ? `${decimal(bytes / 1e3)} kB` : `${decimal(bytes / MB)} MB`;
}

export class Drawing {
  constructor(root, words) {
    this.root = root;
    this.words = words;
    this.last = null;
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  say(key, values = {}) {
    return fill(this.words[key] ?? key, values);
  }

  start() {
    this.find("#outcome").hidden = true;
    this.find("#doing").textContent = this.say("reading");
    const bar = this.find("#progress");
    bar.hidden = false;
    bar.removeAttribute("value");
  }

  progress({ done, size, signatures }) {
    this.find("#progress").value = size ? Math.min(1, done / size) : 0;
    this.find("#doing").textContent = signatures !== undefined
      ? this.say("replaying", { n: signatures })
      : this.say("done", { done: decimal(done / MB), size: decimal(size / MB) });
  }

  stop(text = "") {
    this.find("#progress").hidden = true;
    this.find("#doing").textContent = text;
  }

  // What kept it from an answer: an error, with a code where there are words for it.
  fail({ message, code }) {
    this.stop(code in this.words ? this.say(code) : `${this.say("failed")} ${message}`);
  }

  show(answer) {
    this.last = answer;
    this.stop();
    const { findings } = answer, verdict = answer.checked.SIGNATURES ? answer.verdict : (UNSIGNED[answer.verdict] ?? answer.verdict);
    const word = this.find("#verdict"), first = this.say(verdict).indexOf(verdict);
    word.replaceChildren(element("span", verdict, { class: `mark ${MARKS[verdict] ?? ""}` }));
    word.append(` ${this.say(verdict).slice(first < 0 ? 0 : verdict.length + 2)}`);
    this.find("#scope").textContent = answer.scope ?? "";
    this.find("#scope-ends").hidden = !answer.scope;
    this.find("#checked").replaceChildren(...this.checked(answer).map((text) => element("li", text)));
    this.showIdentity(answer);
    this.find("#findings tbody").replaceChildren(...findings.slice(0, LONGEST).map((one) => this.row(one)));
    this.find("#findings").parentElement.hidden = !findings.length;
    const none = this.find("#no-findings");
    none.hidden = findings.length > 0 && findings.length <= LONGEST;
    none.textContent = findings.length ? this.say("longer", { shown: LONGEST, all: findings.length }) : this.say("no_findings");
    this.offer(answer.text);
    const section = this.find("#outcome");
    section.hidden = false;
    section.focus();
  }

  // In another language.
  speak(words) {
    this.words = words;
    this.root.ownerDocument.querySelectorAll("[data-word]").forEach((one) => (one.textContent = words[one.dataset.word]));
    if (this.last) this.show(this.last);
  }

  checked({ checked, bytes, seconds, hashedBy }) {
    const said = [
      bytes ? this.say("bytes", { size: sizeOf(bytes), seconds: decimal(seconds), by: hashedBy }) : this.say("no_bytes"),
      checked.SIGNATURES ? this.say("signatures", { n: checked.SIGNATURES }) : this.say("no_signatures"),
    ];
    const counts = ["REPLAY", "JOB", "ADMISSION", "AGGREGATE", "CONVICTION"].filter((check) => checked[check]);
    return [...said, ...counts.map((check) => this.say(check, { n: checked[check] }))];
  }

  // Whose bundle it is, which only a network file from elsewhere can vouch for: a bundle could name founders of its own.
  showIdentity({ chain, ledger, founding, founders, compared }) {
    const part = this.find("#identity"), line = this.find("#compared");
    part.hidden = line.hidden = !founding;
    if (!founding) return;
    const what = compared?.differs.map((name) => this.say(`other_${name}`)).join(this.say("and"));
    line.textContent = compared ? this.say(what ? "differs" : "compared", { name: compared.name, what }) : this.say("not_compared");
    line.className = compared && !what ? "answer yes" : "caution";
    const said = [["chain.id", chain], ["contracts.ledger", ledger], ["founding.hash", `0x${founding}`]];
    const facts = said.flatMap(([name, value]) => [element("dt", name), this.exact("dd", [value])]);
    part.querySelector("dl").replaceChildren(...facts);
    part.querySelector("tbody").replaceChildren(...founders.map(({ key, roles, name }, at) => this.founder(name || this.say("member", { number: at }), key, roles)));
  }

  founder(name, key, roles) {
    const row = document.createElement("tr"), held = ROLES.filter((_, bit) => roles & (1 << bit)).map((role) => this.say(role));
    row.append(element("th", name, { scope: "row" }), element("td", "", { "data-label": this.say("key") }), this.cell("roles", held.join(this.say("and"))));
    row.children[1].append(element("code", key, { class: "whole" }));
    return row;
  }

  // An element with exact texts, each on a line of its own, keys behind the names that a network file has for them.
  exact(name, texts, attributes = {}) {
    const made = element(name, "", attributes), names = new Map(this.last.founders?.map((one) => [one.key, one.name]));
    texts.forEach((text, at) => {
      if (at) made.append(document.createElement("br"));
      if (names.get(text)) made.append(`${names.get(text)} `);
      made.append(element("code", text, { class: "whole" }));
    });
    return made;
  }

  row(one) {
    const caught = one.check === "CAUGHT";
    const part = caught ? (one.code === "VERDICT" ? "ADMISSION" : ["ROOT", "CID", "CARRIED"].includes(one.code) ? "AGGREGATE" : "CONVICTION") : one.check;
    const what = this.say(`${part}_${one.code}`, { value: one.value });
    const file = one.check === "BUNDLE" ? "of_file" : "";
    const where = one.attempt ? "place" : one.round ? "of_round" : one.job ? "of_job" : file;
    const row = document.createElement("tr");
    row.dataset.code = `${one.check} ${one.code}`;
    row.append(
      element("th", caught ? `${this.say("caught")} ${what}` : what, { scope: "row" }),
      this.cell("where", where ? this.say(where, one) : "–"),
      this.cell("who", one.who, true), this.cell("expected", [one.expected], true), this.cell("actual", [one.actual], true),
    );
    return row;
  }

  // A cell with words, or with exact texts: a dash where there is none.
  cell(key, said, exact = false) {
    const label = { "data-label": this.say(key) };
    if (!exact) return element("td", said, label);
    return said.some((text) => text) ? this.exact("td", said, label) : element("td", "–", label);
  }

  offer(text) {
    const link = this.find("#download");
    link.hidden = !text;
    if (link.href) URL.revokeObjectURL(link.href);
    if (text) link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  }
}
