"""Documents of what is set beside each other: two models, with what was measured of them."""

from fractions import Fraction
from itertools import islice

from ledger.releases.counts import decimal
from ledger.releases.report import ROWS, Evaluation, Metrics, PartyFigures, RoundFigures
from web.documents.comparison import ComparedSide, FigureChange, Of, SideFigures
from web.documents.decisions import ReleaseLine
from web.reading.evaluations.evidence import evaluation_of, evaluations, named_by
from web.reading.ledger import Reading
from web.reading.models import finalised_rounds, model_line
from web.reading.releases import newest_releases, release_line
from web.reading.updates.weights import round_weights

MOST_CHOICES = 40


def choices(now: Reading) -> tuple[str, ...]:
    """Models that can be compared: the newest releases, then the newest models of each job, newest job first."""
    released = [f"{one.name}@{one.version}" for one in islice(newest_releases(now), MOST_CHOICES // 2)]
    jobs = reversed(list(now.snapshot.jobs.values()))
    made = (f"{state.number}/{one.number}" for state in jobs for one in finalised_rounds(state, len(state.rounds) + 1))
    return (*released, *islice(made, MOST_CHOICES - len(released)))


def sides(now: Reading, a: str | None, b: str | None) -> tuple[ComparedSide | None, ComparedSide | None]:
    """The models that were asked for. Both are shown by one report where one measured both.

    Raises NotFound where there is no such release or model.
    """
    asked = [None if text is None else _asked(now, text) for text in (a, b)]
    both = [one for one in asked if one is not None]
    shared = None
    if len(both) == 2 and both[0][0] == both[1][0]:
        numbers = {number for _, number, _ in both}
        found = (one.report for one in evaluations(now, both[0][0]) if one.report)
        shared = next((report for report in found if numbers <= _measured(report)), None)
    first, second = (
        None if one is None or text is None else _side(now, text, one, shared)
        for text, one in zip((a, b), asked, strict=True)
    )
    return first, second


_Asked = tuple[int, int, ReleaseLine | None]
"""A job, a round, and the release that it was asked for by."""


def _asked(now: Reading, text: str) -> _Asked:
    name, at, version = text.partition("@")
    if at:
        found = now.release(name, version)
        return found.job, found.round, release_line(now, found)
    job, _, number = text.partition("/")
    now.round(int(job), int(number))
    return int(job), int(number), None


def _side(now: Reading, text: str, asked: _Asked, shared: Evaluation | None) -> ComparedSide:
    job, number, release = asked
    state, round_ = now.job(job), now.round(job, number)
    line = model_line(now, state, round_)
    report = shared or _own_report(now, job, number, release)
    own = report is not None and report.round == number
    means = {one.round: one.metrics for one in report.rounds} if report and not own else {}
    return ComparedSide(
        asked=text,
        job=job,
        round=number,
        root=line.root,
        release=release,
        digest=report.digest.hex() if report else None,
        named_by=named_by(now, report.digest) if report else None,
        samples=report.samples if report else 0,
        mean=dict(report.mean) if report and own else dict(means.get(number, {})),
        pooled=dict(report.pooled) if report and own else {},
        counts=report.together if report and own else None,
        parties=_parties(now, report, number) if report else (),
        weights=round_weights(now, state, round_),
    )


def _own_report(now: Reading, job: int, number: int, release: ReleaseLine | None) -> Evaluation | None:
    """The report that a release names; else the newest on the model; else the newest that measures it."""
    if release is not None and release.report:
        root, digest = bytes.fromhex(release.root), bytes.fromhex(release.report)
        found = evaluation_of(now, job, number, root, digest).report
        if found is not None:
            return found
    reports = [one.report for one in evaluations(now, job) if one.report and number in _measured(one.report)]
    return next((one for one in reports if one.round == number), reports[0] if reports else None)


def _measured(report: Evaluation) -> set[int]:
    """The rounds whose models some party of a report measured."""
    return {report.round} | {one.round for party in report.parties for one in party.rounds}


def _parties(now: Reading, report: Evaluation, number: int) -> tuple[SideFigures, ...]:
    found = ((party, _figures(party, number, report.round)) for party in report.parties)
    return tuple(
        SideFigures(
            party=party.party,
            key=party.key,
            member=party.key in now.snapshot.owners,
            samples=party.samples,
            rows=ROWS[party.rows],
            metrics=dict(one.metrics),
        )
        for party, one in found
        if one is not None
    )


def _figures(party: PartyFigures, number: int, own: int) -> PartyFigures | RoundFigures | None:
    if number == own:
        return party
    return next((one for one in party.rounds if one.round == number), None)


def differences(a: ComparedSide, b: ComparedSide) -> tuple[FigureChange, ...]:
    """What both have: of all rows together, of the mean over samples, of each party in both."""
    theirs = {party.key: party for party in b.parties}
    found: list[tuple[Of, SideFigures | None, Metrics, Metrics]] = [
        ("pooled", None, a.pooled, b.pooled),
        ("mean", None, a.mean, b.mean),
        *(("party", one, one.metrics, theirs[one.key].metrics) for one in a.parties if one.key in theirs),
    ]
    return tuple(
        FigureChange(
            of=of,
            party=party.party if party else "",
            member=party is None or party.member,
            metric=metric,
            a=first[metric],
            b=second[metric],
            change=decimal(Fraction(second[metric]) - Fraction(first[metric])),
        )
        for of, party, first, second in found
        for metric in sorted(first.keys() & second.keys(), key=lambda name: (name != "accuracy", name))
    )
