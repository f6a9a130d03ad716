'use strict';

const assert = require('node:assert/strict');
const { ethers, network } = require('hardhat');
const { placeOf, voteTypes, proposalTypes, contentOf } = require('./contents');

const PARTICIPANT = 1;
const AGGREGATOR = 2;
const SCORER = 4;
const ALL = 7;
const Phase = {
  None: 0n, Collecting: 1n, Opening: 2n, Aggregating: 3n, Attesting: 4n, Finalised: 5n, Refuted: 6n, Abandoned: 7n,
};
const Reason = { TooFewUpdates: 1n, NoAggregate: 2n, NoQuorum: 3n, BaseConvicted: 4n };
const Form = { Agree: 0n, Other: 1n, Missing: 2n };
const TERMS = {
  rounds: 3, updateSeconds: 100, openSeconds: 40, aggregateSeconds: 50, attestSeconds: 80, attempts: 2,
  scoreSeconds: 0, revealSeconds: 0, scorers: 0, buffer: 0,
};
const MODEL = {
  initial: ethers.sha256(ethers.toUtf8Bytes('initial model')), values: 1000, rule: 0, trim: 0, minUpdates: 2,
  maxWeight: 1_000_000, maxValue: 1_000_000, maxNorm: 1_000_000_000,
  byValue: true,
};
const SCORED = { ...TERMS, scoreSeconds: 60, revealSeconds: 40, scorers: 2 };
const MASKING = {
  segment: 16, smallest: 3, threshold: 0, setUpSeconds: 16, setSeconds: 10, unmaskSeconds: 12, shareSeconds: 14,
};
const RULES = {
  majority: 5000, voteSeconds: 1000, delaySeconds: 100, executeSeconds: 500,
};
const ScoringPhase = { None: 0n, Committing: 1n, Revealing: 2n, Over: 3n, Settled: 4n, Void: 5n };
const LARGEST_SCORE = 1_000_000_000;
const Choice = { For: 1, Against: 2, Abstain: 3 };
const State = {
  None: 0n, Voting: 1n, Rejected: 2n, Waiting: 3n, Executable: 4n, Executed: 5n, Cancelled: 6n, Expired: 7n,
};
const Kind = {
  AdmitMember: 1n, RemoveMember: 2n, ChangeRoles: 3n, ChangeRules: 4n, CloseJob: 5n, Release: 6n, Revoke: 7n,
  RollBack: 8n, NameSuccessor: 9n, RewindJob: 10n,
};
const Refusal = {
  InvalidChoice: 1n, NotMember: 2n, NotInElectorate: 3n, AlreadyVoted: 4n, SignatureExpired: 5n,
  SignatureNotCanonical: 6n, WrongSigner: 7n,
};
const ZERO = ethers.ZeroHash;

/** A member's name in the ledger's two words. */
const nameOf = (text) => {
  const data = ethers.toUtf8Bytes(text);
  const words = ethers.concat([data, new Uint8Array(64 - data.length)]);
  return [ethers.dataSlice(words, 0, 32), ethers.dataSlice(words, 32)];
};
const namesOf = (members) => Array.from({ length: members }, (_, index) => nameOf(`member ${index}`));

/** A bitmap of members, and of all but some of so many. */
const bitmap = (...indices) => indices.reduce((sum, index) => sum | 1n << BigInt(index), 0n);
const allBut = (count, ...indices) => bitmap(...Array.from({ length: count }, (_, i) => i)) & ~bitmap(...indices);

/** Shares as `MaskBoard` takes them: [index, share] each. */
const sharesOf = (...pairs) => ethers.concat(pairs.map(([index, share]) => ethers.solidityPacked(['uint8', 'bytes32'], [index, share])));

const random = () => ethers.hexlify(ethers.randomBytes(32));
const encoded = (types, values) => ethers.AbiCoder.defaultAbiCoder().encode(types, values);
/** What the claim of an aggregate has of the updates: as of the block that the aggregate names. */
const openedOf = (ledger, job, { asOf }) => ledger.openedOf(job, { blockTag: Number(asOf) });
const claimOf = async (ledger, job, round, aggregate) =>
  ledger.claimOf(job, round, await openedOf(ledger, job, aggregate), aggregate);

