"""The witness of a live chain: fetches an event's transaction and holds it against what the event says."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

import msgspec

from ledger.chain.build import ContractName
from ledger.chain.evidence.statement import statements
from ledger.chain.evidence.transaction import rebuild
from ledger.chain.node import data, number
from ledger.chain.rpc import Rpc, RpcError
from ledger.errors import FedledgerError, Malformed, Unavailable
from ledger.events.evidence import BlockName, Said, SignedStatement, Unproven
from ledger.formats.digest import keccak

_METHODS = ("eth_getTransactionByHash", "eth_getRawTransactionByHash")
AT_ONCE = 32
"""Transactions that one request asks for, at most, each in two calls: nodes limit calls and bytes of a request."""


class ChainWitness:
    """Shows signed statements, as a node serves them, of the contracts at `addresses` on `chain`.

    `expected` are transactions that will be asked for, in about that order: each request for one of them asks for the
    next ones, too. A node that takes no such request is asked for one at a time.
    """

    def __init__(
        self, rpc: Rpc, chain: int, addresses: Mapping[ContractName, str], expected: Iterable[bytes] = ()
    ) -> None:
        self._rpc, self._chain, self._addresses = rpc, chain, addresses
        self._expected = dict.fromkeys(expected)
        self._ahead: dict[bytes, list[Any]] = {}

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
        shown, plain = self._answers(tx)
        if isinstance(shown, RpcError):
            raise shown
        if not isinstance(shown, dict):
            raise Unproven("the node has no such transaction", tx=name)
        raw = data(plain, "a transaction") if isinstance(plain, str) else None
        if raw is None or keccak(raw) != tx:
            raw = rebuild(shown)
            if keccak(raw) != tx:
                raise Malformed("the node shows another transaction than was asked for", expected=name)
        return raw, _block(shown)

    def _answers(self, tx: bytes) -> list[Any]:
        """What the node shows of a transaction, as JSON and raw; an error in the place of what it refuses."""
        if tx in self._expected:
            self._fetch_ahead(tx)
        return self._ahead.pop(tx, None) or [self._alone(method, tx) for method in _METHODS]

    def _alone(self, method: str, tx: bytes) -> Any:
        try:
            return self._rpc.call(method, "0x" + tx.hex())
        except RpcError as error:
            return error

    def _fetch_ahead(self, tx: bytes) -> None:
        """Ask for this transaction and the next ones that are expected; no longer, once the node did not answer."""
        del self._expected[tx]
        wanted = [tx, *islice(self._expected, AT_ONCE - 1)]
        try:
            answers = self._rpc.batch((method, "0x" + one.hex()) for one in wanted for method in _METHODS)
        except Unavailable:
            self._expected = {}
            return
        self._ahead |= {one: answers[2 * place : 2 * place + 2] for place, one in enumerate(wanted)}
        for one in wanted[1:]:
            del self._expected[one]


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
