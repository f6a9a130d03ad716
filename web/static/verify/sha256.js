// SHA-256 (FIPS 180-4) in plain JavaScript: for 1 KiB leaves faster than WebCrypto, which takes a promise for each, and
// there where a page has no secure context, and so no WebCrypto.

const SECURE = typeof crypto !== "undefined" && crypto.subtle !== undefined;
const WORTH = 1 << 16; // bytes from which on WebCrypto is asked
const FRACTIONS = fractions();
const ROUNDS = FRACTIONS.cubes;
const START = FRACTIONS.squares;
const words = new Int32Array(64);
const state = new Int32Array(8);
const tail = new Uint8Array(128);

// Which code hashes blocks here: "WebCrypto" or "JavaScript".
export const HASHED_BY = SECURE ? "WebCrypto" : "JavaScript";

// The first 32 bits of the fractions of the roots of the first primes, by integers alone.
function fractions() {
  const primes = [];
  for (let number = 2; primes.length < 64; number++) if (primes.every((prime) => number % prime)) primes.push(number);
  const part = (prime, power) => Number(BigInt.asIntN(32, root(BigInt(prime) << BigInt(32 * power), BigInt(power))));
  return {
    cubes: Int32Array.from(primes, (prime) => part(prime, 3)),
    squares: Int32Array.from(primes.slice(0, 8), (prime) => part(prime, 2)),
  };
}

function root(number, power) {
  let low = 0n, high = 1n << 40n;
  while (low + 1n < high) {
    const middle = (low + high) >> 1n;
    if (middle ** power <= number) low = middle;
    else high = middle;
  }
  return low;
}

function compress(data, start) {
  const w = words, k = ROUNDS;
  for (let i = 0, at = start; i < 16; i++, at += 4) {
    w[i] = (data[at] << 24) | (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3];
  }
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15], y = w[i - 2];
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
  }
  let a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + (g ^ (e & (f ^ g))) + k[i] + w[i]) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) | (c & (a | b)))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
  state[5] += f;
  state[6] += g;
  state[7] += h;
}

// Hash `data[start..stop)` into `out` at `place`.
function digestInto(data, start, stop, out, place) {
  state.set(START);
  let at = start;
  for (; at + 64 <= stop; at += 64) compress(data, at);
  const left = stop - at, size = stop - start, end = left < 56 ? 64 : 128;
  tail.fill(0);
  tail.set(data.subarray(at, stop));
  tail[left] = 0x80;
  const bits = size * 8, high = Math.floor(bits / 2 ** 32);
  for (let i = 0; i < 4; i++) {
    tail[end - 1 - i] = bits >>> (8 * i);
    tail[end - 5 - i] = high >>> (8 * i);
  }
  compress(tail, 0);
  if (end === 128) compress(tail, 64);
  for (let i = 0; i < 8; i++) {
    out[place + 4 * i] = state[i] >>> 24;
    out[place + 4 * i + 1] = state[i] >>> 16;
    out[place + 4 * i + 2] = state[i] >>> 8;
    out[place + 4 * i + 3] = state[i];
  }
}

export function sha256(data) {
  const out = new Uint8Array(32);
  digestInto(data, 0, data.length, out, 0);
  return out;
}

// The same of a long block, by WebCrypto where the page has it.
export async function digestOf(block) {
  if (!SECURE || block.length < WORTH) return sha256(block);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", block));
}

// The hashes of consecutive pieces of `size` bytes, the last one shorter, each behind one byte of prefix; joined.
export function prefixedHashes(data, size, prefix) {
  const out = new Uint8Array(32 * Math.ceil(data.length / size));
  const scratch = new Uint8Array(size + 1);
  scratch[0] = prefix;
  for (let start = 0, place = 0; start < data.length; start += size, place += 32) {
    const stop = Math.min(start + size, data.length);
    scratch.set(data.subarray(start, stop), 1);
    digestInto(scratch, 0, 1 + stop - start, out, place);
  }
  return out;
}
