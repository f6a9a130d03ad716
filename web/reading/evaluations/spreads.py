"""Documents of what follows from an evaluation report: who measured and who did not, and how far parties are apart."""

from bisect import bisect_left
from operator import attrgetter

from ledger.events.records import Role
from ledger.releases.counts import decimal
from ledger.releases.intervals import Site
from ledger.releases.report import Evaluation, RoundFigures
from web.documents.common import PartyDocument
from web.documents.spreads import PartyRounds, SiteShare, SpreadDocument
from web.reading.ledger import Reading


def unmeasured(now: Reading, job: int, number: int, report: Evaluation) -> tuple[PartyDocument, ...]:
    """The participants of the report's round that are not in the report under any of their keys."""
    state = now.snapshot.jobs.get(job)
    round_ = state.rounds.get(number) if state else None
    owners = now.snapshot.owners
    measured = {owners[party.key] for party in report.parties if party.key in owners}
    return tuple(
        now.member_party(member.index)
        for member in now.snapshot.members.values()
        if round_ is not None and member.acts(Role.PARTICIPANT, round_.epoch) and member.index not in measured
    )


def spread_of(report: Evaluation) -> SpreadDocument | None:
    """How far parties are apart; None where fewer than two have counts."""
    found = report.spread
    if found is None:
        return None
    return SpreadDocument(
        sites=tuple(map(_site, found.sites)),
        worst=found.worst.name,
        best=found.best.name,
        gap=decimal(found.gap),
        low=decimal(found.low),
        high=decimal(found.high),
    )


def _site(site: Site) -> SiteShare:
    share = site.right
    return SiteShare(
        name=site.name,
        right=share.part,
        rows=share.whole,
        share=decimal(share.value),
        low=decimal(share.low),
        high=decimal(share.high),
    )


def around(rounds: tuple[RoundFigures, ...], number: int, many: int) -> tuple[RoundFigures, ...]:
    """The figures of a round and of so many before and after it; none where the round has none."""
    place = bisect_left(rounds, number, key=attrgetter("round"))
    if place == len(rounds) or rounds[place].round != number:
        return ()
    return rounds[max(0, place - many) : place + many + 1]


def parties_around(now: Reading, report: Evaluation, number: int, many: int) -> tuple[PartyRounds, ...]:
    """What each party measured of a round's model and of those around it; parties that did not are left out."""
    found = ((party, around(party.rounds, number, many)) for party in report.parties)
    return tuple(
        PartyRounds(
            party=party.party,
            key=party.key,
            member=party.key in now.snapshot.owners,
            samples=party.samples,
            rounds=rounds,
        )
        for party, rounds in found
        if rounds
    )
