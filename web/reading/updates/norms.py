"""Norms of updates, as audits computed them: this server's own, else those of a signed report, a member's first."""

from collections.abc import Iterable, Mapping
from math import isqrt
from typing import NamedTuple

from ledger.audit.found import MOST_MEASURED
from ledger.audit.signed_report import CheckedReport
from web.documents.norms import RoundNorms, UpdateNorm
from web.reading.latest import SignedNorms
from web.reading.ledger import Reading

PLACES = 3

Place = tuple[int, int]
"""A job and a round."""


class Squares(NamedTuple):
    """Sums of squares by member index, and the key of the auditor that measured them; empty for this server's own."""

    auditor: str
    by_member: Mapping[int, str]


def signed_norms(reports: Iterable[CheckedReport]) -> dict[Place, tuple[SignedNorms, ...]]:
    """The rounds of several auditors, in the order of their reports: which one counts is known with the chain.

    Of each report MOST_MEASURED updates at most: what is beyond that is left out.
    """
    found: dict[Place, tuple[SignedNorms, ...]] = {}
    for report in reports:
        for place, norms in _norms_of(report).items():
            found[place] = (*found.get(place, ()), norms)
    return found


def _norms_of(checked: CheckedReport) -> dict[Place, SignedNorms]:
    """The rounds of one report: the first that it says of a round counts."""
    report, auditor = checked
    block, hash_ = report.history.block, bytes.fromhex(report.history.hash.removeprefix("0x"))
    found: dict[Place, SignedNorms] = {}
    updates = 0
    for one in report.measured:
        updates += max(1, len(one.squares))
        if updates > MOST_MEASURED:
            break
        found.setdefault((one.job, one.round), SignedNorms(auditor, one.squares, block, hash_))
    return found


def round_squares(now: Reading, job: int, number: int) -> Squares | None:
    """What was measured of a round's updates; None before any audit that this server knows of. A signed report of a
    block that this chain is not known to have says nothing; one of a present member comes before those of others.
    """
    own = now.state.audited.index if now.state.audited else None
    squares = own.measured.get((job, number)) if own else None
    if squares is not None:
        return Squares("", squares)
    signed, headers = now.state.norms.get((job, number), ()), now.state.headers
    here = (one for one in signed if headers.get(one.block) == one.hash)
    first = min(here, key=lambda one: not _is_member(now, one.auditor), default=None)
    return Squares(first.auditor, first.squares) if first else None


def _is_member(now: Reading, key: str) -> bool:
    """Whether a present member speaks with this key."""
    owner = now.snapshot.owners.get(key)
    return owner is not None and now.snapshot.members[owner].key == key


def round_norms(now: Reading, job: int, number: int) -> RoundNorms | None:
    """The same as a document."""
    found = round_squares(now, job, number)
    if found is None:
        return None
    key, updates = found.auditor or None, now.round(job, number).updates
    parts = sorted((index, text) for index, text in found.by_member.items() if index in updates)
    return RoundNorms(
        round=number,
        auditor=key,
        party=now.owner(key) if key and key in now.snapshot.owners else None,
        parts=tuple(UpdateNorm(index=index, norm=norm(text), squares=text) for index, text in parts),
    )


def norm(squares: str) -> str:
    """The root of a whole number, cut after three places: exact integers, the same digits everywhere."""
    digits = str(isqrt(int(squares) * 100**PLACES)).rjust(PLACES + 1, "0")
    return f"{digits[:-PLACES]}.{digits[-PLACES:]}"
