// secp256k1: signatures checked in one equation, with keys and with y of each signature's point given (docs/spec/bundle.md,
// "Signatures"). s·R = z·G + r·Q for all of them follows, but for one chance in 2^128, from the sum of all equations, each
// times a coefficient that a hash over all signatures makes.
import { sha256 } from "../sha256.js";

const P = 2n ** 256n - 2n ** 32n - 977n;
export const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const G = {
  x: 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798n,
  y: 0x483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8n,
};
const ZERO = { x: 1n, y: 1n, z: 0n };

function mod(number, by = P) {
  const rest = number % by;
  return rest < 0n ? rest + by : rest;
}

export function isOnCurve(x, y) {
  return x < P && y < P && (y * y - x * x * x - 7n) % P === 0n;
}

// Jacobian coordinates: x / z², y / z³; z = 0 is infinity.
function double({ x, y, z }) {
  if (z === 0n || y === 0n) return ZERO;
  const yy = (y * y) % P, s = (4n * x * yy) % P, m = (3n * x * x) % P;
  const nextX = mod(m * m - 2n * s);
  return { x: nextX, y: mod(m * (s - nextX) - 8n * yy * yy), z: (2n * y * z) % P };
}

// Plus a point {x, y}.
function addAffine(left, { x, y }) {
  if (left.z === 0n) return { x, y, z: 1n };
  const zz = (left.z * left.z) % P, u = (x * zz) % P, s = (y * zz * left.z) % P;
  return joined(left, u - left.x, s - left.y, left.x, left.y, left.z);
}

function add(left, right) {
  if (left.z === 0n) return right;
  if (right.z === 0n) return left;
  const zz = (left.z * left.z) % P, ww = (right.z * right.z) % P;
  const u = (left.x * ww) % P, s = (left.y * ww * right.z) % P;
  const v = (right.x * zz) % P, t = (right.y * zz * left.z) % P;
  return joined(left, v - u, t - s, u, s, (left.z * right.z) % P);
}

function joined(left, difference, rise, u, s, z) {
  const h = mod(difference), r = mod(rise);
  if (h === 0n) return r === 0n ? double(left) : ZERO;
  const hh = (h * h) % P, hhh = (h * hh) % P, v = (u * hh) % P;
  const x = mod(r * r - hhh - 2n * v);
  return { x, y: mod(r * (v - x) - s * hhh), z: (z * h) % P };
}

// The sum of scalars times points (Pippenger): a bucket for each digit, a window at a time. Digits are signed, so that half
// as many buckets do; the buckets of a window are summed together.
function sumOf(scalars, points, bits) {
  const width = Math.max(2, Math.min(13, Math.floor(Math.log2(points.length + 1)) - 3));
  const windows = Math.ceil((bits + 1) / width), digits = scalars.map((scalar) => digitsOf(scalar, width, windows));
  let total = ZERO;
  for (let window = windows - 1; window >= 0; window--) {
    if (total.z) for (let k = 0; k < width; k++) total = double(total);
    const buckets = Array.from({ length: 1 + (1 << (width - 1)) }, () => []);
    points.forEach(({ x, y }, at) => {
      const digit = digits[at][window];
      if (digit) buckets[Math.abs(digit)].push(digit > 0 ? points[at] : { x, y: P - y });
    });
    const sums = sumsOf(buckets);
    let running = ZERO, sum = ZERO;
    for (let digit = sums.length - 1; digit > 0; digit--) {
      if (sums[digit]) running = addAffine(running, sums[digit]);
      sum = add(sum, running);
    }
    total = add(total, sum);
  }
  return total;
}

// A number as so many digits from -2^(width - 1) + 1 to 2^(width - 1), the lowest first.
function digitsOf(scalar, width, windows) {
  const digits = new Int16Array(windows), half = 1 << (width - 1);
  let rest = scalar, carry = 0;
  for (let window = 0; window < windows; window++) {
    const digit = Number(BigInt.asUintN(width, rest)) + carry;
    rest >>= BigInt(width);
    carry = digit > half ? 1 : 0;
    digits[window] = digit - (carry << width);
  }
  return digits;
}

