"""Which updates have a certificate: the receipts file that an aggregate, or a member against it, names."""

from collections.abc import Iterable
from contextlib import suppress

from ledger.audit.context import Context
from ledger.errors import Malformed, Unavailable
from ledger.formats.cid import RAW, Cid
from ledger.formats.digest import sha256
from ledger.history.state import Aggregate
from ledger.rounds.facts import RoundFacts
from ledger.rounds.receipts import MAX_SIZE, Roll, SignedHave, certified, holders, parse, signed_in_time


class Certificates:
    """What a receipts file comes to, by a round's roll. A file that breaks the form has no receipts.

    What is worked out is kept; without a lock, so that several threads can check the signatures of several files.
    """

    def __init__(self, roll: Roll, receipts: tuple[SignedHave, ...]) -> None:
        self.roll, self.receipts = roll, receipts
        self._certified: frozenset[int] | None = None
        self._holders: dict[int, list[int]] | None = None

    @property
    def certified(self) -> frozenset[int]:
        """The members whose updates have a certificate."""
        if self._certified is None:
            self._certified = frozenset(certified(self.receipts, self.roll))
        return self._certified

    def signers(self, index: int) -> tuple[int, ...]:
        """The members that signed to hold the update of member `index`, ascending."""
        if self._holders is None:
            self._holders = holders(self.receipts, self.roll)
        return tuple(self._holders.get(index, ()))


class ReceiptsFiles:
    """The receipts files of one round, each read once."""

    def __init__(self, audit: Context, facts: RoundFacts) -> None:
        self._audit, self._facts = audit, facts
        self._known: dict[bytes, Certificates | Unavailable] = {}

    @property
    def roll(self) -> Roll:
        return self._facts.roll

    def read(self, digest: bytes) -> Certificates:
        """What the file with this SHA-256 certifies; a file that breaks the form nothing. Raises Unavailable."""
        if digest not in self._known:
            try:
                self._known[digest] = self._read(digest)
            except Unavailable as error:
                self._known[digest] = error
        known = self._known[digest]
        if isinstance(known, Unavailable):
            raise known
        return known

    def read_ahead(self, digests: Iterable[bytes]) -> None:
        """Read those of the files that can be had; the others are not asked for again."""
        for digest in digests:
            with suppress(Unavailable):
                self.read(digest)

    def certify(self) -> None:
        """Check the signatures in the files that were read; several threads can do so for several rounds."""
        for known in self._known.values():
            if isinstance(known, Certificates):
                _ = known.certified

    def in_time(self, given: Certificates, aggregate: Aggregate) -> frozenset[int] | None:
        """The updates with a certificate that was signed in time to oppose an aggregate that leaves them out.

        None where a block's time that decides it is on the node's word.
        """
        opened, published = map(self._audit.blocks, (self._facts.round.opened_in, aggregate.block))
        if opened is None or published is None:
            return frozenset()
        if not (opened.proved and published.proved):
            return None
        by = signed_in_time(opened.time, published.time, self._facts.state.terms.aggregate_seconds)
        if by is None:
            return given.certified
        signed = [(one, block) for one in given.receipts if (block := self._audit.blocks(one.block)) is not None]
        if not all(block.proved for _, block in signed):
            return None
        return frozenset(certified((one for one, block in signed if block.time <= by), self.roll))

    def _read(self, digest: bytes) -> Certificates:
        if digest == sha256(b""):
            return Certificates(self.roll, ())
        try:
            pieces = self._audit.fetch(Cid(RAW, digest), 0, MAX_SIZE + 1)
            receipts = parse(b"".join(bytes(piece) for piece in pieces))
        except Malformed:
            receipts = ()
        return Certificates(self.roll, receipts)
