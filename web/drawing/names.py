"""Names that somebody chose: short, printable, alone in their direction, and told apart."""

from collections import Counter
from collections.abc import Iterable, Sequence
from unicodedata import east_asian_width

from markupsafe import Markup

from ledger.errors import plain

SHORT_NAME, LONGEST_NAME = 20, 64
"""A name that is longer than a member's may be is cut: members are told apart by their whole names."""
LONG = 48
"""The columns of a name that stands alone: in a legend, a table, a sentence."""
_ISOLATE = "\u2068{}\u2069"
"""Unicode's first-strong isolate: a name written from right to left moves nothing beside it."""


def name(text: str) -> Markup:
    """A name on a page, cut in the middle if it is very long."""
    clean = _clean(text)
    if len(clean) <= SHORT_NAME:
        return Markup('<bdi class="short">{}</bdi>').format(clean)
    if len(clean) <= LONGEST_NAME:
        return Markup("<bdi>{}</bdi>").format(clean)
    shown = f"{clean[: LONGEST_NAME * 2 // 3]}…{clean[1 - LONGEST_NAME // 3 :]}"
    return Markup('<bdi title="{}">{}</bdi>').format(clean[:500], shown)


def short_name(text: str, room: int = LONG) -> str:
    """A name in so many columns, cut in its middle: names often differ at their ends."""
    return _ISOLATE.format(_cut(_clean(text), room))


def plain_name(name: str, room: int = LONG) -> str:
    """The same without what isolates it: for tables, and as a part of other text."""
    return _cut(_clean(name), room)


def told_apart(names: Sequence[str], room: int) -> list[str]:
    """Short names, with a number before those that are still alike."""
    cut = [_cut(_clean(one), room) for one in names]
    twins = {one for one, count in Counter(cut).items() if count > 1}
    seen: dict[str, int] = {}
    told = []
    for one in cut:
        before = ""
        if one in twins:
            seen[one] = seen.get(one, 0) + 1
            before = f"{seen[one]}: "
        told.append(_ISOLATE.format(before + _cut(one, room - len(before))))
    return told


def _clean(text: str) -> str:
    return plain(text).replace("\n", " ")


def _cut(text: str, room: int) -> str:
    """At most so many columns; a Chinese character takes two. Two parts of three are the beginning."""
    if sum(map(_columns, text)) <= room:
        return text
    tail = _taken(reversed(text), (room - 1) // 3)
    head = _taken(text, room - 1 - sum(map(_columns, tail)))
    return f"{head}…{tail[::-1]}"


def _taken(characters: Iterable[str], room: int) -> str:
    kept = ""
    for character in characters:
        room -= _columns(character)
        if room < 0:
            break
        kept += character
    return kept


def _columns(character: str) -> int:
    return 2 if east_asian_width(character) in "WF" else 1
