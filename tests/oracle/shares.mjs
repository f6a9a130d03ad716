// Rules by shares, and updates that are clipped (docs/spec/round.md, "Shares", "Clipping"): from distances of vectors.
const WHOLE = 1n << 16n;

const big = (vectors) => vectors.map((vector) => vector.map(BigInt));
const square = (values) => values.reduce((sum, value) => sum + value * value, 0n);
const sum = (values) => values.reduce((all, value) => all + value, 0n);
const ascending = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/** The largest integer whose square is at most n: by bisection. */
function root(n) {
  let [low, high] = [0n, n + 1n];
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    if (middle * middle <= n) low = middle;
    else high = middle;
  }
  return low;
}

/** The square root of wanted / actual as a part of 2^16, rounded down, and at most the whole. */
const part = (wanted, actual) => (actual <= wanted ? WHOLE : root((wanted * (1n << 32n)) / actual));

/** The squared distance of each update from the mean by shares, times the square of their sum. */
function ways(updates, summed, shares) {
  const whole = sum(shares);
  const mean = summed[0].map((_, i) => summed.reduce((all, one, k) => all + shares[k] * one[i], 0n));
  return updates.map((update) => square(update.map((value, i) => whole * value - mean[i])));
}

function multiKrum(updates, f) {
  const n = updates.length;
  const scores = updates.map((update, k) => {
    const others = updates.filter((_, j) => j !== k);
    const distances = others.map((other) => square(update.map((value, i) => value - other[i]))).sort(ascending);
    return { k, score: sum(distances.slice(0, n - f - 2)) };
  });
  const kept = scores.sort((a, b) => ascending(a.score, b.score) || a.k - b.k).slice(0, n - f);
  return updates.map((_, k) => (kept.some((one) => one.k === k) ? WHOLE : 0n));
}

function geometricMedian(updates) {
  let shares = null;
  for (let step = 0; step < 5; step += 1) {
    const found = shares === null ? updates.map(square) : ways(updates, updates, shares);
    const median = [...found].sort(ascending)[(found.length - 1) >> 1];
    shares = found.map((way) => part(median, 256n * way));
  }
  return shares;
}

function centredClipping(updates, centre, radius) {
  const whole = BigInt(updates.length) * WHOLE;
  let shares = updates.map(() => 0n);
  for (let step = 0; step < 3; step += 1) {
    const found = ways(updates, [...updates, centre], [...shares, whole - sum(shares)]);
    const factors = found.map((way) => part((whole * radius) ** 2n, way));
    shares = shares.map((share, k) => (share * (whole - sum(factors))) / whole + factors[k]);
  }
  return [...shares, whole - sum(shares)];
}

/** What each update counts, and last the centre, where the rule has one. */
export function sharesOf({ rule, updates, centre }) {
  const [vectors, [from]] = [big(updates), big([centre])];
  const found = {
    multi_krum: () => multiKrum(vectors, rule.f),
    geometric_median: () => geometricMedian(vectors),
    centred_clipping: () => centredClipping(vectors, from, BigInt(rule.radius)),
  }[rule.rule]();
  return found.map(Number);
}

/** What an update is multiplied by, out of 2^16, and what is left of it. */
export function clipping({ values, max_norm: norm }) {
  const [vector] = big([values]);
  const factor = part(BigInt(norm) ** 2n, square(vector));
  return { factor: Number(factor), clipped: vector.map((value) => Number((value * factor) / WHOLE)) };
}
