// Masked updates, round keys, shares and set-up files (docs/spec/masks.md).
import { createCipheriv, createHash, hkdfSync } from 'node:crypto';
import { agree, pointOf, unsealed } from './hpke.mjs';

const P = 2n ** 255n - 19n;
const WRAP = 2n ** 64n;
const HEAD = 120;
const bytes = (digits) => Buffer.from(digits, 'hex');
const text = (word) => Buffer.from(word, 'ascii');
const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
const big = (value, size) => bytes(BigInt(value).toString(16).padStart(2 * size, '0'));
const fromLittle = (data) => BigInt(`0x${Buffer.from(data).reverse().toString('hex')}`);
const little = (number) => big(number, 32).reverse();
const mod = (number, by = P) => ((number % by) + by) % by;

/** `count` words of a seed's stream from word `start` on. */
function stream(seed, start, count) {
  const at = BigInt(start) * 8n;
  const cipher = createCipheriv('aes-256-ctr', seed, big(at / 16n, 16));
  const skip = Number(at % 16n);
  const data = cipher.update(Buffer.alloc(skip + 8 * count)).subarray(skip);
  return Array.from({ length: count }, (_, k) => data.readBigUInt64LE(8 * k));
}

export const maskWords = ({ seed, start, count }) => pack(stream(bytes(seed), start, count));

function pack(words) {
  const data = Buffer.alloc(8 * words.length);
  words.forEach((word, k) => data.writeBigUInt64LE(mod(word, WRAP), 8 * k));
  return data.toString('hex');
}

/** Whether 32 bytes are a point in its one form, and not of low order. */
function isPoint(point) {
  return point.length === 32 && fromLittle(point) < P && agree(sha256(text('any key')), point) !== null;
}

export const maskPoint = ({ point }) => isPoint(bytes(point));

/** How the contracts hash which round it is: four words. */
const roundWords = ({ chain, ledger, job, round }) => Buffer.concat(
  [big(chain, 32), big(BigInt(ledger), 32), big(job, 32), big(round, 32)],
);

function pairSeed(place, one, key, other, point) {
  const [low, high] = one < other ? [one, other] : [other, one];
  const info = Buffer.concat([text('fedledger mask/1'), roundWords(place), Buffer.of(low, high)]);
  return Buffer.from(hkdfSync('sha256', agree(key, point), Buffer.alloc(0), info, 32));
}

export const maskPair = ({ place, one, key, other, point }) => (
  pairSeed(place, one, bytes(key), other, bytes(point)).toString('hex')
);

/** A member's masked words. `points` has the point of everyone in the cast, by index. */
export function maskUpdate({ place, member, key, seed, points, weight, values }) {
  let sums = stream(bytes(seed), 0, values.length).map((word, k) => word + BigInt(weight) * BigInt(values[k]));
  for (const other of Object.keys(points).map(Number).filter((index) => index !== member)) {
    const sign = other > member ? 1n : -1n;
    const words = stream(pairSeed(place, member, bytes(key), other, bytes(points[other])), 0, values.length);
    sums = sums.map((sum, k) => sum + sign * words[k]);
  }
  return pack(sums);
}

/** The sums of masked updates without their masks: decimal text. `keys` are of those whose updates are not in it. */
export function maskSums({ place, points, updates, seeds, keys }) {
  const count = Object.values(updates)[0].length / 16;
  let sums = Array(count).fill(0n);
  for (const [member, words] of Object.entries(updates)) {
    const data = bytes(words);
    const own = stream(bytes(seeds[member]), 0, count);
    sums = sums.map((sum, k) => sum + data.readBigUInt64LE(8 * k) - own[k]);
    for (const [other, key] of Object.entries(keys)) {
      const seed = pairSeed(place, Number(other), bytes(key), Number(member), bytes(points[member]));
      const sign = Number(other) > Number(member) ? -1n : 1n;
      sums = stream(seed, 0, count).map((word, k) => sums[k] + sign * word);
    }
  }
  return sums.map((sum) => BigInt.asIntN(64, sum).toString());
}

/** What opening one update shows: its integers times its weight. */
export function maskOpened({ place, member, key, seed, points, words }) {
  const data = bytes(words);
  const count = data.length / 8;
  const blank = bytes(maskUpdate({ place, member, key, seed, points, weight: 0, values: Array(count).fill(0) }));
  return Array.from({ length: count }, (_, k) => (
    BigInt.asIntN(64, data.readBigUInt64LE(8 * k) - blank.readBigUInt64LE(8 * k)).toString()
  ));
}

function inverse(number) {
  let [result, base, power] = [1n, mod(number), P - 2n];
  for (; power; power >>= 1n) {
    if (power & 1n) result = result * base % P;
    base = base * base % P;
  }
  return result;
}

/** The secret of shares by holder: interpolation at 0, where a holder's point is its index plus 1. */
export function maskRebuild({ shares }) {
  const points = Object.entries(shares).map(([holder, share]) => [BigInt(holder) + 1n, fromLittle(bytes(share))]);
  let secret = 0n;
  for (const [x, y] of points) {
    const others = points.filter(([other]) => other !== x);
    const part = others.reduce((product, [other]) => mod(product * other * inverse(other - x)), y);
    secret = mod(secret + part);
  }
  return little(secret).toString('hex');
}

