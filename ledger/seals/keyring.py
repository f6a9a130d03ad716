"""What one reader opens updates with: its read keys, and the slips that it has of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ledger.errors import Malformed, Refuted, Unavailable
from ledger.masks.secret import Secret
from ledger.seals.keys import ContentKey, UpdateName
from ledger.seals.slips import Slips


@dataclass(frozen=True, slots=True)
class BadSlips:
    """Who signed slips that are not what they must be, and what is wrong with them."""

    author: str
    slips: Slips
    error: Refuted


@dataclass(frozen=True, slots=True)
class FoundKey:
    """What slips of an update led to: its key where one opened, those that are to blame for others, and the readers'
    points in files that are right.
    """

    key: ContentKey | None
    bad: tuple[BadSlips, ...]
    covered: frozenset[bytes] = frozenset()


def find_key(
    name: UpdateName, cid: bytes, commitment: bytes, slips: Iterable[tuple[Slips, str]], read_keys: Sequence[Secret]
) -> FoundKey:
    """The key of the update `name`, whose sealed file has this CID digest and this commitment in its head.

    `slips` come with who signed them. Those for something else count as none; with the key at hand, all others are held
    to it, so that garbage for another reader is seen as well.
    """
    given = tuple(slips)
    found = open_key(name, cid, commitment, given, read_keys)
    return found if found.key is None else held_to(found.key, cid, given)


def open_key(
    name: UpdateName, cid: bytes, commitment: bytes, slips: Iterable[tuple[Slips, str]], read_keys: Sequence[Secret]
) -> FoundKey:
    """The same by one packet of each file until one opens: what is for other readers is not looked at."""
    bad = list[BadSlips]()
    for one, author in slips:
        if not _fits(one, name, cid, commitment):
            continue
        for read_key in read_keys:
            try:
                return FoundKey(one.open(read_key), tuple(bad))
            except Unavailable:
                continue
            except Refuted as error:
                bad.append(BadSlips(author, one, error))
    return FoundKey(None, tuple(bad))


def held_to(key: ContentKey, cid: bytes, slips: Iterable[tuple[Slips, str]]) -> FoundKey:
    """All slips of the update that was sealed with `key` under this CID digest, held to it: about 0.1 ms a reader."""
    fitting = [(one, author) for one, author in slips if _fits(one, key.name, cid, key.commitment)]
    checked = [(one, author, _wrong(one, key)) for one, author in fitting]
    bad = [BadSlips(author, one, wrong) for one, author, wrong in checked if wrong is not None]
    covered = frozenset(point for one, _, wrong in checked if wrong is None for point in one.packets)
    return FoundKey(key, tuple(bad), covered)


def _fits(slips: Slips, name: UpdateName, cid: bytes, commitment: bytes) -> bool:
    try:
        slips.check_for(name, cid, commitment)
    except Malformed:
        return False
    return True


def _wrong(slips: Slips, key: ContentKey) -> Refuted | None:
    try:
        slips.check(key)
    except Refuted as error:
        return error
    except Malformed as error:  # a reader that is no point, of whom nobody can have a key
        return Refuted(f"slips are for a reader that there cannot be: {error.message}", party=key.name.party)
    return None
