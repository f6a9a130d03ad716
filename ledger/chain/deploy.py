"""Founding a consortium on a chain: both contracts, and the network file that pins them."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from ledger.chain.build import ContractName, committed, expected_code
from ledger.chain.client import check_code, data
from ledger.chain.codec import checksum_address
from ledger.chain.contracts import creation
from ledger.chain.rpc import Rpc
from ledger.chain.transactions import Receipt, TransactionSigner, Transactor
from ledger.config import Chain, Contract, Contracts, Network, Party
from ledger.digest import keccak
from ledger.errors import UsageError
from ledger.records import Role

MAXIMUM_MEMBERS = 255
MINIMUM_MEMBERS = 3


class Founder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A founding member: the name on screens, the key's address, and its roles."""

    name: str
    key: str
    roles: Role


class _Site:
    """Deploys with one key and reads back what came to stand on the chain."""

    def __init__(self, rpc: Rpc, chain: Chain, signer: TransactionSigner, outbox: Path) -> None:
        self._rpc = rpc
        self._poa = chain.poa
        self._transactor = Transactor(rpc, chain.id, signer, outbox, gas_price=chain.gas_price)

    def create(self, name: ContractName, *arguments: Any) -> Receipt:
        return self._transactor.send("", creation(self._rpc, name, *arguments, poa=self._poa))

    def pin(self, name: ContractName, address: str, consortium: str) -> Contract:
        """The contract as the network file pins it. Raises Refuted where its code is not the one committed here."""
        expected = "0x" + keccak(expected_code(name, consortium)).hex()
        code = data(self._rpc.call("eth_getCode", address, "latest"), "code")
        check_code(committed(name).contract_name, address, code, expected)
        return Contract(address=address, code_hash=expected)


def deploy(
    chain: Chain, signer: TransactionSigner, name: str, founders: Sequence[Founder], outbox: Path, timeout: float = 30.0
) -> Network:
    """Deploy the contracts for these founders and return the network file; `chain.start_block` is set by it.

    The signer only pays: it gets no rights. Raises UsageError for a wrong chain id or impossible founders, Rejected
    where the contract refuses them, Unavailable where the chain cannot be reached, Refuted where other code came to
    stand there than was sent.
    """
    check_founders(founders)
    keys = [address(founder) for founder in founders]
    rpc = Rpc(chain.rpc, timeout)
    try:
        actual = int(rpc.call("eth_chainId"), 16)
        if actual != chain.id:
            raise UsageError("the node serves another chain", url=rpc.url, expected=chain.id, actual=actual)
        site = _Site(rpc, chain, signer, outbox)
        founding = site.create("consortium", keys, [int(founder.roles) for founder in founders])
        opening = site.create("ledger", founding.contract)
        return Network(
            fedledger="network/1",
            name=name,
            chain=msgspec.structs.replace(chain, start_block=founding.block),
            contracts=Contracts(
                consortium=site.pin("consortium", founding.contract, founding.contract),
                ledger=site.pin("ledger", opening.contract, founding.contract),
            ),
            parties=tuple(Party(index=index, name=founder.name) for index, founder in enumerate(founders)),
        )
    finally:
        rpc.close()


def check_founders(founders: Sequence[Founder]) -> None:
    """Refuse, before anything is sent, what the contract would refuse, and names that screens could not tell apart."""
    if not MINIMUM_MEMBERS <= len(founders) <= MAXIMUM_MEMBERS:
        raise UsageError(
            "a consortium has 3 to 255 members",
            expected=f"{MINIMUM_MEMBERS} to {MAXIMUM_MEMBERS}",
            actual=len(founders),
        )
    for what in ("name", "key"):
        values = [str(getattr(founder, what)).lower() for founder in founders]
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise UsageError(f"two members have the same {what}", actual=", ".join(twice))
    for founder in founders:
        if not founder.roles:
            raise UsageError("a member has no role", member=founder.name)


def address(founder: Founder) -> str:
    """The EIP-55 form of the founder's key. Raises UsageError where it is none, or has the wrong check sum."""
    text = founder.key
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
        raise UsageError("a key is not an address: 0x and 40 digits", member=founder.name, actual=text)
    checked = checksum_address(bytes.fromhex(text[2:]))
    if text not in {checked, text.lower()}:
        raise UsageError("a key's address is mistyped", member=founder.name, expected=checked, actual=text)
    return checked
