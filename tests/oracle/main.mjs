// A second reading of the specification. Each line of input is a request in JSON, each line of output its response.
import { createInterface } from 'node:readline';
import { header, root } from './artifact.mjs';
import { compressed } from './compressed.mjs';
import { isDocument, isName, isText, memberName, shownDigest } from './grammar.mjs';
import { certificates, haveDigest, pushDigest } from './haves.mjs';
import { founding, head, leaf, treeRoot } from './head.mjs';
import {
  maskGroups, maskGroupSeed, maskListed, maskOpened, maskPacket, maskPair, maskPoint, maskRebuild, maskSetup, maskSums,
  maskUpdate, maskWords,
} from './masks.mjs';
import { claimOf, commitment, domain, openedDigest, opening, verdict, weightedMean, witness } from './rounds.mjs';
import { holdsOut, rowsRoot } from './rows.mjs';
import { sealDerived, sealOpened, sealRoot, sealSalt, sealSlip } from './seals.mjs';
import { clipping, sharesOf } from './shares.mjs';

const bytes = (digits) => Buffer.from(digits, 'hex');
const CALLS = {
  name: ({ text }) => isName(text),
  text: ({ text }) => isText(text),
  member: ({ words }) => memberName(bytes(words)),
  document: ({ data }) => isDocument(bytes(data)),
  shown: () => shownDigest(),
  header: ({ binding, tensors }) => header(binding, tensors).toString('hex'),
  root: ({ data }) => root(bytes(data)).toString('hex'),
  verdict: (asked) => verdict({ ...asked, registered: bytes(asked.root), file: bytes(asked.file) }),
  compressed,
  weighted_mean: ({ weights, updates }) => weightedMean(weights, updates),
  shares: sharesOf,
  clipping,
  have: (asked) => haveDigest(asked),
  push: (asked) => pushDigest(asked),
  receipts: ({ data, roll }) => certificates(bytes(data), roll),
  opened: (asked) => openedDigest(asked),
  claim_of: ({ place, aggregate }) => claimOf(place, aggregate),
  witness: (asked) => witness(asked),
  domain: ({ place }) => domain(place),
  commitment: ({ place, opening: said }) => commitment(place, said),
  opening: ({ opening: said }) => opening(said),
  founding: ({ said }) => founding(said).toString('hex'),
  leaf: ({ said }) => leaf(said).toString('hex'),
  tree_root: ({ leaves }) => treeRoot(leaves.map(bytes)).toString('hex'),
  holds_out: ({ draw, leaf: one }) => holdsOut(draw, one),
  rows_root: (asked) => rowsRoot(asked),
  mask_words: maskWords,
  mask_point: maskPoint,
  mask_pair: maskPair,
  mask_update: maskUpdate,
  mask_sums: maskSums,
  mask_opened: maskOpened,
  mask_rebuild: maskRebuild,
  mask_setup: maskSetup,
  mask_listed: maskListed,
  mask_packet: maskPacket,
  mask_group_seed: maskGroupSeed,
  mask_groups: maskGroups,
  seal_derived: sealDerived,
  seal_opened: sealOpened,
  seal_salt: sealSalt,
  seal_root: sealRoot,
  seal_slip: sealSlip,
  head: ({ events, root: over }) => head(events, bytes(over)).toString('hex'),
};

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(CALLS[asked.call](asked))}\n`);
}
