"""Convictions: the fold of what the court found, and of what follows from it at once.

`ledger.history.fold` hands it every event, since a conviction and its effect stand side by side.
"""

from dataclasses import dataclass

from ledger.events import records as r
from ledger.history.impossible import Impossible
from ledger.history.jobs import Jobs
from ledger.history.state import Aggregate, Conviction, JobState, Phase, ShowCall, ShowPlace


@dataclass(slots=True)
class Court:
    """Keeps the convictions in those `jobs`. `due` is the event whose effect comes next: a conviction, or that of a
    model on which a round under way builds."""

    jobs: Jobs
    due: r.Convicted | r.ModelConvicted | None = None

    def apply(self, event: r.AnyCourtEvent) -> None:
        """Take a conviction, or what was shown for one. Raises Impossible where it cannot follow, and then changes
        nothing."""
        match event:
            case r.Convicted():
                self._convict(event)
            case r.Shown():
                self._show(event)

    def _convict(self, event: r.Convicted) -> None:
        """Of the claim that is attested, or of a final one that nobody convicted before."""
        job = self.jobs.require(event.job)
        judged = _standing(job, event.round)
        stands = judged is not None and judged.claim == event.claim and event.before == job.built_on(event.round)
        if judged is None or not stands or not job.model.by_value:
            raise Impossible(f"the court cannot convict round {event.round} of job {event.job} so")
        same = (event.caller, event.claim, event.value)
        shows = (one for place, calls in job.shows.items() if place[:3] == same for one in calls)
        job.convictions += (Conviction(judged.attempt, event, tuple(shows)),)

    def _show(self, event: r.Shown) -> None:
        """The claim may be any: only `refute` holds it to the ledger's."""
        job = self.jobs.require(event.job)
        place = ShowPlace(event.caller, event.claim, event.value, event.low, event.high)
        before = job.shows.get(place, ()) if event.first else ()
        fits = job.model.by_value and event.value < job.model.values
        if not fits or event.first != (before[-1].shown if before else 0) or event.shown <= event.first:
            raise Impossible(f"nothing of job {event.job} can have been shown to the court so")
        job.shows[place] = (*before, ShowCall(event.tx, place.low, place.high, event.first, event.shown))

    def require(self, event: r.AnyEvent) -> None:
        """Let an event pass that must follow now, or any where none must. Raises Impossible."""
        due = self.due
        if due is None and not isinstance(event, r.ModelConvicted):
            return
        match event:
            case r.AttemptFailed() if isinstance(due, r.Convicted):
                fits = self._place(event) == self._place(due) and self._phase(due) is Phase.ATTESTING
            case r.ModelConvicted() if isinstance(due, r.Convicted):
                same = (*self._place(event), event.before) == (*self._place(due), due.before)
                fits = same and self._phase(due) is Phase.FINALISED
            case r.RoundAbandoned() if isinstance(due, r.ModelConvicted):
                fits = event.job == due.job and event.reason is r.Reason.BASE_CONVICTED
            case _:
                fits = False
        if not fits:
            raise Impossible("a conviction and what must follow from it do not stand side by side")

    def follow(self, event: r.AnyEvent) -> None:
        """The event was folded: what must come next."""
        self.due = None
        if isinstance(event, r.Convicted) or (isinstance(event, r.ModelConvicted) and self._under_way(event.job)):
            self.due = event

    def _place(self, event: r.Convicted | r.ModelConvicted | r.AttemptFailed) -> tuple[int, int]:
        return event.job, event.round

    def _phase(self, due: r.Convicted) -> Phase:
        return self.jobs.require(due.job).rounds[due.round].phase

    def _under_way(self, job: int) -> bool:
        current = self.jobs.require(job).current
        return current is not None and not current.phase.terminal


def _standing(job: JobState, number: int) -> Aggregate | None:
    """The attempt at a round that can be convicted: attested now, or final and of the lineage that rounds build on."""
    round_ = job.rounds.get(number)
    if round_ is None or not round_.aggregates:
        return None
    attesting = round_.phase is Phase.ATTESTING and round_ is job.current
    final = round_.phase is Phase.FINALISED and not job.is_convicted(number)
    return round_.aggregates[-1] if attesting or final else None
