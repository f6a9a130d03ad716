"""Rows dealt to clients: evenly, by Dirichlet's distribution, or by classes.

Pure, and by integers alone, so that the same seed deals the same rows on every machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from ledger.errors import UsageError
from ledger.formats.digest import encode, sha256
from ledger.formats.draws import Draws

FORMS = "iid, dirichlet:ALPHA, classes:K"
_DIGITS = 12
"""Longest number in a partition's text."""

Places = list[list[int]]
"""For each client, where its rows stand among all."""


@dataclass(frozen=True, slots=True)
class Iid:
    """All rows in a random order, dealt evenly."""

    def __str__(self) -> str:
        return "iid"


@dataclass(frozen=True, slots=True)
class Dirichlet:
    """The rows of each class dealt by shares from Dirichlet's symmetric distribution (Hsu, Qi and Brown 2019): the
    smaller `alpha`, the more unlike the clients.
    """

    alpha: Fraction

    def __str__(self) -> str:
        return f"dirichlet:{float(self.alpha):g}"


@dataclass(frozen=True, slots=True)
class Classes:
    """Each client has rows of so many classes only (after McMahan et al. 2017)."""

    number: int

    def __str__(self) -> str:
        return f"classes:{self.number}"


Partition = Iid | Dirichlet | Classes


def parse(text: str) -> Partition:
    """A partition as it is written. Raises UsageError for another form, naming those there are."""
    kind, _, number = text.partition(":")
    if text == "iid":
        return Iid()
    if len(number) <= _DIGITS and number.isascii():
        if kind == "dirichlet" and number.replace(".", "", 1).isdecimal() and Fraction(number) > 0:
            return Dirichlet(Fraction(number))
        if kind == "classes" and number.isdecimal() and int(number) > 0:
            return Classes(int(number))
    raise UsageError("there is no such partition", expected=FORMS, actual=text[:80])


def divide(partition: Partition, rows: Sequence[int] | int, clients: int, seed: int) -> Places:
    """Deal rows to clients: `rows` is each row's class, or their number where the partition needs no classes.

    With `Classes` some rows may be left over, where clients are too few for all classes. Raises UsageError where there
    are fewer rows than clients, where a client is left without rows, and for more classes each than there are.
    """
    number = rows if isinstance(rows, int) else len(rows)
    if number < clients:
        raise UsageError(
            "there are more clients than rows",
            advice="simulate fewer --clients, or bring more rows",
            clients=clients,
            rows=number,
        )
    draws = Draws(sha256(encode(["simulated partition", seed])))
    match partition:
        case Iid():
            return _dealt(draws.order(number), clients)
        case Dirichlet(alpha=alpha):
            places = _by_shares(alpha, _by_class(rows), clients, draws)
        case Classes(number=each):
            places = _by_slots(each, _by_class(rows), clients, draws)
    _check_all_have_rows(places, partition)
    return places


def _by_class(rows: Sequence[int] | int) -> list[list[int]]:
    """Where the rows of each class stand, classes ascending."""
    if isinstance(rows, int):
        raise UsageError("this partition needs rows with classes", advice="use --partition iid")
    found: dict[int, list[int]] = {}
    for place, kind in enumerate(rows):
        found.setdefault(kind, []).append(place)
    return [found[kind] for kind in sorted(found)]


def _dealt(places: Sequence[int], hands: int) -> Places:
    """Dealt like cards."""
    return [sorted(places[hand::hands]) for hand in range(hands)]


def _by_shares(alpha: Fraction, classes: list[list[int]], clients: int, draws: Draws) -> Places:
    """By Polya's urn, which deals rows exactly as shares from Dirichlet's distribution would (Blackwell and MacQueen
    1973): a row goes where an earlier one of its class went, each weighing 1, or anywhere, each client weighing alpha.
    """
    places: Places = [[] for _ in range(clients)]
    anywhere = clients * alpha.numerator
    for members in classes:
        urn: list[int] = []
        for place in members:
            drawn = draws.below(anywhere + alpha.denominator * len(urn))
            fresh = drawn < anywhere
            client = drawn // alpha.numerator if fresh else urn[(drawn - anywhere) // alpha.denominator]
            urn.append(client)
            places[client].append(place)
    return [sorted(own) for own in places]


def _by_slots(each: int, classes: list[list[int]], clients: int, draws: Draws) -> Places:
    """Every client has `each` slots in a row of slots that takes the classes in turn, in a random order."""
    if each > len(classes):
        raise UsageError(
            "a client cannot have more classes than there are",
            advice="lower K in --partition classes:K",
            classes=len(classes),
            actual=each,
        )
    order = draws.order(len(classes))
    slots: list[list[int]] = [[] for _ in classes]
    for slot in range(clients * each):
        slots[order[slot % len(classes)]].append(slot // each)
    places: Places = [[] for _ in range(clients)]
    for members, owners in zip(classes, slots, strict=True):
        mixed = [members[place] for place in draws.order(len(members))]
        for owner, hand in zip(owners, _dealt(mixed, len(owners)) if owners else (), strict=True):
            places[owner] += hand
    return [sorted(own) for own in places]


def _check_all_have_rows(places: Places, partition: Partition) -> None:
    empty = [client for client, own in enumerate(places) if not own]
    if empty:
        further = ", or a larger ALPHA" if isinstance(partition, Dirichlet) else ""
        raise UsageError(
            "the partition leaves a client without rows",
            advice=f"simulate fewer --clients, bring more rows, or try another --seed{further}",
            client=empty[0],
            partition=str(partition),
            without_rows=len(empty),
            clients=len(places),
        )