/** The members' keys found a consortium with these roles. Contracts number 5 and 6 of the deployer, from now, are its Ballots
 * and its court. */
async function deploy(keys, roles, rules = RULES) {
  const [payer] = await ethers.getSigners();
  const nonce = await payer.getNonce();
  const [named, judge] = [4, 5].map((after) => ethers.getCreateAddress({ from: payer.address, nonce: nonce + after }));
  const consortium = await ethers.deployContract('Consortium', [keys, roles, namesOf(keys.length), named]);
  const ledger = await ethers.deployContract('RoundLedger', [await consortium.getAddress(), judge]);
  const scores = await ethers.deployContract('ScoreBoard', [await ledger.getAddress()]);
  const boards = await Promise.all([ledger, scores].map((contract) => contract.getAddress()));
  const releases = await ethers.deployContract('ReleaseBoard', boards);
  const addresses = await Promise.all([consortium, ledger, releases].map((contract) => contract.getAddress()));
  const ballots = await ethers.deployContract('Ballots', [...addresses, rules]);
  const court = await ethers.deployContract('AggregateCourt', [await ledger.getAddress()]);
  const masks = await ethers.deployContract('MaskBoard', [await ledger.getAddress()]);
  const budgets = await ethers.deployContract('BudgetBoard', [await ledger.getAddress()]);
  return { consortium, ledger, scores, releases, ballots, court, masks, budgets };
}

/** The first `roles.length` signers, or so many wallets, found a consortium; the rest are strangers. */
async function found(roles, rules = RULES) {
  const most = 40; // the other signers are strangers
  const signers = roles.length > most ? await wallets(roles.length) : await ethers.getSigners();
  const members = signers.slice(0, roles.length);
  const contracts = await deploy(members.map(({ address }) => address), roles, rules);
  const strangers = roles.length > most ? (await ethers.getSigners()).slice(1) : signers.slice(roles.length);
  return { members, strangers, ...contracts };
}

/** Mask keys of these members, and the next segment of job 1 opened by the first: it is all theirs to set up. */
async function openSegment(masks, keyed, segment = 1) {
  for (const member of keyed) await masks.connect(member).registerKey(random());
  return masks.connect(keyed[0]).openSegment(1, segment);
}

/** The cast of the segment that was opened, proposed by the first member once it may be, and fixed by a majority. */
async function fixCast(masks, members, cast, segment = 1) {
  const { agreement: { deadline, majority } } = await masks.segmentOf(1);
  await at(deadline + 1n);
  await masks.connect(members[0]).proposeCast(1, segment, cast);
  for (const member of members.slice(1, Number(majority))) await masks.connect(member).agreeCast(1, segment, cast);
}

/** A consortium whose job 1 is open; where there is `masking`, masked and with a first segment whose cast is everybody. */
async function openJob(roles, terms = TERMS, masking) {
  const world = await found(roles);
  const { ledger, consortium, members, masks } = world;
  const digest = random();
  await ledger.connect(members[0]).proposeJob(digest, terms, MODEL);
  if (masking) await masks.connect(members[0]).configure(1, masking);
  const majority = Number(await consortium.majority());
  for (const member of members.slice(1, majority)) await ledger.connect(member).approveJob(1, digest);
  if (masking) {
    await openSegment(masks, members);
    await fixCast(masks, members, allBut(members.length));
  }
  return { ...world, ledger: ledger.connect(members[0]) };
}

/** The same with so many scorers, its `members`; and, where there are more updates, participants besides: `parties`. */
async function openScored(scorers, updates, terms) {
  const roles = Array.from({ length: Math.max(scorers, updates) }, (_, i) => (i < scorers ? ALL : PARTICIPANT));
  const world = await openJob(roles, terms);
  return { ...world, parties: world.members, members: world.members.slice(0, scorers) };
}