/** The first 120 bytes of a set-up file. `segment` has the mask keys of its members by index. */
function head({ chain, ledger, job, number, rounds, threshold, keys }, member) {
  const members = Object.keys(keys).map(Number).sort((a, b) => a - b);
  const roster = members.reduce((bits, index) => bits | (1n << BigInt(index)), 0n);
  const digest = sha256(...members.flatMap((index) => [Buffer.of(index), bytes(keys[index])]));
  return Buffer.concat([
    text('fedledger/mask/1'), big(chain, 8), bytes(ledger.slice(2)), big(job, 4), big(number, 4), big(rounds, 2),
    Buffer.of(member, threshold), big(roster, 32), digest,
  ]);
}

function digest(place, kind, dealer, holder, secret) {
  return sha256(text('fedledger/mask/1'), roundWords(place), Buffer.of(kind, dealer, holder), secret).toString('hex');
}

const placeOf = ({ chain, ledger, job, number, rounds }, at) => ({ chain, ledger, job, round: (number - 1) * rounds + at + 1 });

/** A set-up file, taken apart; null where it breaks its form. */
export function maskSetup({ segment, member, file }) {
  const data = bytes(file);
  const members = Object.keys(segment.keys).map(Number).sort((a, b) => a - b);
  const packet = 64 * segment.rounds + 48;
  const size = HEAD + segment.rounds * 64 * (1 + members.length) + members.length * packet;
  if (!(member in segment.keys) || !data.subarray(0, HEAD).equals(head(segment, member)) || data.length !== size) return null;
  let at = HEAD;
  const cut = (length) => data.subarray(at, at += length);
  const rounds = [];
  for (let k = 0; k < segment.rounds; k += 1) {
    const point = cut(32);
    if (!isPoint(point) || rounds.some((one) => one.point === point.toString('hex'))) return null;
    const seed = cut(32).toString('hex');
    const [key_shares, seed_shares] = [0, 1].map(() => Object.fromEntries(members.map((m) => [m, cut(32).toString('hex')])));
    rounds.push({ point: point.toString('hex'), seed, key_shares, seed_shares });
  }
  const packets = Object.fromEntries(members.map((m) => [m, cut(packet).toString('hex')]));
  return { digest: sha256(data).toString('hex'), rounds, packets };
}

/** Whether what a set-up file lists of a round is what its author's secrets and shares have. */
export function maskListed({ segment, member, at, key, seed, listed, shares }) {
  const place = placeOf(segment, at);
  const fits = (kind, list, name) => Object.entries(shares).every(
    ([holder, one]) => list[holder] === digest(place, kind, member, Number(holder), bytes(one[name])),
  );
  return pointOf(bytes(key)).toString('hex') === listed.point
    && digest(place, 2, member, member, bytes(seed)) === listed.seed
    && fits(0, listed.key_shares, 'key') && fits(1, listed.seed_shares, 'seed');
}

/** The shares in a packet, for each round; null where it does not open. */
export function maskPacket({ segment, member, holder, key, packet }) {
  const info = Buffer.concat([text('fedledger packet/1'), head(segment, member), Buffer.of(holder)]);
  const plain = unsealed(bytes(key), bytes(packet), info);
  return plain && plain.toString('hex').match(/.{128}/g).map((pair) => ({ key: pair.slice(0, 64), seed: pair.slice(64) }));
}

/** Numbers below a limit, drawn by a seed (docs/spec/scores.md, "Draws"). */
function* words(seed) {
  for (let block = 0; ; block += 1) {
    const data = sha256(seed, big(block, 8));
    for (let at = 0; at < 32; at += 8) yield data.readBigUInt64BE(at);
  }
}

function below(drawn, limit) {
  const whole = (WRAP / limit) * limit;
  for (;;) {
    const word = drawn.next().value;
    if (word < whole) return Number(word % limit);
  }
}

/** The seed of a cast's groups; `points` has the points of each member's rounds, by index. */
export function maskGroupSeed({ place: { chain, ledger, job }, segment, points }) {
  const said = Object.keys(points).map(Number).sort((a, b) => a - b)
    .map((index) => Buffer.concat([Buffer.of(index), ...points[index].map(bytes)]));
  const place = [big(chain, 8), big(BigInt(ledger), 20), big(job, 4), big(segment, 4)];
  return sha256(text('fedledger groups/1'), ...place, ...said).toString('hex');
}

/** The groups that members are dealt to, each ascending. */
export function maskGroups({ seed, members, most, smallest }) {
  const order = [...members].sort((a, b) => a - b);
  const drawn = words(bytes(seed));
  for (let place = order.length - 1; place > 0; place -= 1) {
    const other = below(drawn, BigInt(place + 1));
    [order[place], order[other]] = [order[other], order[place]];
  }
  const count = Math.max(1, Math.min(most, Math.floor(order.length / Math.max(3, smallest))));
  return Array.from({ length: count }, (_, number) => (
    order.filter((_member, at) => at % count === number).sort((a, b) => a - b)
  ));
}
