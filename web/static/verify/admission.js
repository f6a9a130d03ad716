// What an update's values are held to: their largest magnitude and their exact sum of squares.

const SLICE = 4096;
const SMALL = 2 ** 20; // SLICE squares of values up to this add up to at most 2^52

// The verdicts that a reader of bytes can come to (docs/spec/round.md, "Admission").
export const ADMITTED = 0;
export const HEADER = 1;
export const ROOT = 5;
export const WEIGHT = 6;
export const RANGE = 7;
export const NORM = 8;
export const UNAVAILABLE = 9;

// The largest magnitude of the values, and the sum of their squares, a BigInt.
export function survey(values) {
  let largest = 0, squares = 0n;
  for (let start = 0; start < values.length; start += SLICE) {
    const stop = Math.min(start + SLICE, values.length);
    let low = 0, high = 0;
    for (let i = start; i < stop; i++) {
      if (values[i] < low) low = values[i];
      if (values[i] > high) high = values[i];
    }
    const most = Math.max(high, -low);
    largest = Math.max(largest, most);
    squares += most <= SMALL ? squaresOfSmall(values, start, stop) : squaresOfAny(values, start, stop);
  }
  return { largest, squares };
}

function squaresOfSmall(values, start, stop) {
  let sum = 0;
  for (let i = start; i < stop; i++) sum += values[i] * values[i];
  return BigInt(sum);
}

// q = h · 2^16 + l, so q² = h² · 2^32 + 2·h·l · 2^16 + l²: each of the three sums is below 2^45.
function squaresOfAny(values, start, stop) {
  let highs = 0, across = 0, lows = 0;
  for (let i = start; i < stop; i++) {
    const h = values[i] >> 16, l = values[i] & 0xffff;
    highs += h * h;
    across += h * l;
    lows += l * l;
  }
  return (BigInt(highs) << 32n) + (BigInt(across) << 17n) + BigInt(lows);
}

// The verdict on an update, by what `limits` the job has and what its bytes were found to be, in the order of the rules.
export function verdictOf({ certified, weight, cap, header, root, largest, squares }, limits) {
  if (!certified) return UNAVAILABLE;
  if (weight < 1 || weight > cap) return WEIGHT;
  if (!header) return HEADER;
  if (!root) return ROOT;
  if (largest > limits.maxValue) return RANGE;
  return squares > limits.maxNorm * limits.maxNorm ? NORM : ADMITTED;
}
