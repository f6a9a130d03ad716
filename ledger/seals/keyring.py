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
    """What slips of an update led to: its key where one opened, and those that are to blame for others."""

    key: ContentKey | None
    bad: tuple[BadSlips, ...]


def find_key(
    name: UpdateName, cid: bytes, commitment: bytes, slips: Iterable[tuple[Slips, str]], read_keys: Sequence[Secret]
) -> FoundKey:
    """The key of the update `name`, whose sealed file has this CID digest and this commitment in its head.

    `slips` come with who signed them. Those for something else count as none; with the key at hand, all others are held
    to it, so that garbage for another reader is seen as well.
    """
    fitting = [(one, author) for one, author in slips if _fits(one, name, cid, commitment)]
    key, bad = None, []
    for one, author in fitting:
        for read_key in read_keys:
            try:
                key = key or one.open(read_key)
            except Unavailable:
                continue
            except Refuted as error:
                bad.append(BadSlips(author, one, error))
    if key is not None:
        checked = ((one, author, _wrong(one, key)) for one, author in fitting)
        bad = [BadSlips(author, one, wrong) for one, author, wrong in checked if wrong is not None]
    return FoundKey(key, tuple(bad))


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
    return None
