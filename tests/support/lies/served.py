"""What a server serves of a ledger, and an audit that sees nothing else.

An honest server serves the world as it is (`serve`). A liar changes any part of that: events (which it serves as raw
logs), transactions, blocks, the contracts' words, files. It has no keys but its own.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import msgspec
from support.lies.base import Consortium
from support.worlds.chain import ADDRESSES, CHAIN, CONTRACT, block_hash, contract_of
from support.worlds.logged import log_of, logged
from support.worlds.signing import sign
from support.worlds.world import NAMES, READ

from ledger.audit import Audit, Observed, Question, scope_of
from ledger.audit.context import ShownBlock
from ledger.audit.observed import final_casts, final_claims, final_judgement
from ledger.audit.report import Report
from ledger.chain.evidence.fetch import proof
from ledger.chain.logs import LogReader
from ledger.errors import FedledgerError, Unavailable
from ledger.events import records as r
from ledger.events.evidence import BlockName, Said, SignedStatement, Unproven
from ledger.formats.cid import Cid
from ledger.formats.claims import COMMITMENT, RoundName, claim_of
from ledger.formats.digest import NOTHING, keccak
from ledger.formats.unixfs import cid_of
from ledger.history.fold import History, HistoryError
from ledger.history.foundation import Foundation
from ledger.rounds.facts import Place

CODE = {"Consortium": ("0x11", "0x11"), "RoundLedger": ("0x22", "0x22")}
EVERYTHING = Question()
Hashes = Callable[[int], bytes]


@dataclass(frozen=True)
class Served:
    """The answers of a chain node and of the holders of files; `hashes` says how far its chain goes, and how."""

    foundation: Foundation
    events: tuple[r.Event, ...]
    transactions: Mapping[bytes, tuple[bytes, int]]
    files: Mapping[Cid, bytes]
    observed: Observed
    hashes: Hashes = block_hash
    last: int = 1 << 30

    def block(self, number: int) -> ShownBlock | None:
        """A block as the node shows it: one every 12 seconds."""
        return ShownBlock(self.hashes(number), 12 * number, proved=True) if 0 <= number <= self.last else None

    def fetch(self, cid: Cid, start: int, stop: int | None) -> Iterator[memoryview]:
        """A file as a store reads it: what does not match its CID is nobody's."""
        data = self.files.get(cid)
        if data is None or not _matches(cid, data):
            raise Unavailable("nobody holds the file", cid=cid)
        yield memoryview(data)[start:stop]

    def witness(self, said: Said) -> SignedStatement:
        """A transaction, where the node shows one that says so."""
        if said.tx not in self.transactions:
            raise Unproven("the node has no such transaction", tx=said.tx.hex())
        raw, block = self.transactions[said.tx]
        if keccak(raw) != said.tx:
            raise Unproven("the node shows another transaction than was asked for", tx=said.tx.hex())
        found = _proof(raw, msgspec.json.encode(said._replace(opening=None, claim=None)))
        if isinstance(found, str):
            raise Unproven(found, tx=said.tx.hex())
        return msgspec.structs.replace(found, block=BlockName(number=block, hash="0x" + self.hashes(block).hex()))

    def history(self) -> History:
        """The events, folded. Raises HistoryError."""
        return History(self.foundation, self.events)  # type: ignore[arg-type]

    def with_events(self, events: Iterable[r.Event]) -> "Served":
        """The same with other events; the contracts' words stay."""
        return replace(self, events=tuple(events))

    def with_event(self, place: int, event: r.Event) -> "Served":
        """The same with one event in the place of another."""
        return self.with_events((*self.events[:place], event, *self.events[place + 1 :]))

    def matched(self) -> "Served":
        """The contracts' words forged to match the events; as they are where those do not fold."""
        try:
            return replace(self, observed=observed(self.history()))
        except HistoryError:
            return self

    def showing(self, raw: bytes, block: int) -> "Served":
        """The same with one more transaction, under its own hash."""
        return replace(self, transactions={**self.transactions, keccak(raw): (raw, block)})

    def without(self, *files: Cid) -> "Served":
        """The same, of which nobody holds these files any more."""
        return replace(self, files={cid: data for cid, data in self.files.items() if cid not in files})


def serve(world: Consortium) -> Served:
    """What an honest server and honest holders serve."""
    return Served(
        world.foundation,
        tuple(world.events),
        dict(world.transactions),
        dict(world.files.files),
        observed(world.history),
        world.hash_of,
        world.block,
    )


