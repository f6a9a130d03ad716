// Models and updates as files (docs/spec/artifact.md): the header is made and compared, never interpreted.
import { ascii, hex, join, same } from "./bytes.js";
import { LEAF } from "./merkle.js";
import { CHUNK } from "./content.js";

const ROOM = 512;
const ROWS = '"rows":"', DATA = '"data":"', PLATFORM = '"platform":"';
const MAX_ROWS = 2 ** 32 - 1;

// JSON of ASCII names and values, members sorted.
function encode(value) {
  if (Array.isArray(value)) return `[${value.map(encode).join(",")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${encode(value[name])}`).join(",")}}`;
}

// Where each tensor's values stand. `tensors` are the job's, names ascending: {name, shape}.
export class Layout {
  constructor(tensors) {
    this.entries = new Map();
    this.values = 0;
    for (const { name, shape } of tensors) {
      const start = this.values;
      this.values += shape.reduce((product, size) => product * size, 1);
      this.entries.set(name, { data_offsets: [4 * start, 4 * this.values], dtype: "I32", shape });
    }
    this.members = [...this.entries].map(([name, entry]) => [name, `${JSON.stringify(name)}:${encode(entry)}`]);
    const table = `{${this.members.map(([, text]) => text).join(",")}}`;
    this.headerSize = Math.ceil((8 + table.length + ROOM) / LEAF) * LEAF;
    this.size = this.headerSize + 4 * this.values;
    this.blocks = Math.ceil(this.size / CHUNK);
  }

  // The one header that an artifact with this binding has; null where it is too long.
  header(binding) {
    const metadata = ["__metadata__", `"__metadata__":${encode(binding)}`];
    return this.padded([metadata, ...this.members].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, text]) => text));
  }

  padded(members) {
    const text = ascii(`{${members.join(",")}}`);
    if (text.length > this.headerSize - 8) return null;
    const whole = new Uint8Array(this.headerSize).fill(0x20);
    new DataView(whole.buffer).setBigUint64(0, BigInt(this.headerSize - 8), true);
    whole.set(text, 8);
    return whole;
  }

  // The bytes of the file that are in its block number `at`: [start, stop) of the file. A header may fill several.
  bounds(at) {
    return [at * CHUNK, Math.min(this.size, (at + 1) * CHUNK)];
  }
}

// What a header says that only its party knows, from where the one form has it; null where that is in no form.
function saidOfUpdate(layout, data, binding) {
  const text = new TextDecoder("latin1").decode(data);
  const blank = { ...binding, rows: "1", data: hex(new Uint8Array(32)) };
  const forms = [{ ...blank, platform: hex(new Uint8Array(32)) }, blank];
  const places = forms.map((form) => {
    const made = layout.header(form);
    return made && new TextDecoder("latin1").decode(made);
  });
  if (!places[0] || !places[1]) return null;
  const there = places[0].indexOf(PLATFORM);
  const platform = text.startsWith(PLATFORM, there) && /^[0-9a-f]{64}/.exec(text.slice(there + PLATFORM.length));
  const form = platform ? places[0] : places[1];
  const root = /^[0-9a-f]{64}/.exec(text.slice(form.indexOf(DATA) + DATA.length));
  const rows = /^([1-9][0-9]{0,9})"/.exec(text.slice(form.indexOf(ROWS) + ROWS.length, form.indexOf(ROWS) + ROWS.length + 11));
  if (!root || !rows || Number(rows[1]) > MAX_ROWS) return null;
  return { ...binding, rows: rows[1], data: root[0], ...(platform && { platform: platform[0] }) };
}

// Whether `data` begins with the right header of an update with this binding, whatever its party alone knows.
export function isUpdateHeader(layout, data, binding) {
  const head = data.subarray(0, layout.headerSize);
  const whole = saidOfUpdate(layout, head, binding);
  const right = whole && layout.header(whole);
  return right !== null && right !== undefined && same(right, head);
}

// What binds an artifact of a round: every value is text.
export function bindingOf(kind, { chain, ledger, job, round }, base, party) {
  const binding = { format: "fedledger/1", kind, chain: String(chain), contract: ledger, job: String(job), round: String(round), base };
  return party ? { ...binding, party } : binding;
}

export function initialBinding() {
  return { format: "fedledger/1", kind: "initial" };
}

// The Int32 values in a block of a file, behind `skip` bytes of header.
export function valuesIn(block, skip) {
  const size = block.length - skip;
  if (size % 4 === 0 && (block.byteOffset + skip) % 4 === 0) return new Int32Array(block.buffer, block.byteOffset + skip, size / 4);
  return new Int32Array(join(block.subarray(skip)).buffer);
}
