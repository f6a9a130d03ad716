// Bytes as Uint8Array: hexadecimal, joining, comparing, big-endian integers.

const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
export const NOTHING = new Uint8Array(32);

export function hex(bytes) {
  let text = "";
  for (const byte of bytes) text += DIGITS[byte];
  return text;
}

// Throws for anything but pairs of hexadecimal digits, lower case.
export function unhex(text) {
  if (text.length % 2 || !/^[0-9a-f]*$/.test(text)) throw new Malformed("not hexadecimal digits");
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at++) bytes[at] = Number.parseInt(text.slice(2 * at, 2 * at + 2), 16);
  return bytes;
}

export function join(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function same(left, right) {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at++) if (left[at] !== right[at]) return false;
  return true;
}

export function ascii(text) {
  return new TextEncoder().encode(text);
}

// A natural number, BigInt or not, as so many bytes, big-endian.
export function big(number, size) {
  const bytes = new Uint8Array(size);
  let rest = BigInt(number);
  for (let at = size - 1; at >= 0; at--) {
    bytes[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

export function integer(bytes) {
  return bytes.length ? BigInt(`0x${hex(bytes)}`) : 0n;
}

// What was read is not in its form: the fault of its author.
export class Malformed extends Error {}
