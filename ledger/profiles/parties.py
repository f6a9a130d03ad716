"""The parties whose profiles are merged, in an order of their own, and what each says of a column."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ledger.errors import UsageError
from ledger.formats.alike import look
from ledger.profiles.shared import SharedColumn, SharedProfile, encode

MAX_PARTIES = 255
NEAR, SHORT, LONG, MANY = 2, 4, 40, 100
"""Signs in which a name may differ from another that is asked for; names of fewer or more signs are never near; columns
up to which they are compared at all."""


@dataclass(frozen=True, slots=True)
class PartySide:
    """What one party says of a column."""

    party: str
    rows: int
    column: SharedColumn

    @property
    def cells(self) -> tuple[tuple[Decimal, Decimal, int], ...]:
        """Numbers with their counts as ranges, those that stand apart left out; a single number has no width."""
        of = self.column
        single = ((Decimal(one.value), Decimal(one.value), one.count) for one in of.values if of.kind == "number")
        return (*single, *((Decimal(one.low), Decimal(one.high), one.count) for one in of.bins))

    @property
    def lowest(self) -> Decimal:
        """The lower end of its numbers."""
        return min(low for low, _, _ in self.cells)

    @property
    def highest(self) -> Decimal:
        """The upper end of its numbers."""
        return max(high for _, high, _ in self.cells)

    @property
    def words(self) -> Mapping[str, int]:
        """Its values, and about how often each stands there."""
        return {one.value: one.count for one in self.column.values}

    @property
    def empty(self) -> bool:
        """Whether no row, or next to none, has a value."""
        return not self.column.told and self.column.missing >= self.rows - self.column.missing


@dataclass(frozen=True, slots=True)
class ColumnGroup:
    """Columns of several parties whose names look alike, at most one of each party in `sides`; `doubled` are parties
    that have two.
    """

    name: str
    sides: tuple[PartySide, ...]
    doubled: tuple[str, ...]

    @property
    def parties(self) -> tuple[str, ...]:
        """Who has it."""
        return tuple(side.party for side in self.sides)


def parties_of(profiles: Sequence[SharedProfile]) -> dict[str, SharedProfile]:
    """Profiles by their parties' names, in an order that does not depend on theirs; one without a name gets a number.

    Raises UsageError for none, too many, and for one that is there twice.
    """
    encoded = sorted(((one.name, encode(one), one) for one in profiles), key=lambda item: item[:2])
    if not 0 < len(encoded) <= MAX_PARTIES:
        raise UsageError("profiles of 1 to 255 parties make a draft", actual=len(encoded))
    found: dict[str, SharedProfile] = {}
    for place, (name, data, profile) in enumerate(encoded):
        if place and data == encoded[place - 1][1]:
            raise UsageError(
                "one profile is there twice", advice="name each party's file once", party=name or "unnamed"
            )
        called, number = name or f"party {place + 1}", 2
        while called in found:
            called, number = f"{name or 'party'} ({number})", number + 1
        found[called] = profile
    return found


def groups_of(parties: Mapping[str, SharedProfile]) -> dict[str, ColumnGroup]:
    """Columns by what their names look like, in the parties' order; each is called as most parties call it."""
    sides: dict[str, list[PartySide]] = {}
    for party, profile in parties.items():
        for column in profile.columns:
            sides.setdefault(look(column.name), []).append(PartySide(party, profile.rows, column))
    return {key: _group(found) for key, found in sides.items()}


def _group(sides: Sequence[PartySide]) -> ColumnGroup:
    held = Counter(side.party for side in sides)
    first = {side.party: side for side in reversed(sides)}
    doubled = tuple(party for party, count in held.items() if count > 1)
    return ColumnGroup(commonest(side.column.name for side in sides), tuple(first[party] for party in held), doubled)


def commonest(names: Iterable[str]) -> str:
    """The most frequent text; of several the first by its signs."""
    return min(Counter(names).items(), key=lambda item: (-item[1], item[0]))[0]


def near(name: str, others: Iterable[str]) -> Iterator[str]:
    """Names that differ from one in a letter or two."""
    wanted = look(name)
    for other in others:
        seen = look(other)
        longest = max(len(wanted), len(seen))
        if (
            min(len(wanted), len(seen)) >= SHORT
            and longest <= LONG
            and _distance(wanted, seen) <= min(NEAR, longest // 3)
        ):
            yield other


def _distance(first: str, second: str) -> int:
    """V. I. Levenshtein's (1966), as far as it matters here: more than `NEAR` is as good as any."""
    far = NEAR + 1
    before = {place: place for place in range(far)}
    for place, sign in enumerate(first, 1):
        row = {0: place}
        for at in range(max(place - NEAR, 1), min(place + NEAR, len(second)) + 1):
            changed = before.get(at - 1, far) + (sign != second[at - 1])
            row[at] = min(before.get(at, far) + 1, row.get(at - 1, far) + 1, changed)
        before = row
    return before.get(len(second), far)
