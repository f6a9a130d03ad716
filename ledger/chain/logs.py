"""From a node's logs to the ledger's events: read in pieces a node will serve, decoded strictly.

Nodes limit `eth_getLogs` by blocks (Besu: 5,000), by logs or by bytes, and say so in words of their own. So any
refusal halves the piece, but one that says the node was asked too often: `Rpc` waits for that.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import IntEnum
from functools import cache
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

import msgspec

from ledger.chain.build import ContractName, committed
from ledger.chain.codec import decoder, signature, word_decoder
from ledger.chain.headers import BlockHeader
from ledger.chain.quantities import quantity
from ledger.chain.rpc import AnswerTooLarge, Call, Rpc, RpcError, is_too_often
from ledger.errors import Malformed, Unavailable
from ledger.events.records import EVENTS, AnyEvent, Event
from ledger.formats.digest import keccak
from ledger.formats.head import LogRecord, leaf

NOT_KNOWN = (-32601, -32602)
"""JSON-RPC: a method or parameters that the node does not have, such as a block's hash for its logs (EIP-234)."""
FIRST_PIECE = 2_000
LARGEST_PIECE = 1 << 20
FIRST_TRIAL, LAST_TRIAL = 4, 64
"""After so many pieces served, one of twice the size is tried that was refused before; so many more after each that is
refused again.
"""
MANY = 5_000
"""After a piece of so many logs the next one is no longer: what it takes in memory stays bounded."""
LARGEST_INDEX = (1 << 32) - 1
"""A block's logs are fewer by far, and an index can keep no number beyond 63 bits."""


class Logs(NamedTuple):
    """What the blocks `first` to `last` hold for us: events in the chain's order, and the hashes of their blocks."""

    first: int
    last: int
    events: list[AnyEvent]
    hashes: dict[int, bytes]


class RawLog(msgspec.Struct, rename="camel", gc=False):
    """A log as nodes send it, in hexadecimal."""

    address: str
    topics: tuple[str, ...]
    data: str
    block_number: str
    block_hash: str
    transaction_hash: str
    log_index: str
    removed: bool = False


class _Shape(NamedTuple):
    """How one kind of event is read: topics after the first, data, and which goes where in the record."""

    kind: type[AnyEvent]
    topics: list[Callable[[bytes], Any]]
    data: Callable[[bytes], list[Any]]
    in_order: Callable[[list[Any]], Sequence[Any]]
    conversions: list[tuple[int, Callable[[Any], Any]]]


