"""The witness of a live chain: fetches an event's transaction and holds it against what the event says."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from ledger.chain.build import ContractName
from ledger.chain.evidence.statement import statements
from ledger.chain.evidence.transaction import rebuild, signed
from ledger.chain.node import data, number
from ledger.chain.rpc import Rpc, RpcError
from ledger.errors import FedledgerError, Malformed, Unavailable
from ledger.events.evidence import BlockName, Said, SignedStatement, Unproven
from ledger.formats.digest import keccak
from ledger.formats.signatures import worked_ahead

_METHODS = ("eth_getTransactionByHash", "eth_getRawTransactionByHash")
AT_ONCE = 32
"""Transactions that one request asks for, at most, each in two calls: nodes limit calls and bytes of a request."""
_PART, _PARTS = 16, 2
"""So many of them are read by one thread at a time, and so many such parts ahead of what is needed."""


def raw_transactions(rpc: Rpc, wanted: Sequence[bytes]) -> Iterator[bytes]:
    """The raw bytes of transactions, by their hashes and in their order, many by one request.

    Raises Unavailable where the node does not show one, Malformed where it shows another.
    """
    for start in range(0, len(wanted), AT_ONCE):
        asked = wanted[start : start + AT_ONCE]
        answers = _both(rpc, asked)
        for tx, shown, plain in zip(asked, answers[::2], answers[1::2], strict=True):
            if not isinstance(shown, dict):
                raise Unavailable("the node has no such transaction", tx="0x" + tx.hex())
            yield _raw(tx, shown, plain)


def _both(rpc: Rpc, asked: Sequence[bytes]) -> list[Any]:
    """What the node answers to each call of `_METHODS` on each transaction: at once, else one by one."""
    wanted = [(method, "0x" + one.hex()) for one in asked for method in _METHODS]
    try:
        return list(rpc.batch(wanted))
    except Unavailable:
        return [_answer(rpc, method, tx) for method, tx in wanted]


def _answer(rpc: Rpc, method: str, tx: str) -> Any:
    try:
        return rpc.call(method, tx)
    except RpcError as error:
        return error


class ChainWitness:
    """Shows signed statements, as a node serves them, of the contracts at `addresses` on `chain`.

    `expected` are transactions that will be asked for, in about that order: one request asks for many of them, which
    `threads` threads read. A node that takes no such request is asked for one at a time.
    """

    def __init__(
        self,
        rpc: Rpc,
        chain: int,
        addresses: Mapping[ContractName, str],
        expected: Iterable[bytes] = (),
        threads: int = 1,
    ) -> None:
        self._rpc, self._chain, self._addresses = rpc, chain, addresses
        self._expected = dict.fromkeys(expected)
        self._reading = worked_ahead(self._read_all, self._answered(list(self._expected)), _PARTS, threads)
        self._ahead: dict[bytes, _Shown | FedledgerError] = {}

    def __call__(self, said: Said) -> SignedStatement:
        """The evidence for what an event says. Raises Unproven, also where the node cannot be asked."""
        try:
            shown = self._shown(said.tx)
            found = _same(shown.statements, said)
            if said.after:
                require_after(found, self._shown(said.after).statements[0])
        except Unproven:
            raise
        except FedledgerError as error:
            raise Unproven(error.message, tx="0x" + said.tx.hex()) from error
        return msgspec.structs.replace(found, block=shown.block)

    def _shown(self, tx: bytes) -> "_Shown":
        if tx in self._expected:
            self._read_up_to(tx)
        known = self._ahead.pop(tx, None)
        if known is None:
            known = self._read(tx, *(_answer(self._rpc, method, "0x" + tx.hex()) for method in _METHODS))
        if isinstance(known, FedledgerError):
            raise known
        return known

    def _read_up_to(self, tx: bytes) -> None:
        """Read what is expected, up to this transaction; no longer, once the node did not answer."""
        for batch in self._reading:
            self._ahead |= batch
            for one in batch:
                del self._expected[one]
            if tx in batch:
                return
        self._expected = {}

    def _answered(self, wanted: list[bytes]) -> "Iterator[_Answers]":
        """The node's answers on these transactions, many by one request, as long as it answers such requests."""
        for start in range(0, len(wanted), AT_ONCE):
            asked = wanted[start : start + AT_ONCE]
            try:
                answers = self._rpc.batch((method, "0x" + one.hex()) for one in asked for method in _METHODS)
            except Unavailable:
                return
            found = {one: answers[2 * place : 2 * place + 2] for place, one in enumerate(asked)}
            for part in range(0, len(asked), _PART):
                yield {one: found[one] for one in asked[part : part + _PART]}

    def _read_all(self, answers: "_Answers") -> "dict[bytes, _Shown | FedledgerError]":
        return {tx: self._read(tx, *answered) for tx, answered in answers.items()}

    def _read(self, tx: bytes, shown: Any, plain: Any) -> "_Shown | FedledgerError":
        """What the node's answers on a transaction show, or why nothing."""
        try:
            if isinstance(shown, RpcError):
                return shown
            if not isinstance(shown, dict):
                return Unproven("the node has no such transaction", tx="0x" + tx.hex())
            raw = _raw(tx, shown, plain)
            return _Shown(statements(raw, self._addresses, self._chain), _block(shown))
        except FedledgerError as error:
            return error


_Answers = dict[bytes, list[Any]]
"""What the node answered to each of the two calls, by transaction."""


def raw_transaction(rpc: Rpc, tx: bytes) -> bytes:
    """The raw bytes of a transaction, as a node shows it. Raises Unproven where it shows none with that hash."""
    try:
        shown = rpc.call("eth_getTransactionByHash", "0x" + tx.hex())
        if not isinstance(shown, dict):
            raise Unproven("the node has no such transaction", tx="0x" + tx.hex())
        return _raw(tx, shown, None)
    except Unproven:
        raise
    except FedledgerError as error:
        raise Unproven(error.message, tx="0x" + tx.hex()) from error


def proof(raw: bytes, said: Said, chain: int, addresses: Mapping[ContractName, str]) -> SignedStatement:
    """The statement in a raw transaction that is what was said. Raises Malformed, or Unproven where none is."""
    return _same(statements(raw, addresses, chain), said)


def require_after(later: SignedStatement, earlier: SignedStatement) -> None:
    """Raises Unproven where the nonces of two calls of one key are not in this order, whatever a log says."""
    first, second = (signed(bytes.fromhex(one.raw.removeprefix("0x"))).nonce for one in (earlier, later))
    if second <= first:
        raise Unproven(
            "its key signed it before the call that it is said to come after", expected=f"above {first}", actual=second
        )


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
