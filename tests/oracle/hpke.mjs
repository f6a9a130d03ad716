// X25519 (RFC 7748), and HPKE (RFC 9180), base mode, of one message: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
// ChaCha20-Poly1305.
import { createDecipheriv, createHmac, createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto';

const bytes = (digits) => Buffer.from(digits, 'hex');
const text = (word) => Buffer.from(word, 'ascii');
const two = (number) => Buffer.of(number >> 8, number & 255);

const privateKey = (key) => createPrivateKey({
  key: Buffer.concat([bytes('302e020100300506032b656e04220420'), key]), format: 'der', type: 'pkcs8',
});
const publicKey = (point) => createPublicKey({
  key: Buffer.concat([bytes('302a300506032b656e032100'), point]), format: 'der', type: 'spki',
});
/** The public point of a private key. */
export const pointOf = (key) => createPublicKey(privateKey(key)).export({ format: 'der', type: 'spki' }).subarray(-32);

/** What a private key and a point agree on; null for a point of low order. */
export function agree(key, point) {
  try {
    return diffieHellman({ privateKey: privateKey(key), publicKey: publicKey(point) });
  } catch {
    return null;
  }
}

const hmac = (key, ...parts) => parts.reduce((mac, part) => mac.update(part), createHmac('sha256', key)).digest();
const extract = (suite, salt, label, data) => hmac(salt, text('HPKE-v1'), suite, text(label), data);
function expand(suite, key, label, info, length) {
  const whole = Buffer.concat([two(length), text('HPKE-v1'), suite, text(label), info]);
  return hmac(key, whole, Buffer.of(1)).subarray(0, length);
}

/** What was sealed to a private key's point: the sender's point, ciphertext, tag. Null where it does not open. */
export function unsealed(key, packet, info) {
  const [sender, sealed, tag] = [packet.subarray(0, 32), packet.subarray(32, -16), packet.subarray(-16)];
  const kem = Buffer.concat([text('KEM'), two(0x20)]);
  const suite = Buffer.concat([text('HPKE'), two(0x20), two(1), two(3)]);
  const none = Buffer.alloc(0);
  const shares = agree(key, sender);
  if (shares === null) return null;
  const agreed = extract(kem, none, 'eae_prk', shares);
  const shared = expand(kem, agreed, 'shared_secret', Buffer.concat([sender, pointOf(key)]), 32);
  const context = Buffer.concat([
    Buffer.of(0), extract(suite, none, 'psk_id_hash', none), extract(suite, none, 'info_hash', info),
  ]);
  const secret = extract(suite, shared, 'secret', none);
  const nonce = expand(suite, secret, 'base_nonce', context, 12);
  const cipher = createDecipheriv('chacha20-poly1305', expand(suite, secret, 'key', context, 32), nonce, { authTagLength: 16 });
  cipher.setAuthTag(tag);
  try {
    return Buffer.concat([cipher.update(sealed), cipher.final()]);
  } catch {
    return null;
  }
}
