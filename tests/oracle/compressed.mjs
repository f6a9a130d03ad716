// A compressed update's body (docs/spec/artifact.md, "A compressed update").

const product = (numbers) => numbers.reduce((all, number) => all * number, 1);

/** A tensor's integers out of its bytes, and whether what is behind an odd number of them is zero. */
function integers(bytes, count, bits) {
  if (bits === 8) return { found: [...bytes].map((byte) => (byte << 24) >> 24), clean: true };
  const halves = [...bytes].flatMap((byte) => [(byte << 28) >> 28, (byte << 24) >> 28]);
  return { found: halves.slice(0, count), clean: halves.slice(count).every((half) => half === 0) };
}

/** The values of a body, in the order of the table; null where it is refused. */
export function compressed({ tensors, bits, body: digits }) {
  const body = Buffer.from(digits, 'hex');
  const sizes = tensors.map(({ shape }) => product(shape));
  const bytes = sizes.map((size) => Math.ceil((size * bits) / 8));
  if (body.length !== sizes.length + bytes.reduce((sum, size) => sum + size, 0)) return null;
  const most = 2 ** (bits - 1) - 1;
  let at = sizes.length;
  const values = [];
  for (const [place, size] of sizes.entries()) {
    const shift = body[place];
    const { found, clean } = integers(body.subarray(at, at + bytes[place]), size, bits);
    at += bytes[place];
    const largest = Math.max(...found.map(Math.abs));
    if (shift > 32 - bits || !clean || largest > most || (shift > 0 && 2 * largest <= most)) return null;
    values.push(...found.map((one) => one * 2 ** shift));
  }
  return values;
}
