// Sealed updates, their roots and their slips (docs/spec/seals.md).
import { createCipheriv, createDecipheriv, createHash, hkdfSync } from 'node:crypto';
import { unsealed } from './hpke.mjs';

const BLOCK = 1 << 20;
const HEAD = 104;
const bytes = (digits) => Buffer.from(digits, 'hex');
const text = (word) => Buffer.from(word, 'ascii');
const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
const big = (value, size) => bytes(BigInt(value).toString(16).padStart(2 * size, '0'));

const packed = ({ chain, ledger, job, round, party }) => Buffer.concat(
  [big(chain, 8), big(ledger, 20), big(job, 4), big(round, 4), big(party, 20)],
);

function derived(name, key, use) {
  const info = Buffer.concat([text(`fedledger/seal/1 ${use}`), packed(name)]);
  return Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), info, 32));
}

export const sealDerived = ({ name, key, use }) => derived(name, bytes(key), use).toString('hex');

/** The artifact of `size` bytes in a sealed file; null where the file is refused. */
export function sealOpened({ name, key, file, size }) {
  const [data, secret] = [bytes(file), bytes(key)];
  const chunks = Math.ceil((size + HEAD) / (BLOCK - 16));
  const head = Buffer.concat([text('fedledger/seal/1'), packed(name), derived(name, secret, 'commitment')]);
  if (!data.subarray(0, HEAD).equals(head) || data.length !== size + HEAD + 16 * chunks) return null;
  const parts = [];
  for (let k = 0; k < chunks; k += 1) {
    const chunk = data.subarray(k === 0 ? HEAD : k * BLOCK, (k + 1) * BLOCK);
    const nonce = Buffer.concat([big(k, 11), Buffer.of(k === chunks - 1 ? 1 : 0)]);
    const cipher = createDecipheriv('aes-256-gcm', derived(name, secret, 'chunks'), nonce, { authTagLength: 16 });
    cipher.setAAD(head).setAuthTag(chunk.subarray(-16));
    try {
      parts.push(cipher.update(chunk.subarray(0, -16)), cipher.final());
    } catch {
      return null;
    }
  }
  return Buffer.concat(parts).toString('hex');
}

const saltOf = (key, leaf) => createCipheriv('aes-256-ecb', key, null).setAutoPadding(false).update(big(leaf, 16));

export const sealSalt = ({ name, key, leaf }) => saltOf(derived(name, bytes(key), 'leaves'), leaf).toString('hex');

/** The salted root of a stream: RFC 6962 over leaves behind their salts. */
export function sealRoot({ name, key, data }) {
  const [stream, salts] = [bytes(data), derived(name, bytes(key), 'leaves')];
  const hashes = [];
  for (let at = 0; at < stream.length; at += 1024) {
    hashes.push(sha256(Buffer.of(0), saltOf(salts, at / 1024), stream.subarray(at, at + 1024)));
  }
  const over = (some) => {
    if (some.length === 1) return some[0];
    let half = 1;
    while (2 * half < some.length) half *= 2;
    return sha256(Buffer.of(1), over(some.slice(0, half)), over(some.slice(half)));
  };
  return over(hashes).toString('hex');
}

/** The content key in a reader's slip; null where there is none that opens. */
export function sealSlip({ reader, point, slips }) {
  const data = bytes(slips);
  const count = data.readUInt16BE(136);
  if (!data.subarray(0, 16).equals(text('fedledger/slip/1')) || data.length !== 138 + 112 * count + 65) return null;
  const entries = Array.from({ length: count }, (_, k) => data.subarray(138 + 112 * k, 138 + 112 * (k + 1)));
  const entry = entries.find((one) => one.subarray(0, 32).toString('hex') === point);
  const info = Buffer.concat([text('fedledger slip/1'), data.subarray(16, 136)]);
  const key = entry && unsealed(bytes(reader), entry.subarray(32), info);
  return key ? key.toString('hex') : null;
}
