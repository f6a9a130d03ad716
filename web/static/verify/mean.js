// The exact mean of a block of values (docs/spec/round.md, "Aggregation"). A sum of products w·q is kept as two numbers,
// hi · 2^16 + lo, with hi = Σ w·(q >> 16) and lo = Σ w·(q & 0xffff). With at most 255 updates and weights below 2^24
// both are below 2^48, so a double holds them exactly, and so it does every step of the one division.
import { Malformed } from "./bytes.js";

export const WEIGHTED_MEAN = 0;
export const MEDIAN = 1;
export const TRIMMED_MEAN = 2;
const SLICE = 4096;
const MAX = 2 ** 31 - 1, MIN = -(2 ** 31);
const hi = new Float64Array(SLICE), lo = new Float64Array(SLICE);

if (new Uint8Array(new Uint32Array([1]).buffer)[0] !== 1) throw new Error("this machine does not keep numbers little-endian");

// A value of the next model does not fit into int32: there is no next model.
export class Saturated extends Error {}

// The next model's values: base plus the mean of the updates, rounded half away from zero. All are Int32Array of one
// length. Throws Saturated.
export function nextModel(rule, trim, weights, updates, base) {
  const few = updates.length > 0 && updates.length <= 255, light = weights.every((weight) => weight < 2 ** 24);
  if (!few || !light) throw new Malformed("a mean is of 1 to 255 updates of weights below 2^24");
  const model = new Int32Array(base.length);
  for (let start = 0; start < base.length; start += SLICE) {
    const stop = Math.min(start + SLICE, base.length);
    const divisor = sum(rule, trim, weights, updates, start, stop);
    divide(model, base, start, stop, divisor);
  }
  return model;
}

function whole(weights) {
  return weights.reduce((sum, weight) => sum + weight, 0);
}

function fitting(value) {
  if (value > MAX || value < MIN) throw new Saturated("the next model does not fit into int32");
  return value;
}

// Fill `hi` and `lo` with the sums of values `start` to `stop`; what they are divided by.
function sum(rule, trim, weights, updates, start, stop) {
  hi.fill(0);
  lo.fill(0);
  if (rule === WEIGHTED_MEAN) {
    updates.forEach((update, k) => addWeighted(update, weights[k], start, stop));
    return whole(weights);
  }
  const cut = rule === MEDIAN ? Math.floor((updates.length - 1) / 2) : trim;
  if (rule !== MEDIAN && rule !== TRIMMED_MEAN) throw new Malformed("an unknown rule");
  if (updates.length <= 2 * cut) throw new Malformed("nothing is left after trimming");
  addMiddle(updates, cut, start, stop);
  return updates.length - 2 * cut;
}

function addWeighted(update, weight, start, stop) {
  for (let i = start, at = 0; i < stop; i++, at++) {
    const q = update[i];
    hi[at] += weight * (q >> 16);
    lo[at] += weight * (q & 0xffff);
  }
}

// Sums of what is left without the `cut` lowest and the `cut` highest.
function addMiddle(updates, cut, start, stop) {
  const sorted = new Int32Array(updates.length), last = updates.length - cut;
  for (let i = start, at = 0; i < stop; i++, at++) {
    for (let k = 0; k < updates.length; k++) {
      const q = updates[k][i];
      let place = k;
      for (; place > 0 && sorted[place - 1] > q; place--) sorted[place] = sorted[place - 1];
      sorted[place] = q;
    }
    let total = 0;
    for (let k = cut; k < last; k++) total += sorted[k];
    hi[at] = Math.floor(total / 65536);
    lo[at] = total - hi[at] * 65536;
  }
}

// floor(sum / divisor) in two steps. Each quotient is of a number below 2^50 by one of less than 2^32, and the two
// times each other stay below 2^52, so that the double nearest to the quotient has the right whole part.
function divide(model, base, start, stop, divisor) {
  for (let i = start, at = 0; i < stop; i++, at++) {
    const high = Math.floor(hi[at] / divisor);
    const middle = (hi[at] - high * divisor) * 65536 + lo[at];
    const low = Math.floor(middle / divisor);
    const twice = 2 * (middle - low * divisor), quotient = high * 65536 + low;
    const value = base[i] + quotient + (twice > divisor || (twice === divisor && quotient >= 0) ? 1 : 0);
    model[i] = fitting(value);
  }
}
