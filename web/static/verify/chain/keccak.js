// Keccak-256 as Ethereum uses it, and what hangs on it: EIP-55 addresses. Lanes are pairs of 32 bits, low and high.
import { ascii, hex } from "../bytes.js";

const RATE = 136;
const ROTATIONS = new Int32Array(24), PLACES = new Int32Array(24);
const CONSTANTS = new Int32Array(48);
prepare();

// The tables of FIPS 202, computed: rotations and places of rho and pi, constants of iota.
function prepare() {
  let x = 1, y = 0;
  for (let t = 0; t < 24; t++) {
    ROTATIONS[t] = (((t + 1) * (t + 2)) / 2) % 64;
    [x, y] = [y, (2 * x + 3 * y) % 5];
    PLACES[t] = 2 * (x + 5 * y);
  }
  let register = 1;
  for (let round = 0; round < 24; round++) {
    for (let j = 0; j < 7; j++) {
      const place = (1 << j) - 1;
      if (register & 1) CONSTANTS[2 * round + (place > 31 ? 1 : 0)] |= 1 << place % 32;
      register = (register << 1) ^ (register & 0x80 ? 0x171 : 0);
    }
  }
}

const c = new Int32Array(10);

// Keccak-f[1600] in place: each step of FIPS 202, of which rho and pi are one walk that carries a lane along.
function permute(s) {
  for (let round = 0; round < 48; round += 2) {
    for (let i = 0; i < 10; i++) c[i] = s[i] ^ s[i + 10] ^ s[i + 20] ^ s[i + 30] ^ s[i + 40];
    for (let x = 0; x < 10; x += 2) {
      const before = (x + 8) % 10, after = (x + 2) % 10, l = c[after], h = c[after + 1];
      const low = c[before] ^ ((l << 1) | (h >>> 31)), high = c[before + 1] ^ ((h << 1) | (l >>> 31));
      for (let y = x; y < 50; y += 10) {
        s[y] ^= low;
        s[y + 1] ^= high;
      }
    }
    let l = s[2], h = s[3];
    for (let t = 0; t < 24; t++) {
      const by = ROTATIONS[t] & 31, swap = ROTATIONS[t] > 31, first = swap ? h : l, second = swap ? l : h, at = PLACES[t];
      l = s[at];
      h = s[at + 1];
      s[at] = by ? (first << by) | (second >>> (32 - by)) : first;
      s[at + 1] = by ? (second << by) | (first >>> (32 - by)) : second;
    }
    for (let y = 0; y < 50; y += 10) {
      const a = s[y], b = s[y + 1], d = s[y + 2], e = s[y + 3];
      for (let x = y; x < y + 6; x++) s[x] ^= ~s[x + 2] & s[x + 4];
      s[y + 6] ^= ~s[y + 8] & a;
      s[y + 7] ^= ~s[y + 9] & b;
      s[y + 8] ^= ~a & d;
      s[y + 9] ^= ~b & e;
    }
    s[0] ^= CONSTANTS[round];
    s[1] ^= CONSTANTS[round + 1];
  }
}

export function keccak(data) {
  const s = new Int32Array(50);
  const padded = new Uint8Array((Math.floor(data.length / RATE) + 1) * RATE);
  padded.set(data);
  padded[data.length] ^= 0x01;
  padded[padded.length - 1] ^= 0x80;
  const lanes = new DataView(padded.buffer);
  for (let start = 0; start < padded.length; start += RATE) {
    for (let i = 0; i < RATE / 4; i++) s[i] ^= lanes.getInt32(start + 4 * i, true);
    permute(s);
  }
  const out = new DataView(new ArrayBuffer(32));
  for (let i = 0; i < 8; i++) out.setInt32(4 * i, s[i], true);
  return new Uint8Array(out.buffer);
}

// The one text form of a 20-byte address (EIP-55).
export function checksumAddress(address) {
  const digits = hex(address), marks = hex(keccak(ascii(digits)));
  return `0x${[...digits].map((digit, at) => ("89abcdef".includes(marks[at]) ? digit.toUpperCase() : digit)).join("")}`;
}