def observed(history: History) -> Observed:
    """What the contracts keep after a history."""
    models, claims, scores = {}, {}, {}
    commitments: dict[tuple[int, str], tuple[bytes, int]] = {}
    strikes: dict[tuple[int, int], int] = {}
    keys = [key for member in history.members.values() for key in member.keys]
    for job, state in history.jobs.items():
        commitments |= {(job, key): (bytes(COMMITMENT), 0) for key in keys}
        strikes |= {(job, index): state.strikes.get(index, 0) for index in history.members}
        claims |= {(job, before): claim for before, claim in final_claims(state).items()}
        scores |= {(job, number): scoring.root for number, scoring in state.scorings.items()}
        for number, round_ in state.rounds.items():
            models[job, number] = round_.final.root if round_.final else NOTHING
            commitments |= {(job, one.party): (one.digest, number) for one in round_.commitments.values()}
    casts = {
        (job, number): cast for job in history.jobs for number, cast in final_casts(history.masks.get(job)).items()
    }
    judged = {job: final_judgement(state) for job, state in history.jobs.items()}
    return Observed(CODE, None, models, claims, scores, commitments, strikes, casts, judged)


def audit(served: Served, question: Question = EVERYTHING, *, disputed: bool = False) -> Report:
    """The report on what is served. Raises FedledgerError where the command refuses; `disputed`: another endpoint has
    another block in the place of the last one.
    """
    history = served.history()
    found = Audit(history, Place(CHAIN, CONTRACT), served.fetch, _name, witness=served.witness, blocks=served.block)
    if disputed:
        found.found.doubted.add(None)
    found.run(served.observed, scope_of(history, question))
    return found.report(question, READ, "test", ADDRESSES["consortium"])


def relogged(event: r.Event) -> r.Event:
    """The event as an auditor decodes the raw log that a server makes of it.

    Raises Malformed where the log cannot be read, and what the encoder raises for values that no log can hold.
    """
    log = log_of(event, ADDRESSES)
    shown = {
        "address": "0x" + log.contract.hex(),
        "topics": ["0x" + topic.hex() for topic in log.topics],
        "data": "0x" + log.data.hex(),
        "blockNumber": hex(event.block),
        "blockHash": "0x" + block_hash(event.block).hex(),
        "transactionHash": "0x" + event.tx.hex(),
        "logIndex": hex(event.log),
    }
    (read,) = LogReader(_Node(shown), ADDRESSES).read(event.block, event.block)  # type: ignore[arg-type]
    return read.events[0]


def changed(event: r.Event, **fields: Any) -> r.Event:
    """The event with other fields, and the leaf that follows."""
    return logged(msgspec.structs.replace(event, **fields), ADDRESSES)


def signed(event: r.Event, nonce: int | None = None, **implied: Any) -> tuple[r.Event, bytes]:
    """The event as its own member signs it, with the raw transaction; only for what a member says by itself. `implied`
    is what its call says and the event does not."""
    fields = {name: getattr(event, name) for name in type(event).__struct_fields__} | implied
    to = ADDRESSES[contract_of(type(event))]
    raw = sign(type(event), fields, to, CHAIN, event.block if nonce is None else nonce)
    assert raw is not None, "nobody signs this event by itself"
    return changed(event, tx=keccak(raw)), raw


def implied(truth: Served, event: r.Event, made: r.Event) -> dict[str, Any]:
    """What the call behind `made` says and it does not, in place of `event`: the claim of an aggregate, of
    the openings that there were."""
    if not isinstance(event, r.AggregatePublished) or not isinstance(made, r.AggregatePublished):
        return {}
    opened = truth.history().jobs[event.job].rounds[event.round].opened
    return {"claim": claim_of(RoundName(CHAIN, ADDRESSES["ledger"], made.job, made.round), opened, made.aggregate)}


class _Node:
    """A node that has one log."""

    url = "http://liar.test"

    def __init__(self, log: dict[str, Any]) -> None:
        self._log = log

    def call(self, method: str, *arguments: Any) -> Any:
        return [self._log]


def _name(index: int) -> str:
    return NAMES[index] if index < len(NAMES) else f"member {index}"


@lru_cache(maxsize=1 << 14)
def _matches(cid: Cid, data: bytes) -> bool:
    return cid_of([data])[0] == cid


@lru_cache(maxsize=1 << 14)
def _proof(raw: bytes, said: bytes) -> SignedStatement | str:
    """The statement in a transaction that is what was said, or why there is none."""
    try:
        return proof(raw, msgspec.json.decode(said, type=Said), CHAIN, ADDRESSES)
    except FedledgerError as error:
        return error.message
