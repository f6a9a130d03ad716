// Which kind of file of ours some bytes begin, where that is not a bundle: the one who chose it hears where it belongs.
// Nothing is checked by this, and nothing believed. ledger/files/kinds.py says the same for commands, in this order; what it
// does not know is NETWORK, KEYSTORE and tables, which the page's reader could have meant.

const HEAD = 4096;
const TAG = /^[\t-\r ]*\{[^]*?"fedledger"[\t-\r ]*:[\t-\r ]*"([a-z-]{1,30})\/\d{1,3}"/;
const TAGS = ["evidence", "report", "job", "evaluation", "edge-receipt", "child-proof", "verdict"];
const HEADS = [
  ["conviction", /^[\u00c0-\u00ff][^]{0,8}?\u008cconviction\/1/],
  ["", /^[^]{1,9}?\u00a2eroots[^]*?gversion\u0001/],
  ["page", /^[\t-\r ]*<(?:!doctype[\t-\r ]+)?html\b/i],
  ["model", /^[^]{4}\u0000{4}\{"/],
  ["export", /^[\t-\r ]*\{[^]*?"(?:payloadType|dsseEnvelope|bomFormat|prov:label)"/],
  ["network", /^(?:[\t-\r ]*#[^\n]*\n)*[\t-\r ]*fedledger[\t-\r ]*=[\t-\r ]*["']network\//],
  ["keystore", /^[\t-\r ]*\{[^]*?"crypto"[\t-\r ]*:/i],
];

// The file that a reader gave as a bundle is another kind of file; `code` has words on the page.
export class OtherKind extends Error {
  constructor(kind) {
    super(`this is not a bundle: ${kind}`);
    this.code = `kind_${kind}`;
  }
}

// The kind of a file whose first bytes these are, each a character; "" for a bundle, and for what is not known.
export function kindOf(head, name = "") {
  const tag = TAG.exec(head)?.[1];
  const found = TAGS.includes(tag) ? tag : HEADS.find(([, pattern]) => pattern.test(head))?.[0];
  return found ?? (/\.(csv|tsv|xlsx?|parquet)$/i.test(name) ? "table" : "");
}

// Throws OtherKind where a file is of one that is known.
export async function requireBundle(file) {
  const head = Array.from(new Uint8Array(await file.slice(0, HEAD).arrayBuffer()), (byte) => String.fromCharCode(byte)).join("");
  const kind = kindOf(head, file.name);
  if (kind) throw new OtherKind(kind);
}
