"""Whether the logs that a node gave of some blocks are all that the blocks hold, and as they hold them.

A header's bloom filter says of which contracts a block holds no log. Where it may hold one of ours, all transactions
and all receipts of the block are asked for; they must hash to the header's roots, and the logs in them are the ones.
So a node cannot hide, invent, alter or move a log under a header that it shows.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from ledger.chain.client import Client
from ledger.chain.evidence.transaction import rebuild
from ledger.chain.headers import BlockHeader, read_header
from ledger.chain.proofs.account import FalseProof
from ledger.chain.proofs.header_chain import BlockAt, contradiction, headers
from ledger.chain.proofs.list_root import list_root
from ledger.chain.proofs.receipts import LoggedReceipt, read_receipt
from ledger.chain.rpc import AnswerTooLarge, RpcError
from ledger.errors import FedledgerError, Malformed, Unavailable
from ledger.events.event import Event
from ledger.formats.digest import keccak
from ledger.formats.head import LogRecord, leaf

RECEIPTS_AT_ONCE = 64
BLOCKS_AT_ONCE, GAS_AT_ONCE = 48, 10_000_000
"""Blocks that one request asks for, by two calls each, of which nodes take a hundred, and the gas that they used in
all, at most: how long their transactions are.
"""
Logs = list[tuple[int, bytes]]
"""Of one block: the place of each in the block, and its leaf (`ledger.formats.head`), which covers all of it."""


class Held(NamedTuple):
    """The records are the logs of the blocks up to `block`, all of them: `logs` many."""

    block: int
    logs: int


class Refused(NamedTuple):
    """The node's logs are not those of its own blocks, or its proof is false: `why`."""

    why: str


class Unknown(NamedTuple):
    """It could not be checked: `why`. No fault of anyone's."""

    why: str


