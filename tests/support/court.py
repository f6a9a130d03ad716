"""Games before the court: a round's integers and trees, the claim over them, and a plain mean to compare with."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

import numpy as np
from support.worlds.world import World

from ledger.court.calldata import calls_of
from ledger.court.conviction import ConvictionFile
from ledger.court.refutation import Accused, Point, place_of
from ledger.court.search import accused_of, find_point
from ledger.events.court import Ground
from ledger.events.records import ModelTerms
from ledger.formats import merkle
from ledger.formats.claims import Claimed, OpenedEntry, RoundName
from ledger.formats.digest import NOTHING, sha256
from ledger.party.refuting.finding import conviction_of

NAME = RoundName(31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3", 1, 1)
DOCUMENT = sha256(b"the job's document")
MEAN, MEDIAN, TRIMMED = 0, 1, 2
INT32 = 1 << 31


def plain_mean(rule: int, trim: int, weights: Sequence[int], values: Sequence[int]) -> int:
    """The mean of one value, by fractions: rounded half away from zero."""
    if rule == MEAN:
        exact = Fraction(sum(w * q for w, q in zip(weights, values, strict=True)), sum(weights))
    else:
        cut = trim if rule == TRIMMED else (len(values) - 1) // 2
        kept = sorted(values)[cut : len(values) - cut]
        exact = Fraction(sum(kept), len(kept))
    size = floor(abs(exact) + Fraction(1, 2))
    return size if exact >= 0 else -size


def terms_of(values: int, rule: int = MEAN, trim: int = 0, **others: int) -> ModelTerms:
    """A job's terms: bounds wide unless given."""
    bounds = {"min_updates": 1, "max_weight": 1000, "max_value": INT32 - 1, "max_norm": 1 << 62} | others
    return ModelTerms(sha256(b"initial"), values, rule, trim, **bounds, by_value=True)


@dataclass
class Game:
    """A round: the base's integers, each update's by member index in the order of the openings, and the model's."""

    terms: ModelTerms
    base: np.ndarray
    updates: dict[int, np.ndarray]
    weights: dict[int, int]
    refused: frozenset[int] = frozenset()
    model: np.ndarray = field(default_factory=lambda: np.zeros(0, "<i4"))
    batches: bytes = b""
    name: RoundName = NAME

    def __post_init__(self) -> None:
        if not len(self.model):
            self.model = np.array([self.expected(at) for at in range(self.terms.values)]).astype("<i4")
        self.batches = self.batches or bytes([len(self.updates)])

    @property
    def admitted(self) -> list[int]:
        """Members, in the order of the openings."""
        return [member for member in self.updates if member not in self.refused]

    def expected(self, value: int) -> int:
        """What the model's value must be, by plain Python."""
        values = [int(self.updates[member][value]) for member in self.admitted]
        weights = [self.weights[member] for member in self.admitted]
        return int(self.base[value]) + plain_mean(self.terms.rule, self.terms.trim, weights, values)

    @property
    def accused(self) -> Accused:
        """The aggregate that publishes the model."""
        entries = [
            OpenedEntry(member, self.weights[member], merkle.root_of(values.tobytes()), sha256(bytes([member]))[:28])
            for member, values in self.updates.items()
        ]
        verdicts = bytes(7 if member in self.refused else 0 for member in sorted(self.updates))
        base, root = (merkle.root_of(values.tobytes()) for values in (self.base, self.model))
        said = Claimed(base, root, sha256(root), 9, b"A" * 32, b"H" * 32, b"R" * 32, NOTHING, verdicts)
        updates = b"".join(one.packed for one in entries)
        return Accused(self.name.job, self.name.round, 0, DOCUMENT, said, updates, self.batches)

    def record(self, values: np.ndarray, value: int) -> bytes:
        """The leaf of a stream that holds a value, and its path."""
        data, leaf = values.tobytes(), place_of(value, self.terms.values).leaf
        path = merkle.proof(merkle.leaf_hashes(data), leaf)
        return data[merkle.LEAF * leaf : merkle.LEAF * (leaf + 1)] + b"".join(path)

    def point(self, value: int) -> Point:
        """The whole proof of a value, right or wrong."""
        admitted = [self.updates[member] for member in self.admitted]
        proof = b"".join(self.record(one, value) for one in (self.model, self.base, *admitted))
        return Point(Ground.VALUE, 0, value, *self.bounds(value), proof)

    def bounds(self, value: int) -> tuple[int, int]:
        """The lowest and highest of the values that count."""
        if self.terms.rule == MEAN:
            return 0, 0
        values = sorted(int(self.updates[member][value]) for member in self.admitted)
        cut = self.terms.trim if self.terms.rule == TRIMMED else (len(values) - 1) // 2
        return values[cut], values[len(values) - 1 - cut]


def convicted(world: World) -> ConvictionFile:
    """The conviction of a world's latest aggregate."""
    facts, aggregate = world.facts, world.aggregate
    point = find_point(facts, aggregate, world.files.fetch)
    assert point is not None
    calls = calls_of(accused_of(facts, aggregate), point, aggregate.claim, world.state.model.values)
    return conviction_of(facts, aggregate, calls, world.witness)
