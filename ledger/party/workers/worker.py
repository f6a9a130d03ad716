"""A worker: checks rounds with bytes and blocks that it gets itself, and hands back what it could not have."""

from collections.abc import Callable
from pathlib import Path

from ledger.audit.context import Context, ShownBlock
from ledger.audit.run import check_rounds
from ledger.chain.build import SOLIDITY_NAMES
from ledger.chain.evidence.fetch import ChainWitness
from ledger.chain.rpc import Rpc
from ledger.config import Home, Network
from ledger.errors import FedledgerError
from ledger.events.evidence import Said, SignedStatement, Unproven
from ledger.formats.cid import Cid
from ledger.history.fold import History
from ledger.history.foundation import foundation_of
from ledger.http.outgoing import outgoing_of
from ledger.jobs.document import parse
from ledger.party.named_gateways import named_gateways, remotes
from ledger.party.workers.messages import RoundFindings, RoundsPart, Setup, encode, parse_part, parse_setup
from ledger.rounds.facts import Place
from ledger.store import Pieces, Store
from ledger.store.holders import Holders
from ledger.store.home import open_store

TIMEOUT = 10.0
"""Seconds."""


class RoundsWorker:
    """Checks rounds of one history; `beat` is called as it goes on, by any of its threads."""

    def __init__(self, setup: Setup, beat: Callable[[], None] = lambda: None) -> None:
        network = setup.network
        self._history = History(foundation_of(network), setup.events)
        self._place = Place(network.chain.id, network.contracts.ledger.address)
        self._threads = setup.threads
        gateways = named_gateways(network, self._history.members.values())
        self._holders = Holders(_store(setup.home), tuple(remotes(gateways).values()))
        self._witness = _witness(network)
        self._trouble, self._beat = False, beat

    def check(self, part: RoundsPart) -> list[RoundFindings]:
        """What is found of each round of a part."""
        return [self._checked(part, number) for number in part.numbers]

    def _checked(self, part: RoundsPart, number: int) -> RoundFindings:
        self._beat()
        self._trouble, before, read = False, len(self._holders.bad_copies), 0

        def progress(more: int) -> None:
            nonlocal read
            read += more

        audit = Context(
            self._history,
            self._place,
            self._fetch,
            self._history.name,
            self._threads,
            progress,
            self._show,
            lambda block: self._block(part, block),
            part.signed_to,
        )
        try:
            state, document = self._history.jobs[part.job], parse(part.document)
            check_rounds(audit, state, document, (number,), scorable=part.scorable)
        except FedledgerError:
            self._trouble = True
        if self._trouble or len(self._holders.bad_copies) > before:
            return RoundFindings(None, 0)
        return RoundFindings(audit.found, read)

    def _fetch(self, cid: Cid, start: int, stop: int | None) -> Pieces:
        try:
            for piece in self._holders.read(cid, start, stop):
                self._beat()
                yield piece
        except FedledgerError:
            self._trouble = True
            raise

    def _show(self, said: Said) -> SignedStatement:
        self._beat()
        try:
            return self._witness(said)
        except Unproven:
            self._trouble = True
            raise

    def _block(self, part: RoundsPart, number: int) -> ShownBlock | None:
        """A block that the audit has shown; one that it did not is its own to ask for."""
        if number not in part.blocks:
            self._trouble = True
        return part.blocks.get(number)


def begun(setup: bytes, beat: Callable[[], None]) -> Callable[[bytes], bytes]:
    """What answers parts of an audit's rounds, from bytes to bytes."""
    worker = RoundsWorker(parse_setup(setup), beat)
    return lambda part: encode(worker.check(parse_part(part)))


def _store(home: str) -> Store | None:
    """The auditing party's store, where it is on this machine."""
    try:
        return open_store(Home(Path(home)), create=False) if home else None
    except FedledgerError:
        return None


def _witness(network: Network) -> ChainWitness:
    """Asks the chain node for each transaction by itself: a worker needs few."""
    addresses = {name: getattr(network.contracts, name).address for name in SOLIDITY_NAMES}
    return ChainWitness(Rpc(network.chain.rpc, TIMEOUT, outgoing=outgoing_of(network)), network.chain.id, addresses)