const salted = () => ethers.dataSlice(random(), 16);
const anUpdate = ({ address }, changes = {}) =>
  ({ party: address, weight: 100, root: random(), cid: random(), salt: salted(), ...changes });

/** What `update`'s party commits to: docs/spec/commitments.md, from nothing of the contract's. */
function sealedOn(chainId, ledger, { party, weight, root, cid, salt }, round = 1, job = 1) {
  const kind = ethers.keccak256(ethers.toUtf8Bytes('fedledger/update/3'));
  const domain = ethers.keccak256(encoded(['bytes32', 'uint256', 'address', 'uint32', 'uint32'], [kind, chainId, ledger, job, round]));
  const types = ['bytes32', 'address', 'uint32', 'bytes32', 'bytes32', 'bytes16'];
  return ethers.dataSlice(ethers.keccak256(encoded(types, [domain, party, weight, root, cid, salt])), 0, 28);
}

/** The same of this test's own chain. */
async function sealed(ledger, update, round = 1, job = 1) {
  const { chainId } = await ethers.provider.getNetwork();
  return sealedOn(chainId, await ledger.getAddress(), update, round, job);
}

/** The party commits to `update`, which has its commitment from then on: the transaction. */
async function commit(ledger, party, update = anUpdate(party), round = 1, job = 1) {
  update.commitment = await sealed(ledger, update, round, job);
  return ledger.connect(party).commitUpdate(job, round, update.commitment);
}

/** Openings as the contract takes them. */
const openings = (...updates) => ethers.concat(updates.map(({ party, weight, root, cid, salt }) =>
  ethers.solidityPacked(['address', 'uint32', 'bytes32', 'bytes32', 'bytes16'], [party, weight, root, cid, salt])));

const reveal = (ledger, updates, round = 1, job = 1) => ledger.openUpdates(job, round, openings(...updates));

/** These parties commit to an update each, then all are opened, after the deadline where a participant is missing. */
async function registered(ledger, parties, round = 1, job = 1) {
  const updates = parties.map((party) => anUpdate(party));
  for (const [i, party] of parties.entries()) await commit(ledger, party, updates[i], round, job);
  if ((await phaseOf(ledger, job)) === Phase.Collecting) await at((await deadlineOf(ledger, job)) + 1n);
  for (let i = 0; i < updates.length; i += 60) await reveal(ledger, updates.slice(i, i + 60), round, job);
  return updates;
}

/** An aggregate that the ledger takes next in this job; `changes` replace parts of it. */
async function anAggregate(ledger, changes = {}, job = 1) {
  const { hash: anchor, number: asOf } = await ethers.provider.getBlock('latest');
  const { latest } = await ledger.courseOf(job);
  const base = latest ? await ledger.modelOf(job, latest) : (await ledger.modelTermsOf(job)).initial;
  const { opened } = await ledger.roundOf(job);
  return {
    base, root: random(), cid: random(), asOf, anchor, head: random(), receipts: random(), carried: random(),
    verdicts: `0x${'00'.repeat(Number(opened))}`, ...changes,
  };
}

/** With the claim that the ledger computes: that of its own openings. */
const publish = async (ledger, aggregator, aggregate, round = 1, job = 1) => {
  const claim = await ledger.claimOf(job, round, await ledger.openedOf(job), aggregate);
  return ledger.connect(aggregator).publishAggregate(job, round, aggregate, claim);
};

const agree = (ledger, member, claim, attempt = 1, round = 1, job = 1) =>
  ledger.connect(member).attest(job, round, attempt, Form.Agree, claim, random());

const oppose = (ledger, member, claim = random(), attempt = 1, round = 1, job = 1) =>
  ledger.connect(member).attest(job, round, attempt, Form.Other, claim, random());

