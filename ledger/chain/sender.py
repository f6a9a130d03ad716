"""What a member says to the contracts, with its own key."""

from pathlib import Path
from typing import Any

from ledger.chain.build import ContractName
from ledger.chain.client import Client
from ledger.chain.transactions import Receipt, TransactionSigner, Transactor


class Sender:
    """Sends calls with one key; `outbox_dir` keeps what is on its way. `timeout` in seconds bounds each wait.

    To make one first finishes what an earlier process left on its way. So: make the sender, then read the ledger, then
    decide what to send; nothing is then said twice.
    """

    def __init__(self, client: Client, signer: TransactionSigner, outbox_dir: Path, timeout: float = 60.0) -> None:
        chain = client.network.chain
        self._client = client
        self.address = signer.address
        self._transactor = Transactor(
            client.rpc, chain.id, signer, outbox_dir, gas_price=chain.gas_price, timeout=timeout
        )
        self._transactor.settle()

    def send(self, contract: ContractName, function: str, *arguments: Any) -> Receipt:
        """Call a contract's function and wait until it took effect.

        Raises Rejected with the contract's own error (`facts["error"]` and its arguments), UsageError for a call that
        the ABI does not have, Unavailable where the node cannot be reached or no block comes in time. After
        Unavailable the same call may be made again: it is then the same transaction.
        """
        from ledger.chain.calldata import call_data  # a nudge needs none

        return self._transactor.send(self._client.addresses[contract], call_data(contract, function, *arguments))

    def nudge(self) -> Receipt:
        """Send an empty transaction to the own key: on a chain that seals blocks for transactions alone, it makes one.

        Raises as `send`.
        """
        return self._transactor.send(self.address, "0x")

    def settle(self) -> None:
        """Finish what is on its way; after Unavailable, say, and before the ledger is read again."""
        self._transactor.settle()
