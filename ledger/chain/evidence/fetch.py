"""The witness of a live chain: fetches an event's transaction and holds it against what the event says."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from ledger.chain.build import ContractName
from ledger.chain.evidence.statement import statements
from ledger.chain.evidence.transaction import rebuild
from ledger.chain.node import data, number
from ledger.chain.rpc import Rpc, RpcError
from ledger.errors import FedledgerError, Malformed, Unavailable
from ledger.events.evidence import BlockName, Said, SignedStatement, Unproven
from ledger.formats.digest import keccak
from ledger.formats.signatures import on_threads

_METHODS = ("eth_getTransactionByHash", "eth_getRawTransactionByHash")
AT_ONCE = 32
"""Transactions that one request asks for, at most, each in two calls: nodes limit calls and bytes of a request."""


class ChainWitness:
    """Shows signed statements, as a node serves them, of the contracts at `addresses` on `chain`.

    `expected` are transactions that will be asked for, in about that order: each request for one of them asks for the
    next ones, too, which `threads` threads read. A node that takes no such request is asked for one at a time.
    """

    def __init__(
        self,
        rpc: Rpc,
        chain: int,
        addresses: Mapping[ContractName, str],
        expected: Iterable[bytes] = (),
        threads: int = 1,
    ) -> None:
        self._rpc, self._chain, self._addresses, self._threads = rpc, chain, addresses, threads
        self._expected = dict.fromkeys(expected)
        self._ahead: dict[bytes, _Shown | FedledgerError] = {}

    def __call__(self, said: Said) -> SignedStatement:
        """The evidence for what an event says. Raises Unproven, also where the node cannot be asked."""
        try:
            shown = self._shown(said.tx)
            found = _same(shown.statements, said)
        except Unproven:
            raise
        except FedledgerError as error:
            raise Unproven(error.message, tx="0x" + said.tx.hex()) from error
        return msgspec.structs.replace(found, block=shown.block)

    def _shown(self, tx: bytes) -> "_Shown":
        if tx in self._expected:
            self._fetch_ahead(tx)
        known = self._ahead.pop(tx, None) or self._read((tx, [self._alone(method, tx) for method in _METHODS]))
        if isinstance(known, FedledgerError):
            raise known
        return known

    def _read(self, answered: tuple[bytes, list[Any]]) -> "_Shown | FedledgerError":
        """What the node's answers on a transaction show, or why nothing."""
        tx, (shown, plain) = answered
        try:
            if isinstance(shown, RpcError):
                return shown
            if not isinstance(shown, dict):
                return Unproven("the node has no such transaction", tx="0x" + tx.hex())
            raw = _raw(tx, shown, plain)
            return _Shown(statements(raw, self._addresses, self._chain), _block(shown))
        except FedledgerError as error:
            return error

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
        answered = [(one, answers[2 * place : 2 * place + 2]) for place, one in enumerate(wanted)]
        self._ahead |= zip(wanted, on_threads(self._read, answered, self._threads), strict=True)
        for one in wanted[1:]:
            del self._expected[one]


def proof(raw: bytes, said: Said, chain: int, addresses: Mapping[ContractName, str]) -> SignedStatement:
    """The statement in a raw transaction that is what was said. Raises Malformed, or Unproven where none is."""
    return _same(statements(raw, addresses, chain), said)


class _Shown(NamedTuple):
    """What a transaction says, and the block that it is in."""

    statements: list[SignedStatement]
    block: BlockName | None


def _raw(tx: bytes, shown: dict[str, Any], plain: Any) -> bytes:
    """The raw bytes of a transaction. Raises Malformed where those that are shown are another's."""
    raw = data(plain, "a transaction") if isinstance(plain, str) else None
    if raw is None or keccak(raw) != tx:
        raw = rebuild(shown)
        if keccak(raw) != tx:
            raise Malformed("the node shows another transaction than was asked for", expected="0x" + tx.hex())
    return raw


def _same(statements: Iterable[SignedStatement], said: Said) -> SignedStatement:
    for found in statements:
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