/** Round 1 of job 1, opened by the first member, with everybody's update committed to. */
async function collected(roles = [ALL, ALL, ALL, ALL], terms = TERMS) {
  const world = await openJob(roles, terms);
  await world.ledger.connect(world.members[0]).openRound(1);
  const parties = world.members.filter((_, i) => roles[i] & PARTICIPANT);
  const updates = parties.map((party) => anUpdate(party));
  for (const [i, party] of parties.entries()) await commit(world.ledger, party, updates[i]);
  return { ...world, updates };
}

/** The same, with all of them open. */
async function opened(roles = [ALL, ALL, ALL, ALL], terms = TERMS) {
  const world = await collected(roles, terms);
  await reveal(world.ledger, world.updates);
  return world;
}

/** The same, with an aggregate published by the first member, and what it claims. */
async function published(roles = [ALL, ALL, ALL, ALL], terms = TERMS, root = random()) {
  const world = await opened(roles, terms);
  const aggregate = await anAggregate(world.ledger, { root });
  await publish(world.ledger, world.members[0], aggregate);
  return { ...world, aggregate, claim: await claimOf(world.ledger, 1, 1, aggregate) };
}

/** Attested by a majority. */
async function attested({ ledger, consortium, members, parties = members }, aggregate, round = 1) {
  const claim = await claimOf(ledger, 1, round, aggregate);
  const majority = Number(await consortium.majority());
  for (const member of parties.slice(1, majority)) await agree(ledger, member, claim, 1, round);
}

/** The model of a finalised round of job 1, convicted by a call in the court's own name. */
async function convicted({ ledger, court }, round = 1, before = 0) {
  const address = await court.getAddress();
  await network.provider.send('hardhat_impersonateAccount', [address]);
  await network.provider.send('hardhat_setBalance', [address, ethers.toQuantity(ethers.parseEther('1'))]);
  const judge = await ethers.getSigner(address);
  return ledger.connect(judge).convict(1, round, before, await ledger.claimAfter(1, before));
}

/** A round of job 1 with a finalised model, and its root. */
async function finalised(roles = [ALL, ALL, ALL], root = random(), terms = TERMS) {
  const world = await published(roles, terms, root);
  await attested(world, world.aggregate);
  return { ...world, root: world.aggregate.root };
}

/** The next round of job 1, finalised with the updates of the first participants: as many as there are verdicts. */
async function scoreable(world, round, verdicts) {
  const { ledger, members, parties = members } = world;
  await ledger.openRound(1);
  await registered(ledger, parties.slice(0, ethers.dataLength(verdicts)), round);
  const aggregate = await anAggregate(ledger, { verdicts });
  await publish(ledger, members[0], aggregate, round);
  await attested(world, aggregate, round);
  return aggregate;
}

const openScoring = async (board, scorer, aggregate, round = 1, job = 1) => {
  const ledger = await ethers.getContractAt('RoundLedger', await board.ledger());
  const said = await openedOf(ledger, job, aggregate);
  return board.connect(scorer).openScoring(job, round, said, aggregate);
};

/** Scores as the contract takes them. */
const packed = (...vectors) => ethers.solidityPacked(Array(vectors.flat().length).fill('int32'), vectors.flat());

/** The hash of a key's scores, in chunks of 32 from the last to the first. */
const hashOf = (key, scores) => {
  let hash = ethers.zeroPadValue(key, 32);
  for (let at = 32 * Math.floor((scores.length - 1) / 32); at >= 0; at -= 32) {
    hash = ethers.keccak256(ethers.concat([packed(scores.slice(at, at + 32)), hash]));
  }
  return hash;
};

/** So many scores of each vector from a place on, each with the hash of those after, as the contract takes them. */
const rangeOf = (panel, vectors, from = 0, count = vectors[0].length) => ethers.concat(vectors.flatMap((vector, i) =>
  [packed(vector.slice(from, from + count)), hashOf(panel[i].address, vector.slice(from + count))]));

/** Settles what the panel revealed in this order, at most `most` scores in a call; the transactions. */
async function settle(board, panel, vectors, round = 1, { most = 2048, medians = lowerMedians(vectors) } = {}) {
  const count = 32 * Math.max(1, Math.floor(most / vectors.length / 32));
  const sent = [];
  for (let from = 0; from < medians.length; from += count) {
    const some = medians.slice(from, from + count);
    sent.push(await board.settleScores(1, round, from, rangeOf(panel, vectors, from, some.length), packed(some)));
  }
  return sent;
}

