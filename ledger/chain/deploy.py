"""Founding a consortium on a chain: both contracts, and the network file that pins them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from ledger.chain.build import ContractName, committed, expected_code
from ledger.chain.calls import creation
from ledger.chain.client import check_code, data
from ledger.chain.founding import Founder, check_founders
from ledger.chain.rpc import Rpc
from ledger.chain.transactions import Receipt, TransactionSigner, Transactor
from ledger.config import Chain, Contract, Contracts, Network, Party
from ledger.digest import keccak
from ledger.errors import UsageError


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
    keys = check_founders(founders)
    rpc = Rpc(chain.rpc, timeout)
    try:
        actual = rpc.chain_id()
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
