"""A report of an audit, to be looked up: its claims by name and by job, its lies and open matters by job, the sums
of squares of updates and platform documents by job and round. Pure.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from ledger.audit.answers import WORST
from ledger.audit.claims import place_of
from ledger.audit.report import ClaimAnswer, Lie, Open, PlatformNote, Report

Numbered = tuple[int, Lie]
"""A lie with its place in the report."""


class ReportIndex:
    """What a report says. `worst` is the worst claim of each job, None for all, without those of attempts that were
    under way: these are `attempts`, for they may have failed since.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        self.claims: Mapping[str, ClaimAnswer] = {one.claim: one for one in report.right.claims}
        self.attempts = tuple(one for one in report.right.claims if place_of(one.claim)[2])
        self.measured = {(one.job, one.round): one.squares for one in report.measured}
        self.platforms: dict[tuple[int, int], list[PlatformNote]] = defaultdict(list)
        for note in report.platforms:
            self.platforms[note.job, note.round].append(note)
        self.worst: dict[int | None, ClaimAnswer] = {}
        self.lies: dict[int | None, list[Numbered]] = defaultdict(list)
        self.open: dict[int | None, list[Open]] = defaultdict(list)
        for one in report.right.claims:
            job, _, attempt = place_of(one.claim)
            if attempt is None:
                self._weigh(one, {None, job})
        for number, lie in enumerate(report.lies.list):
            for job in {None, lie.job}:
                self.lies[job].append((number, lie))
        for matter in report.open.list:
            for job in {None, matter.job}:
                self.open[job].append(matter)

    def _weigh(self, one: ClaimAnswer, places: Iterable[int | None]) -> None:
        for place in places:
            worst = self.worst.get(place)
            if worst is None or WORST[one.answer] > WORST[worst.answer]:
                self.worst[place] = one