// The sum of each list of points, undefined for infinity. Pairs are added, all of a round with one inversion.
function sumsOf(lists) {
  let left = lists;
  while (left.some(({ length }) => length > 1)) {
    const pairs = [], next = left.map(() => []);
    left.forEach((list, at) => {
      for (let i = 0; i + 1 < list.length; i += 2) {
        const [{ x, y }, other] = [list[i], list[i + 1]];
        if (x !== other.x) pairs.push({ at, x, y, far: other.x, rise: other.y - y, run: other.x - x });
        else if (y === other.y) pairs.push({ at, x, y, far: x, rise: 3n * x * x, run: 2n * y });
      }
      if (list.length % 2) next[at].push(list.at(-1));
    });
    const inverse = inverses(pairs.map(({ run }) => run), P);
    pairs.forEach(({ at, x, y, far, rise }, place) => {
      const slope = (rise * inverse[place]) % P, nextX = mod(slope * slope - x - far);
      next[at].push({ x: nextX, y: mod(slope * (x - nextX) - y) });
    });
    left = next;
  }
  return left.map(([point]) => point);
}

// 1 / each number, with one inversion for all.
function inverses(numbers, by) {
  const before = [];
  let product = 1n;
  for (const number of numbers) {
    before.push(product);
    product = (product * number) % by;
  }
  let inverse = invert(product, by);
  for (let at = numbers.length - 1; at >= 0; at--) {
    before[at] = (before[at] * inverse) % by;
    inverse = (inverse * numbers[at]) % by;
  }
  return before;
}

function invert(number, by) {
  let [a, b, x, y] = [mod(number, by), by, 1n, 0n];
  while (b) {
    const quotient = a / b;
    [a, b, x, y] = [b, a - quotient * b, y, x - quotient * y];
  }
  return mod(x, by);
}

// Whether a signature {z, r, s, y, parity} can be one at all: r is x of its point R, y that point's y.
function isShaped({ r, s, y, parity }) {
  const bounded = r > 0n && r < ORDER && s > 0n && s <= ORDER / 2n;
  return bounded && (parity === 0n || parity === 1n) && (y & 1n) === parity && isOnCurve(r, y);
}

// Numbers below 2^128 that nobody can choose: hashes of all signatures and a place.
function factorsOf(signatures) {
  const words = new DataView(new ArrayBuffer(160 * signatures.length));
  signatures.forEach(({ z, r, s, y, key }, at) => {
    [z, r, s, y, BigInt(key)].forEach((number, place) => {
      for (let k = 0; k < 4; k++) words.setBigUint64(160 * at + 32 * place + 8 * k, BigInt.asUintN(64, number >> BigInt(192 - 64 * k)));
    });
  });
  const seed = new Uint8Array(40), place = new DataView(seed.buffer);
  seed.set(sha256(new Uint8Array(words.buffer)));
  return signatures.map((_, at) => {
    place.setBigUint64(32, BigInt(at));
    const half = new DataView(sha256(seed).buffer);
    return (half.getBigUint64(0) << 64n) | half.getBigUint64(8);
  });
}

function holds(signatures, keys) {
  const factors = factorsOf(signatures);
  const inverse = inverses(signatures.map(({ s }) => s), ORDER);
  const ofKeys = new Map([[-1, 0n]]);
  signatures.forEach(({ z, r, key }, at) => {
    const w = (factors[at] * inverse[at]) % ORDER;
    ofKeys.set(-1, (ofKeys.get(-1) + w * z) % ORDER);
    ofKeys.set(key, ((ofKeys.get(key) ?? 0n) + w * r) % ORDER);
  });
  const points = signatures.map(({ r, y }) => ({ x: r, y: P - y }));
  const owners = [...ofKeys.keys()].map((key) => (key < 0 ? G : keys[key]));
  return add(sumOf(factors, points, 128), sumOf([...ofKeys.values()], owners, 256)).z === 0n;
}

// The place of the first signature that is none; -1 where all are. `keys` are points; a signature names one by `key`.
export function firstBad(signatures, keys) {
  const shaped = signatures.findIndex((one) => !isShaped(one));
  const good = shaped < 0 ? signatures : signatures.slice(0, shaped);
  const bad = good.length && !holds(good, keys) ? search(good, keys) : -1;
  return bad < 0 ? shaped : bad;
}

function search(signatures, keys) {
  let low = 0, high = signatures.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (holds(signatures.slice(low, middle), keys)) low = middle;
    else high = middle;
  }
  return low;
}