class PieceSize:
    """How many blocks to ask a node for at once: twice as many while it serves, half as many once it refuses.

    A size that was refused is tried again later, for the refusal may have been of a busy minute.
    """

    def __init__(self) -> None:
        self.blocks, self._bound = FIRST_PIECE, LARGEST_PIECE
        self._served, self._wanted, self._trying = 0, FIRST_TRIAL, False

    def serve(self, size: int, logs: int = 0) -> None:
        """A piece of so many blocks, which hold so many logs, was served."""
        if size < self.blocks or logs >= MANY:
            return  # the last one before the head says nothing
        if self.blocks < self._bound:
            self.blocks = min(self.blocks * 2, self._bound)
            return
        if self._trying:
            self._wanted, self._trying = FIRST_TRIAL, False
        self._served += 1
        if self._served >= self._wanted and self._bound < LARGEST_PIECE:
            self._served, self._trying = 0, True
            self.blocks = self._bound = self._bound * 2

    def refuse(self, size: int) -> None:
        """A piece of so many blocks was refused."""
        if self._trying:
            self._wanted, self._trying = min(2 * self._wanted, LAST_TRIAL), False
        self._served, self.blocks = 0, max(size // 2, 1)
        self._bound = self.blocks


class LogReader:
    """Reads the logs of all contracts; `addresses` maps the contract to its address.

    It remembers which size of piece the node served last.
    """

    def __init__(self, rpc: Rpc, addresses: Mapping[ContractName, str]) -> None:
        self._rpc = rpc
        self._addresses = list(addresses.values())
        self._contracts: dict[str, tuple[ContractName, bytes]] = {
            address.lower(): (name, bytes.fromhex(address[2:])) for name, address in addresses.items()
        }
        self._size, self._names_blocks = PieceSize(), True

    def read(self, first: int, last: int) -> Iterator[Logs]:
        """The logs of blocks `first` to `last`, both included, piece by piece; `last` must not pass the head.

        Raises Unavailable where the node serves not one block or was asked too often, Malformed for impossible logs.
        """
        while first <= last:
            until = min(first + self._size.blocks, last + 1) - 1
            size = until - first + 1
            try:
                logs = self._fetch({"fromBlock": hex(first), "toBlock": hex(until)})
            except (RpcError, AnswerTooLarge) as error:
                if size == 1 or is_too_often(error):
                    raise
                self._size.refuse(size)
                continue
            yield self._decode(first, until, logs)
            self._size.serve(size, len(logs))
            first = until + 1

    def read_blocks(self, blocks: Sequence[tuple[int, bytes]]) -> Logs | None:
        """The logs of successive blocks, by number and hash: of these, even where the chain was reorganised. None where
        the node does not show them so.

        Raises Unavailable where it was asked too often, Malformed for impossible logs.
        """
        if not self._names_blocks:
            return None
        places = [{"blockHash": "0x" + hash_.hex(), "address": self._addresses} for _, hash_ in blocks]
        try:
            answers = self._answers(places)
        except Unavailable as error:
            if is_too_often(error):
                raise
            self._names_blocks = not isinstance(error, RpcError) or error.code not in NOT_KNOWN
            return None
        logs = [(log, block) for answer, block in zip(answers, blocks, strict=True) for log in self._raw(answer)]
        if not all(_is_of(log, *block) for log, block in logs):
            self._names_blocks = False  # it passed over the hash, and answered something else
            return None
        return self._decode(blocks[0][0], blocks[-1][0], [log for log, _ in logs])

    def call(self, first: int, last: int) -> Call:
        """What asks for the logs of blocks `first` to `last` by their numbers."""
        return "eth_getLogs", {"fromBlock": hex(first), "toBlock": hex(last), "address": self._addresses}

    def of_headers(self, answer: Any, headers: Sequence[BlockHeader]) -> Logs | None:
        """The logs of successive blocks by what was answered to `call`: of these, where each log names its block's
        hash, and all of them, where the others' bloom filters say that they have none. None where that is not so: the
        chain may have been reorganised between the two.

        Raises Malformed for impossible logs.
        """
        logs, hashes = self._raw(answer), {header.number: header.hash for header in headers}
        try:
            found = [(quantity(log.block_number), _word(log.block_hash)) for log in logs]
        except ValueError as error:
            raise Malformed(f"the node's logs name no blocks: {error}", url=self._rpc.url) from error
        told, ours = {number for number, _ in found}, [address for _, address in self._contracts.values()]
        silent = (header for header in headers if header.number not in told)
        if any(hashes.get(number) != hash_ for number, hash_ in found) or any(one.may_log(ours) for one in silent):
            return None
        return self._decode(headers[0].number, headers[-1].number, logs)

    def _answers(self, places: list[dict[str, Any]]) -> list[Any]:
        if len(places) == 1:
            return [self._rpc.call("eth_getLogs", places[0])]
        return self._rpc.batch_of("eth_getLogs", [(place,) for place in places])

    def _fetch(self, place: dict[str, str]) -> list[RawLog]:
        return self._raw(self._rpc.call("eth_getLogs", {**place, "address": self._addresses}))

    def _raw(self, answer: Any) -> list[RawLog]:
        try:
            return msgspec.convert(answer, list[RawLog])
        except msgspec.ValidationError as error:
            raise Malformed(f"the node's logs are not logs: {error}", url=self._rpc.url) from error

    def _decode(self, first: int, last: int, logs: list[RawLog]) -> Logs:
        events: list[AnyEvent] = []
        hashes: dict[int, bytes] = {}
        for log in logs:
            event, block_hash = self._event(log)
            if not first <= event.block <= last:
                raise _malformed(log, f"it is of block {event.block}, asked for were {first} to {last}")
            if hashes.setdefault(event.block, block_hash) != block_hash:
                raise _malformed(log, "its block has another hash than the log before says")
            events.append(event)
        events.sort(key=attrgetter("block", "log"))
        if len({(event.block, event.log) for event in events}) < len(events):
            raise Malformed("the node sent two logs for one place in a block", advice="use another RPC endpoint")
        return Logs(first, last, events, hashes)

    def _event(self, log: RawLog) -> tuple[AnyEvent, bytes]:
        """The event, and its block's hash."""
        known = self._contracts.get(log.address.lower())
        if known is None:
            raise _malformed(log, "it is of another contract")
        contract, address = known
        if log.removed:
            raise _malformed(log, "it was removed from the chain")
        shape = _shapes(contract).get(log.topics[0] if log.topics else "")
        if shape is None:
            raise _malformed(log, "the contract has no such event")
        try:
            return _read(shape, log, address), _word(log.block_hash)
        except (ValueError, Malformed) as error:
            raise _malformed(log, str(error)) from error


def _read(shape: _Shape, log: RawLog, address: bytes) -> AnyEvent:
    """The event of a log. Raises ValueError, or Malformed, where a part of it is not in its one form."""
    if len(log.topics) != len(shape.topics) + 1:
        raise ValueError(f"{len(log.topics)} topics, {len(shape.topics) + 1} expected")
    topics, data = [_word(topic) for topic in log.topics], bytes.fromhex(log.data[2:])
    record = LogRecord(quantity(log.block_number), _word(log.transaction_hash), address, topics, data)
    values = [decode(topic) for decode, topic in zip(shape.topics, topics[1:], strict=True)]
    values += shape.data(data)
    for place, convert in shape.conversions:
        values[place] = convert(values[place])
    index = quantity(log.log_index)
    if not 0 <= index <= LARGEST_INDEX:
        raise ValueError(f"its place in the block is {log.log_index[:80]}")
    return shape.kind(*shape.in_order(values), block=record.block, log=index, tx=record.tx, leaf=leaf(record))


@cache
def _shapes(contract: ContractName) -> dict[str, _Shape]:
    """How the contract's events are read, by topic. The records' fields are the ABI's names in snake case."""
    kinds = {kind.__name__: kind for kind in EVENTS}
    events = [entry for entry in committed(contract).abi if entry["type"] == "event"]
    return {"0x" + keccak(signature(entry).encode()).hex(): _shape(entry, kinds[entry["name"]]) for entry in events}


def _shape(entry: dict[str, Any], kind: type[AnyEvent]) -> _Shape:
    indexed = [field for field in entry["inputs"] if field["indexed"]]
    rest = [field for field in entry["inputs"] if not field["indexed"]]
    names = [snake(field["name"]) for field in indexed + rest]
    fields = [field for field in msgspec.structs.fields(kind) if field.name not in Event.__struct_fields__]
    if sorted(names) != sorted(field.name for field in fields):
        raise Malformed("a record has other fields than its event", event=entry["name"])
    conversions = [(names.index(field.name), convert) for field in fields if (convert := _conversion(field.type))]
    return _Shape(
        kind,
        [word_decoder(field["type"]) for field in indexed],
        decoder(rest),
        _arranger([names.index(field.name) for field in fields]),
        conversions,
    )


def _arranger(places: list[int]) -> Callable[[list[Any]], Sequence[Any]]:
    """Puts values in order: first the one at the first of these places."""
    return itemgetter(*places) if len(places) > 1 else lambda values: values


def _conversion(kind: Any) -> Callable[[Any], Any] | None:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct | tuple):
        return lambda words: kind(*words)
    if isinstance(kind, type) and issubclass(kind, IntEnum):
        return kind
    return None


@cache
def snake(name: str) -> str:
    """camelCase to snake_case."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _is_of(log: RawLog, number: int, hash_: bytes) -> bool:
    """Whether a log says that it is of this block. Raises Malformed where it names none."""
    try:
        return (quantity(log.block_number), _word(log.block_hash)) == (number, hash_)
    except ValueError as error:
        raise _malformed(log, str(error)) from error


def _word(text: str) -> bytes:
    word = bytes.fromhex(text[2:])
    if len(word) != 32:
        raise ValueError(f"not 32 bytes: {text}")
    return word


def _malformed(log: RawLog, why: str) -> Malformed:
    return Malformed(
        f"the node sent an impossible log: {why}",
        advice="use another RPC endpoint",
        transaction=log.transaction_hash,
        log_index=log.log_index,
    )
