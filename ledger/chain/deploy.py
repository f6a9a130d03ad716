"""Founding a consortium on a chain: its contracts, and the network file that pins them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ledger.chain.build import SOLIDITY_NAMES, ContractName, committed, expected_code
from ledger.chain.client import check_code
from ledger.chain.consortium_file import DEFAULT_RULES, Founder, check_founders, check_rules
from ledger.chain.creation import creation
from ledger.chain.node import ChainNode
from ledger.chain.proofs.header_chain import BlockAt
from ledger.chain.rpc import Rpc
from ledger.chain.seals.follow import begin
from ledger.chain.transactions import Receipt, TransactionSigner, Transactor
from ledger.config import Chain, Contract, Contracts, Founding, FoundingMember, Network
from ledger.errors import Unavailable, UsageError
from ledger.events.records import Rules
from ledger.formats.digest import checksum_address, keccak
from ledger.formats.member_name import name_words
from ledger.http.outgoing import OPEN, Outgoing

BEFORE_BALLOTS = 6
"""Contracts that are created before the ballots, whose address the first of them names; the court, which the second
names, comes after them."""


class _Site:
    """Deploys with one key and reads back what came to stand on the chain."""

    def __init__(self, rpc: Rpc, chain: Chain, signer: TransactionSigner, outbox: Path) -> None:
        self._node = ChainNode(rpc)
        self._seals = chain.seals
        self._address = signer.address
        self._transactor = Transactor(rpc, chain.id, signer, outbox, gas_price=chain.gas_price)
        self._transactor.settle()

    def create(self, name: ContractName, *arguments: Any) -> Receipt:
        return self._transactor.send("", creation(name, *arguments))

    def address_after(self, creations: int) -> str:
        """Where the contract will stand that this key creates after so many others."""
        return created_address(self._address, self._node.transactions(self._address) + creations)

    def create_all(self, keys: Sequence[str], founders: Sequence[Founder], rules: Rules) -> "_Founded":
        """Create the contracts, the ballots and the court last. Raises Unavailable where the key created something else
        meanwhile."""
        ballots, court = self.address_after(BEFORE_BALLOTS), self.address_after(BEFORE_BALLOTS + 1)
        roles, names = [int(one.roles) for one in founders], [list(name_words(one.name)) for one in founders]
        founding = self.create("consortium", keys, roles, names, ballots)
        ledger = self.create("ledger", founding.contract, court)
        scores = self.create("scores", ledger.contract)
        releases = self.create("releases", ledger.contract, scores.contract)
        masks = self.create("masks", ledger.contract)
        budgets = self.create("budgets", ledger.contract)
        if self.address_after(0) != ballots:
            raise Unavailable("the key was used elsewhere meanwhile", advice="deploy again", address=self._address)
        arguments = (founding.contract, ledger.contract, releases.contract, msgspec.structs.astuple(rules))
        return _Founded(
            founding.block,
            {
                "consortium": founding.contract,
                "ledger": ledger.contract,
                "scores": scores.contract,
                "releases": releases.contract,
                "ballots": self.create("ballots", *arguments).contract,
                "masks": masks.contract,
                "budgets": budgets.contract,
                "court": self.create("court", ledger.contract).contract,
            },
        )

    def validators(self, at: BlockAt | None = None) -> tuple[str, ...]:
        """The chain's validators at a block, the latest by default; none where its seals are not to be checked."""
        if self._seals == "none":
            return ()
        return begin(self._node.rpc, self._seals, at or BlockAt(*self._node.head())).validators

    def hash_of(self, block: int) -> bytes:
        """The block's hash. Raises Unavailable where the chain was reorganised meanwhile and is shorter now."""
        found = self._node.block_hash(block)
        if found is None:
            raise Unavailable("the founding block is not on the chain any more", advice="deploy again", block=block)
        return found

    def pin(self, name: ContractName, addresses: Mapping[ContractName, str]) -> Contract:
        """The contract as the network file pins it. Raises Refuted where its code is not the one committed here."""
        address = addresses[name]
        expected = "0x" + keccak(expected_code(name, addresses)).hex()
        check_code(committed(name).contract_name, address, self._node.code(address), expected)
        return Contract(address=address, code_hash=expected)


class _Founded(NamedTuple):
    """The block of the first contract, and where all of them stand."""

    block: int
    addresses: dict[ContractName, str]


def deploy(
    chain: Chain,
    signer: TransactionSigner,
    name: str,
    founders: Sequence[Founder],
    outbox: Path,
    timeout: float = 30.0,
    rules: Rules = DEFAULT_RULES,
    outgoing: Outgoing = OPEN,
) -> Network:
    """Deploy the contracts for these founders, by requests that go out so, and return the network file.

    The signer only pays: it gets no rights. The consortium names the ballots' address before they stand there, so the
    key must create nothing else meanwhile. `timeout` in seconds bounds each wait for the node.

    Where `chain.seals` names a rule, the chain's validators at the founding block are pinned, too.

    Raises UsageError for a wrong chain id or impossible founders or rules, Rejected where the contract refuses them,
    Unavailable where the chain cannot be reached, is not sealed so, or the key was used meanwhile, Refuted where other
    code came to stand there than was sent.
    """
    keys = check_founders(founders)
    check_rules(rules)
    rpc = Rpc(chain.rpc, timeout, outgoing=outgoing)
    try:
        actual = rpc.chain_id()
        if actual != chain.id:
            raise UsageError("the node serves another chain", url=rpc.url, expected=chain.id, actual=actual)
        site = _Site(rpc, chain, signer, outbox)
        site.validators()  # a chain that is not sealed so is told before anything is sent
        block, addresses = site.create_all(keys, founders, rules)
        members = tuple(
            FoundingMember(name=founder.name, key=key, roles=founder.roles.words)
            for key, founder in zip(keys, founders, strict=True)
        )
        hash_ = site.hash_of(block)
        validators = site.validators(BlockAt(block, hash_))
        return Network(
            fedledger="network/1",
            name=name,
            chain=chain,
            founding=Founding(block=block, hash="0x" + hash_.hex(), members=members, validators=validators),
            contracts=Contracts(**{contract: site.pin(contract, addresses) for contract in SOLIDITY_NAMES}),
        )
    finally:
        rpc.close()


def created_address(creator: str, nonce: int) -> str:
    """The address of the contract that an account creates with that nonce: of the RLP list of both (Yellow Paper)."""
    digits = nonce.to_bytes((nonce.bit_length() + 7) // 8)
    item = digits if digits and nonce < 0x80 else bytes([0x80 + len(digits)]) + digits
    payload = b"\x94" + bytes.fromhex(creator[2:]) + item
    return checksum_address(keccak(bytes([0xC0 + len(payload)]) + payload)[12:])