const lowerMedians = (vectors) => vectors[0].map((_, update) => vectors
  .map((vector) => vector[update]).sort((a, b) => a - b)[Math.floor((vectors.length - 1) / 2)]);

/** What a scorer commits to; `changes` replace parts of it. */
async function commitmentOf(board, scorer, scores, salt, changes = {}) {
  const { chainId } = await ethers.provider.getNetwork();
  const said = { chainId, board: await board.getAddress(), job: 1, round: 1, scorer: scorer.address, ...changes };
  const types = ['uint256', 'address', 'uint32', 'uint32', 'address', 'bytes32', 'bytes32'];
  const values = [...Object.values(said), salt, hashOf(said.scorer, scores)];
  return ethers.keccak256(encoded(types, values));
}

/** Every member opens, commits to and reveals its vector for the round, and the medians are settled: their root. */
async function score({ scores: board, members }, vectors, aggregate, round = 1) {
  await openScoring(board, members[0], aggregate, round);
  const salts = members.map(random);
  for (const [i, member] of members.entries()) {
    const commitment = await commitmentOf(board, member, vectors[i], salts[i], { round });
    await board.connect(member).commitScores(1, round, commitment);
  }
  for (const [i, member] of members.entries()) {
    await board.connect(member).revealScores(1, round, salts[i], packed(vectors[i]));
  }
  await settle(board, members, vectors, round);
  return board.rootOf(1, round);
}

/** Sends `call` of Ballots, which proposes something; returns what `execute` takes, and the proposal. */
async function propose(ballots, signer, call, ...args) {
  const receipt = await (await ballots.connect(signer)[call](...args)).wait();
  const made = receipt.logs.map((log) => ballots.interface.parseLog(log)).find((log) => log?.name === 'Proposed').args;
  const { proposal, number, proposer, nonce, kind, action, deadline } = made;
  return { proposal, number, proposer, nonce, kind, action, deadline };
}

/** What `execute` takes. */
const content = ({ proposer, nonce, kind, action }) => [proposer, nonce, kind, action];

/** Members vote For until the proposal is sure to pass, time passes, and anyone executes it: the transaction. */
async function decide(ballots, voters, made) {
  for (const member of voters) await ballots.connect(member).vote(made.proposal, Choice.For);
  await at((await ballots.proposalOf(made.proposal)).executableFrom);
  return ballots.execute(...content(made));
}

/** What members sign under: EIP-712's domain of this Ballots; `changes` replace parts of it. */
async function domainOf(ballots, changes = {}) {
  const { chainId } = await ethers.provider.getNetwork();
  return { name: 'fedledger', version: '1', chainId, verifyingContract: await ballots.getAddress(), ...changes };
}

async function signTyped(signer, domain, types, message) {
  const { v, r, s } = ethers.Signature.from(await signer.signTypedData(domain, types, message));
  return { v, r, s };
}

/** The content of a proposal, by the log; of one that was never made, a removal that nobody proposed. */
const contents = new Map();
async function madeAs(ballots, proposal) {
  const key = `${await ballots.getAddress()} ${proposal}`;
  if (!contents.has(key)) {
    const [log] = await ballots.queryFilter(ballots.filters.Proposed(proposal));
    const none = { kind: Kind.RemoveMember, action: ethers.ZeroHash, proposer: ethers.ZeroAddress, nonce: 0n };
    if (!log) return none;
    contents.set(key, log.args.toObject());
  }
  return contents.get(key);
}

/** A signed vote as Ballots takes it; `domain`, `message` and `content`, the proposal in the message, replace parts of
 * what is signed, the rest of what is sent. */
