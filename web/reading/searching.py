"""The search: what a text may stand for, looked up by one step each in what the reading knows."""

import re
from collections.abc import Iterator

from ledger.errors import Malformed
from ledger.formats.cid import Cid
from web.documents.activity import Match
from web.reading.ledger import Reading

MOST = 20
"""So many matches are shown."""
_HEX = re.compile("(?:0x)?([0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64})")
_NUMBER = re.compile("[0-9]{1,9}")
_ROUND = re.compile("([0-9]{1,9})[./]([0-9]{1,9})")
_SIZES = {20: "key", 28: "short_hash", 32: "hash"}


def search(now: Reading, query: str) -> tuple[tuple[str, ...], tuple[Match, ...]]:
    """What the form of a query says that it may be, and what it names."""
    text = query.strip()
    if not text:
        return (), ()
    word, kind = _bytes(text.lower())
    if word:
        return (kind,), tuple(Match(what=one.what, name="", path=one.path) for one in now.snapshot.feed.find(word))
    kinds, found = ["name"], [*_members(now, text), *_jobs(now, text), *_releases(now, text)]
    if _NUMBER.fullmatch(text):
        kinds, found = [*kinds, "number"], [*_numbered(now, int(text)), *found]
    elif place := _ROUND.fullmatch(text):
        kinds, found = [*kinds, "job_round"], [*_rounds(now, int(place[1]), int(place[2])), *found]
    return tuple(kinds), tuple(found[:MOST])


def transaction_of(query: str) -> str | None:
    """The transaction's hash, with 0x, that a query may be."""
    word, kind = _bytes(query.strip().lower())
    return "0x" + word.hex() if kind == "hash" else None


def _bytes(text: str) -> tuple[bytes, str]:
    """The bytes that a text spells as hexadecimal or as a CID, and what they may be; none for any other text."""
    if digits := _HEX.fullmatch(text):
        word = bytes.fromhex(digits[1])
        return word, _SIZES[len(word)]
    try:
        return Cid.parse(text).digest, "cid"
    except Malformed:
        return b"", ""


def _numbered(now: Reading, number: int) -> Iterator[Match]:
    snapshot = now.snapshot
    if number in snapshot.members:
        yield Match(what="member", name=now.name(number), path=f"/members/{number}")
    if number in snapshot.jobs:
        yield Match(what="job", name=str(number), path=f"/jobs/{number}")
    if 0 < number <= len(snapshot.decisions.proposals):
        yield Match(what="proposal", name=str(number), path=f"/proposals/{number}")


def _rounds(now: Reading, job: int, number: int) -> Iterator[Match]:
    state = now.snapshot.jobs.get(job)
    if state is not None and number in state.rounds:
        yield Match(what="round", name=f"{job}.{number}", path=f"/jobs/{job}/rounds/{number}")


def _members(now: Reading, text: str) -> Iterator[Match]:
    """Members whose names have the text in them: there are 255 at most."""
    wanted = text.casefold()
    for member in now.snapshot.members.values():
        if wanted in member.name.casefold():
            yield Match(what="member", name=member.name, path=f"/members/{member.index}")


def _jobs(now: Reading, text: str) -> Iterator[Match]:
    """Jobs of that name, as far as their documents were read."""
    for state in now.snapshot.jobs.values():
        document = now.document(state)
        if document is not None and document.name.casefold() == text.casefold():
            yield Match(what="job", name=document.name, path=f"/jobs/{state.number}")


def _releases(now: Reading, text: str) -> Iterator[Match]:
    name, marked, version = text.partition("@")
    decisions = now.snapshot.decisions
    found = decisions.release(name, version) if marked else decisions.current.get(name)
    if found is not None:
        yield Match(
            what="release", name=f"{found.name}@{found.version}", path=f"/releases/{found.name}/{found.version}"
        )