class LogProof:
    """Holds logs against the receipts of their blocks, at one node.

    It costs one request for 64 headers that the client has not read, and one for up to 48 small blocks, or one larger
    one, whose bloom filters do not rule our contracts out (all that hold a log of ours, by chance 1 in 1,000 of those
    with 10 foreign logs): the whole blocks, and their receipts by `eth_getBlockReceipts`. Receipts are asked for one by
    one, 64 to a request, where the node has no such method or the block is too large.
    """

    def __init__(self, client: Client) -> None:
        self._rpc, self._known = client.rpc, client.header
        self._ours = {bytes.fromhex(address[2:]) for address in client.addresses.values()}
        self._whole = True

    def hold(self, before: BlockAt, last: BlockAt, records: Iterable[Event]) -> Held | Refused | Unknown:
        """Hold the records of the blocks after `before`, up to `last`, against these blocks; others are not looked at.

        As good as `last.hash`: under a hash that members signed, or a header that validators sealed, nobody can have
        another log. An empty `before.hash` says that nothing is known of the block before.
        """
        told: dict[int, Logs] = {}
        for one in records:
            if before.number < one.block <= last.number:
                told.setdefault(one.block, []).append((one.log, one.leaf))
        try:
            for some in _groups(headers(self._rpc, before, last, self._known)):
                shown = self._shown_together([one.number for one in some if self._may_log(one)])
                for header in some:
                    self._compare(header, last, sorted(told.get(header.number, [])), shown.get(header.number))
        except FalseProof as error:
            return Refused(in_words(error))
        except FedledgerError as error:
            return Unknown(in_words(error))
        return Held(last.number, sum(map(len, told.values())))

    def _may_log(self, header: BlockHeader) -> bool:
        return header.may_log(self._ours)

    def _compare(self, header: BlockHeader, last: BlockAt, told: Logs, shown: "_Shown | None") -> None:
        held = self._logs(header, last, shown) if self._may_log(header) else []
        if told == held:
            return
        if len(told) != len(held):
            what = f"the node gave {len(told)} of our contracts' logs, and its receipts hold {len(held)}"
        else:
            what = "the node gave another log of our contracts than its receipts hold"
        raise FalseProof(what, block=header.number)

    def _logs(self, header: BlockHeader, last: BlockAt, shown: "_Shown | None") -> Logs:
        """Our contracts' logs in a block. Raises FalseProof where what is shown is not under the header's roots."""
        block, receipts = shown or self._shown(header.number)
        transactions = self._transactions(block, header, last)
        found: Logs = []
        place = 0
        for tx, receipt in zip(transactions, self._receipts(receipts, header, transactions), strict=True):
            for log in receipt.logs:
                if log.contract in self._ours:
                    found.append((place, leaf(LogRecord(header.number, tx, *log))))
                place += 1
        return found

    def _shown_together(self, numbers: list[int]) -> "dict[int, _Shown]":
        """What `_shown` is of several blocks, by one request; those that are left out are to be asked for alone."""
        if not self._whole or len(numbers) < 2:
            return {}
        calls = [
            call
            for number in map(hex, numbers)
            for call in (("eth_getBlockByNumber", number, True), ("eth_getBlockReceipts", number))
        ]
        try:
            answers = self._rpc.batch(calls)
        except AnswerTooLarge:
            return {}
        shown = zip(numbers, answers[::2], answers[1::2], strict=True)
        return {
            number: (block, receipts)
            for number, block, receipts in shown
            if not isinstance(block, RpcError) and not isinstance(receipts, RpcError)
        }

    def _shown(self, number: int) -> "_Shown":
        """The whole block, and its receipts; None in their place where they are to be asked for apart."""
        whole, receipts = ("eth_getBlockByNumber", hex(number), True), ("eth_getBlockReceipts", hex(number))
        if self._whole:
            with suppress(AnswerTooLarge):
                block, found = self._rpc.batch([whole, receipts])
                if isinstance(block, RpcError):
                    raise block
                self._whole = not isinstance(found, RpcError)
                return block, (found if self._whole else None)
        return self._rpc.call(*whole), None

    def _transactions(self, block: Any, header: BlockHeader, last: BlockAt) -> list[bytes]:
        """The hashes of the block's transactions, in order. Which block is shown matters where they are not these."""
        if not isinstance(block, dict):
            raise contradiction(self._rpc, last, header.number)
        raw = [_raw(one, header.number) for one in _list(block.get("transactions"), "transactions", header.number)]
        if list_root(raw) != header.field("transactionsRoot"):
            shown = read_header(block)
            if shown is None or shown.hash != header.hash:
                raise contradiction(self._rpc, last, header.number)
            raise FalseProof("the transactions shown are not the block's", block=header.number)
        return [keccak(one) for one in raw]

    def _receipts(self, shown: Any, header: BlockHeader, transactions: list[bytes]) -> list[LoggedReceipt]:
        shown = self._shown_receipts(header.number, transactions) if shown is None else shown
        answer = _list(shown, "receipts", header.number)
        if len(answer) != len(transactions):
            raise Unavailable("the node does not show the receipts of all transactions", block=header.number)
        try:
            receipts = [read_receipt(one) for one in answer]
        except ValueError as error:
            raise Unavailable(f"the block's receipts cannot be read: {error}", block=header.number) from error
        if list_root([one.encoded for one in receipts]) != header.field("receiptsRoot"):
            raise FalseProof("the receipts shown are not the block's", block=header.number)
        return receipts

    def _shown_receipts(self, number: int, transactions: list[bytes]) -> Any:
        """By the block, or each by its transaction: where a node has no such method, or the answer is too large."""
        if self._whole:
            try:
                return self._rpc.call("eth_getBlockReceipts", hex(number))
            except RpcError as error:
                if error.is_of_rate:
                    raise
                self._whole = False
            except AnswerTooLarge:
                pass
        names = ["0x" + tx.hex() for tx in transactions]
        groups = [names[at : at + RECEIPTS_AT_ONCE] for at in range(0, len(names), RECEIPTS_AT_ONCE)]
        return [one for group in groups for one in self._receipts_of(group)]

    def _receipts_of(self, transactions: list[str]) -> list[Any]:
        """Together, or in halves where the answer is too large. Raises AnswerTooLarge where one receipt is."""
        try:
            return self._rpc.batch_of("eth_getTransactionReceipt", [(tx,) for tx in transactions])
        except AnswerTooLarge:
            half = len(transactions) // 2
            if not half:
                raise
            return self._receipts_of(transactions[:half]) + self._receipts_of(transactions[half:])


_Shown = tuple[Any, Any]
"""A whole block and its receipts, as the node shows them; None in the place of receipts that are to be asked for."""


def _groups(shown: Iterable[BlockHeader]) -> Iterator[list[BlockHeader]]:
    """Headers whose blocks fit into one request; those before one that cannot be had, too."""
    some, gas = list[BlockHeader](), 0
    try:
        for header in shown:
            used = int.from_bytes(header.field("gasUsed"))
            if some and (len(some) == BLOCKS_AT_ONCE or gas + used > GAS_AT_ONCE):
                yield some
                some, gas = [], 0
            some.append(header)
            gas += used
    except FedledgerError:
        if some:
            yield some
        raise
    if some:
        yield some


def _raw(shown: Any, number: int) -> bytes:
    try:
        return rebuild(shown)
    except Malformed as error:
        raise Unavailable("a transaction cannot be read, or is of a type that is not known", block=number) from error


def _list(answer: Any, what: str, number: int) -> list[Any]:
    if not isinstance(answer, list):
        raise Unavailable(f"the node does not show the block's {what}", block=number)
    return answer


def in_words(error: FedledgerError) -> str:
    """An error with the block that it is about."""
    block = error.facts.get("block")
    return error.message if block is None else f"{error.message} (block {block})"