async function signed(ballots, signer, proposal, choice = Choice.For, { domain, message, content, ...changes } = {}) {
  const deadline = changes.deadline ?? 5_000_000_000n;
  const made = { ...await madeAs(ballots, proposal), ...content };
  const said = Object.keys(Choice)[choice - 1] ?? 'For';
  const vote = { choice: said, [placeOf(made.kind)]: contentOf(made), member: signer.address, deadline, ...message };
  const words = await signTyped(signer, await domainOf(ballots, domain), voteTypes(made.kind), vote);
  return { member: signer.address, choice, deadline, ...words, ...changes };
}

/** A signed proposal in the same way. */
async function signedProposal(ballots, signer, kind, action, { domain, message, content, ...changes } = {}) {
  const deadline = changes.deadline ?? 5_000_000_000n;
  const nonce = changes.nonce ?? (await ballots.nonceOf(signer.address)) + 1n;
  const made = { kind, action, proposer: signer.address, nonce, ...content };
  const proposal = { [placeOf(made.kind)]: contentOf(made), deadline, ...message };
  const words = await signTyped(signer, await domainOf(ballots, domain), proposalTypes(made.kind), proposal);
  return { nonce, member: signer.address, deadline, ...words, ...changes };
}

/** So many keys with money, the same in every run. */
async function wallets(count) {
  const keys = Array.from({ length: count }, (_, i) => new ethers.Wallet(ethers.toBeHex(i + 0x1000, 32), ethers.provider));
  const money = ethers.toQuantity(ethers.parseEther('10'));
  for (const { address } of keys) await network.provider.send('hardhat_setBalance', [address, money]);
  return keys;
}

/** The next transaction's block has this time. */
const at = (time) => network.provider.send('evm_setNextBlockTimestamp', [Number(time)]);

const deadlineOf = async (ledger, job = 1) => (await ledger.roundOf(job)).deadline;
const phaseOf = async (ledger, job = 1) => (await ledger.roundOf(job)).phase;

/** Asserts that the call reverts with this error of `contract`, and with these arguments where given. */
async function reverts(call, contract, name, args) {
  const error = await Promise.resolve(call).then(() => null, (reason) => reason);
  assert.ok(error, `expected ${name}, but the call succeeded`);
  const found = error.data && contract.interface.parseError(error.data);
  assert.equal(found?.name, name, error.message);
  if (args) assert.deepEqual(found.args.toArray(), args.map((arg) => (typeof arg === 'number' ? BigInt(arg) : arg)));
}

/** The events of `contract` in the transaction, as [name, ...arguments]. */
async function events(call, contract) {
  const receipt = await (await call).wait();
  return receipt.logs
    .map((log) => contract.interface.parseLog(log))
    .filter(Boolean)
    .map(({ name, args }) => [name, ...args.toArray(true)]);
}

/** Rows of what was measured and its gas, which the suite prints at its end. */
function printed() {
  const table = [];
  after(() => {
    const width = Math.max(...table.map(([what]) => what.length));
    for (const [what, ...gas] of table) {
      console.log(`      ${what.padEnd(width)}  ${gas.map((used) => String(used).padStart(7)).join('  ')}`);
    }
  });
  return table;
}

const gasOf = async (call) => Number((await (await call).wait()).gasUsed);

module.exports = {
  PARTICIPANT, AGGREGATOR, SCORER, ALL, Phase, Form, Reason, TERMS, MODEL, RULES, ZERO, random, salted, encoded, openedOf, claimOf, deploy,
  nameOf, namesOf, found, anUpdate, sealedOn, sealed, commit, openings, reveal, registered, opened, agree, oppose,
  MASKING, bitmap, allBut, sharesOf, SCORED, ScoringPhase, LARGEST_SCORE, attested, finalised, convicted, score, scoreable, openScoring, packed, hashOf, rangeOf, settle,
  lowerMedians, commitmentOf, propose, content, decide, domainOf, signed, signedProposal, wallets, Choice, State, Kind, Refusal,
  openJob, openSegment, fixCast, openScored,
  anAggregate, publish, collected, published, at, deadlineOf, phaseOf, reverts, events, gasOf, printed,
};
