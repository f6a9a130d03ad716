"""Which updates have a certificate: the receipts file that an aggregate, or a member against it, names."""

from collections.abc import Mapping
from dataclasses import dataclass

from ledger.audit.context import Context
from ledger.errors import Malformed
from ledger.formats.cid import RAW, Cid
from ledger.formats.digest import sha256
from ledger.rounds.facts import RoundFacts
from ledger.rounds.receipts import MAX_SIZE, Roll, SignedHave, certified, grace, held, parse


@dataclass(frozen=True)
class Certificates:
    """What a receipts file comes to: `held` is the bitmap of updates that each member signed for, by its index.

    `trouble` says why the file is not one of receipts; it certifies nothing then.
    """

    receipts: tuple[SignedHave, ...]
    held: Mapping[int, int]
    certified: frozenset[int]
    trouble: str = ""

    def signers(self, index: int) -> tuple[int, ...]:
        """The members that signed to hold the update of member `index`, ascending."""
        return tuple(sorted(member for member, updates in self.held.items() if updates >> index & 1))


class ReceiptsFiles:
    """The receipts files of one round, each read once."""

    def __init__(self, audit: Context, facts: RoundFacts) -> None:
        self._audit, self._facts = audit, facts
        self._known: dict[bytes, Certificates] = {}

    @property
    def roll(self) -> Roll:
        return self._facts.roll

    def read(self, digest: bytes) -> Certificates:
        """What the file with this SHA-256 certifies; a file that breaks the form nothing. Raises Unavailable."""
        if digest not in self._known:
            self._known[digest] = self._read(digest)
        return self._known[digest]

    def old(self, given: Certificates, as_of: int) -> frozenset[int]:
        """The updates whose certificate is old enough to oppose an aggregate made as of that block."""
        end, seconds = self._audit.blocks(as_of), grace(self._facts.state.terms.aggregate_seconds)
        if end is None:
            return frozenset()
        latest = end.time - seconds
        return frozenset(certified((one for one in given.receipts if self._is_signed_by(one, latest)), self.roll))

    def _is_signed_by(self, receipt: SignedHave, latest: int) -> bool:
        """Whether its block is one of this chain, no later than that time."""
        block = self._audit.blocks(receipt.block)
        return block is not None and block.hash == receipt.hash and block.time <= latest

    def _read(self, digest: bytes) -> Certificates:
        if digest == sha256(b""):
            return Certificates((), {}, frozenset())
        try:
            pieces = self._audit.fetch(Cid(RAW, digest), 0, MAX_SIZE + 1)
            receipts = parse(b"".join(bytes(piece) for piece in pieces))
        except Malformed as error:
            return Certificates((), {}, frozenset(), error.message)
        roll = self.roll
        return Certificates(receipts, held(receipts, roll), frozenset(certified(receipts, roll)))
