// A network file (docs/architecture.md): what it says of chain, contracts and founding, and whether a bundle is of it.
import { Malformed, hex, unhex } from "./bytes.js";
import { CONTRACTS } from "./chain/calls.js";
import { checksumAddress } from "./chain/keccak.js";
import { parseToml } from "./toml.js";

const LARGEST = 1 << 20;
const ROLES = ["participant", "aggregator", "scorer"];

// The file that a reader gave is not one: nothing was compared with it.
export class NoNetwork extends Error {
  constructor() {
    super("this is not a network file");
    this.code = "no_network";
  }
}

function require(holds) {
  if (!holds) throw new Malformed("not a network file");
}

function tableOf(parent, name) {
  const value = parent.get(name);
  require(value instanceof Map);
  return value;
}

// 40 digits of an address in EIP-55 form.
function addressOf(text) {
  require(typeof text === "string" && /^0x[0-9a-fA-F]{40}$/.test(text));
  const key = text.slice(2).toLowerCase();
  require(checksumAddress(unhex(key)) === text);
  return key;
}

function founderOf(member) {
  require(member instanceof Map);
  const roles = member.get("roles"), name = member.get("name");
  require(typeof name === "string" && Array.isArray(roles) && roles.every((role) => ROLES.includes(role)));
  return { name, key: addressOf(member.get("key")), roles: ROLES.reduce((sum, role, bit) => sum | (roles.includes(role) ? 1 << bit : 0), 0) };
}

// {name, chain, contracts, founding, founders}: as a manifest has them, with names. Throws Malformed.
export function parseNetwork(text) {
  const file = parseToml(text), founding = tableOf(file, "founding"), contracts = tableOf(file, "contracts");
  const chain = tableOf(file, "chain").get("id"), block = founding.get("block"), hash = founding.get("hash"), members = founding.get("members");
  require(file.get("fedledger") === "network/1" && typeof file.get("name") === "string");
  require([chain, block].every((number) => typeof number === "bigint" && number >= 0n));
  require(typeof hash === "string" && /^0x[0-9a-f]{64}$/.test(hash) && Array.isArray(members));
  return {
    name: file.get("name"), chain, founding: { block, hash: unhex(hash.slice(2)) }, founders: members.map(founderOf),
    contracts: CONTRACTS.map((name) => addressOf(tableOf(contracts, name).get("address"))),
  };
}

// The network of a file that a reader gave. Throws NoNetwork.
export async function readNetwork(file) {
  try {
    require(file.size <= LARGEST);
    return parseNetwork(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await file.arrayBuffer()));
  } catch (error) {
    if (error instanceof Malformed || error instanceof TypeError) throw new NoNetwork();
    throw error;
  }
}

// In what a manifest is of another network: none of "chain", "contracts", "founding", "founders" where it is of this one.
export function differing(manifest, network) {
  const said = ({ chain, contracts, founding, founders }) => ({
    chain: String(chain), contracts: contracts.join(), founding: `${founding.block} ${hex(founding.hash)}`,
    founders: founders.map(({ key, roles }) => `${key} ${roles}`).join(),
  });
  const left = said(manifest), right = said(network);
  return Object.keys(left).filter((name) => left[name] !== right[name]);
}
