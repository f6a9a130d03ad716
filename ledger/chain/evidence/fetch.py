"""The witness of a live chain: fetches an event's transaction and holds it against what the event says."""

from collections.abc import Mapping
from typing import Any

import msgspec

from ledger.chain.build import ContractName
from ledger.chain.evidence.statement import statements
from ledger.chain.evidence.transaction import rebuild
from ledger.chain.node import data, number
from ledger.chain.rpc import Rpc, RpcError
from ledger.errors import FedledgerError, Malformed
from ledger.events.evidence import BlockName, Said, SignedStatement, Unproven
from ledger.formats.digest import keccak


class ChainWitness:
    """Shows signed statements, as a node serves them, of the contracts at `addresses` on `chain`."""

    def __init__(self, rpc: Rpc, chain: int, addresses: Mapping[ContractName, str]) -> None:
        self._rpc, self._chain, self._addresses = rpc, chain, addresses

    def __call__(self, said: Said) -> SignedStatement:
        """The evidence for what an event says. Raises Unproven, also where the node cannot be asked."""
        try:
            raw, block = self._fetch(said.tx)
            found = proof(raw, said, self._chain, self._addresses)
        except Unproven:
            raise
        except FedledgerError as error:
            raise Unproven(error.message, tx="0x" + said.tx.hex()) from error
        return msgspec.structs.replace(found, block=block)

    def _fetch(self, tx: bytes) -> tuple[bytes, BlockName | None]:
        """Raw bytes and block. Raises Malformed where the bytes are of another transaction."""
        name = "0x" + tx.hex()
        shown = self._rpc.call("eth_getTransactionByHash", name)
        if not isinstance(shown, dict):
            raise Unproven("the node has no such transaction", tx=name)
        raw = self._raw(name)
        if raw is None or keccak(raw) != tx:
            raw = rebuild(shown)
        if keccak(raw) != tx:
            raise Malformed("the node shows another transaction than was asked for", expected=name)
        return raw, _block(shown)

    def _raw(self, name: str) -> bytes | None:
        """The raw transaction; None from a node that does not serve those."""
        try:
            answer = self._rpc.call("eth_getRawTransactionByHash", name)
        except RpcError:
            return None
        return data(answer, "a transaction") if isinstance(answer, str) else None


def proof(raw: bytes, said: Said, chain: int, addresses: Mapping[ContractName, str]) -> SignedStatement:
    """The statement in a raw transaction that is what was said. Raises Malformed, or Unproven where none is."""
    for found in statements(raw, addresses, chain):
        if (found.signer, *_plain(found)) == (said.signer, said.statement, said.arguments):
            return found
    raise Unproven("the transaction says something else than the event", tx="0x" + said.tx.hex())


def _plain(found: SignedStatement) -> tuple[str, dict[str, Any]]:
    """What was said, however it came: a vote that was relayed is a vote."""
    said = found.arguments
    if found.statement in ("voteBySignature", "voteBatch"):
        return "vote", {"proposal": said["proposal"], "choice": said["signed"]["choice"]}
    return found.statement, said


def _block(shown: dict[str, Any]) -> BlockName | None:
    height, hash_ = shown.get("blockNumber"), shown.get("blockHash")
    if not isinstance(height, str) or not isinstance(hash_, str):
        return None
    return BlockName(number=number(height, "a block's number"), hash="0x" + data(hash_, "a block's hash").hex())
