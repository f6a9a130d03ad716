// What members sign for others to relay (EIP-712, docs/spec/ballot.md, "What wallets show"): votes and proposals of the
// kinds whose votes are in a bundle, and the names of those proposals.
import { Malformed, ascii, big, join, unhex } from "../bytes.js";
import { keccak } from "./keccak.js";

export const COUNTED = 4; // the last of these kinds: AdmitMember, RemoveMember, ChangeRoles, ChangeRules
export const ADMIT = 1;
export const REMOVE = 2;
export const CHANGE = 3;
const ALL_ROLES = 7, ROLES = ["participant", "aggregator", "scorer"];
const CHOICES = ["", "For", "Against", "Abstain"];
const STRUCTS = [
  null,
  ["admitMember", "AdmitMember", "address key,string roles,string name"],
  ["removeMember", "RemoveMember", "uint256 index"],
  ["changeRoles", "ChangeRoles", "uint256 index,string roles"],
  ["changeRules", "ChangeRules", "uint256 majority,uint256 voteSeconds,uint256 delaySeconds,uint256 executeSeconds"],
].map((one) => one && typesOf(...one));

function textHash(text) {
  return keccak(ascii(text));
}

// The hashes of a kind's types: of its own, and of a vote and a proposal that hold it.
function typesOf(field, name, fields) {
  const own = `${name}(${fields},address proposer,uint32 nonce)`;
  return {
    own: textHash(own), vote: textHash(`Vote(string choice,${name} ${field},address member,uint64 deadline)${own}`),
    proposal: textHash(`Proposal(${name} ${field},uint64 deadline)${own}`),
  };
}

function word(number) {
  return big(number, 32);
}

function address(key) {
  return join(new Uint8Array(12), unhex(key));
}

export function areRoles(roles) {
  return roles > 0 && roles <= ALL_ROLES;
}

function rolesHash(roles) {
  if (!areRoles(roles)) throw new Malformed("roles that there are not");
  return textHash(ROLES.filter((_, bit) => roles & (1 << bit)).join(", "));
}

// The name of a proposal of a counted kind, whose `action` are the words of its kind. Throws Malformed.
export function nameOf(proposer, nonce, kind, action) {
  let fields = action;
  if (kind === ADMIT) {
    const name = action.subarray(64), length = name.findLastIndex((byte) => byte) + 1;
    fields = join(action.subarray(0, 32), rolesHash(action[63]), keccak(name.subarray(0, length)));
  } else if (kind === CHANGE) fields = join(action.subarray(0, 32), rolesHash(action[63]));
  return keccak(join(STRUCTS[kind].own, fields, address(proposer), word(nonce)));
}

// What signatures of a chain and its Ballots are bound to.
export function domainOf(chain, ballots) {
  const type = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
  return keccak(join(textHash(type), textHash("fedledger"), textHash("1"), word(chain), address(ballots)));
}

function digest(domain, ...content) {
  return keccak(join(Uint8Array.of(0x19, 0x01), domain, keccak(join(...content))));
}

// What members signed in a call, as it says: {member, v, r, s}, with the `digest` that they would have signed, null where
// nobody can have, or it is not asked.
export function statementsIn({ name, said }, domain) {
  if (name === "voteBySignature") return [voteOf(said, said.signed, domain)];
  if (name === "voteBatch") return said.signed.map((one) => voteOf(said, one, domain));
  return name === "proposeBySignature" ? [proposalOf(said, domain)] : [];
}

function voteOf({ proposal, kind }, { choice, deadline, ...signed }, domain) {
  const chosen = CHOICES[choice];
  if (!chosen) return { ...signed, digest: null };
  const content = [STRUCTS[kind].vote, textHash(chosen), proposal, address(signed.member), word(deadline)];
  return { ...signed, digest: digest(domain, ...content) };
}

function proposalOf({ kind, action, signed }, domain) {
  try {
    if (kind > COUNTED) return { ...signed, digest: null };
    const proposal = nameOf(signed.member, signed.nonce, kind, action);
    return { ...signed, digest: digest(domain, STRUCTS[kind].proposal, proposal, word(signed.deadline)) };
  } catch (error) {
    if (error instanceof Malformed) return { ...signed, digest: null };
    throw error;
  }
}
