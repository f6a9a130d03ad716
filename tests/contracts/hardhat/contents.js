'use strict';

const { ethers } = require('hardhat');

const ROLES = ['participant', 'aggregator', 'scorer'];
/** What wallets show of a proposal, by kind: the fields of its struct (EIP-712), before its proposer and nonce. */
const FIELDS = {
  AdmitMember: ['address key', 'string roles', 'string name'],
  RemoveMember: ['uint256 index'],
  ChangeRoles: ['uint256 index', 'string roles'],
  ChangeRules: ['uint256 majority', 'uint256 voteSeconds', 'uint256 delaySeconds', 'uint256 executeSeconds'],
  CloseJob: ['uint256 job'],
  Release: ['string name', 'string version', 'uint256 job', 'uint256 round', 'bytes32 root', 'bytes32 scores', 'bytes32 report'],
  Revoke: ['string name', 'string version', 'string reason'],
  RollBack: ['string name', 'string version'],
  NameSuccessor: ['uint256 chain', 'address ledger'],
  RewindJob: ['uint256 job', 'uint256 round'],
};
/** The words of an action as the contract has them, by kind. */
const WORDS = {
  AdmitMember: ['address', 'uint8', 'bytes32[2]'],
  ChangeRoles: ['uint8', 'uint8'],
  Release: ['bytes32', 'bytes32', 'uint32', 'uint32', 'bytes32', 'bytes32', 'bytes32'],
  Revoke: ['bytes32', 'bytes32', 'bytes32'],
  RollBack: ['bytes32', 'bytes32'],
  RewindJob: ['uint32', 'uint32'],
};
const KINDS = Object.keys(FIELDS);

const rolesOf = (bits) => ROLES.filter((_, i) => Number(bits) >> i & 1).join(', ');
const trimmed = (words) => ethers.toUtf8String(`0x${ethers.concat(words).slice(2).replace(/(00)+$/, '')}`);
const textOf = (word) => trimmed([word]);
const reasonOf = (word) => {
  const bytes = Buffer.from(word.slice(2), 'hex');
  const text = bytes.subarray(0, bytes.findLastIndex((byte) => byte !== 0) + 1);
  return text.every((byte) => byte >= 0x20 && byte <= 0x7e) ? text.toString('latin1') : word;
};
const SHOWN = {
  AdmitMember: ([key, roles, name]) => [key, rolesOf(roles), trimmed([...name])],
  ChangeRoles: ([index, roles]) => [index, rolesOf(roles)],
  Release: ([name, version, ...rest]) => [textOf(name), textOf(version), ...rest],
  Revoke: ([name, version, reason]) => [textOf(name), textOf(version), reasonOf(reason)],
  RollBack: ([name, version]) => [textOf(name), textOf(version)],
};

const fields = (list) => list.map((field) => Object.fromEntries(['type', 'name'].map((part, i) => [part, field.split(' ')[i]])));
const nameOfKind = (kind) => KINDS[Number(kind) - 1];
/** What a message calls the proposal in it: removeMember. */
const placeOf = (kind) => nameOfKind(kind)[0].toLowerCase() + nameOfKind(kind).slice(1);

function typesOf(primary, around, kind) {
  const name = nameOfKind(kind);
  return {
    [primary]: fields(around.map((field) => field.replace('*', `${name} ${placeOf(kind)}`))),
    [name]: fields([...FIELDS[name], 'address proposer', 'uint32 nonce']),
  };
}
/** Types of what a member signs to vote on a proposal of that kind, and to propose it. */
const voteTypes = (kind) => typesOf('Vote', ['string choice', '*', 'address member', 'uint64 deadline'], kind);
const proposalTypes = (kind) => typesOf('Proposal', ['*', 'uint64 deadline'], kind);

/** A proposal as a wallet shows it. */
function contentOf({ kind, action, proposer, nonce }) {
  const name = nameOfKind(kind);
  const types = WORDS[name] ?? FIELDS[name].map((field) => field.split(' ')[0]);
  const words = [...ethers.AbiCoder.defaultAbiCoder().decode(types, action)];
  const names = FIELDS[name].map((field) => field.split(' ')[1]);
  const values = (SHOWN[name] ?? ((all) => all))(words);
  return { ...Object.fromEntries(names.map((field, i) => [field, values[i]])), proposer, nonce };
}

/** Its name: the hash of that struct. */
function idOfContent(made) {
  const { [nameOfKind(made.kind)]: own } = proposalTypes(made.kind);
  return ethers.TypedDataEncoder.hashStruct(nameOfKind(made.kind), { [nameOfKind(made.kind)]: own }, contentOf(made));
}

module.exports = { KINDS, placeOf, voteTypes, proposalTypes, contentOf, idOfContent };
