"""The demo, scene by scene: four hospitals, an aggregator and an auditor, each a process of its own."""

from demo.folder import DRAFT
from demo.observer import Observer
from demo.pages import Pages
from demo.parties import Parties
from demo.process import Fedledger
from demo.result import Result
from demo.scenes.audits import begin_audit
from demo.scenes.founding import found_consortium, open_job, start_evaluation
from demo.scenes.lies import damage_a_copy, lie_about_a_model
from demo.scenes.release import ReleaseFigures, propose_release, publish, vote_on
from demo.scenes.training import await_scores, read_comparison, start_comparison, train
from demo.stage import Stage
from ledger.jobs.document import Job
from ledger.party.connection import Connection

DAMAGED_ROUND = 5


class Demo:
    """What `stage` shows: `rounds` of training, a lie and a damaged copy if `lies`, and a release.

    The stage's folder must be prepared. With `pages`, a port, the consortium's pages are served there; 0 takes a free
    one. Everything that is started ends when the stage's stack closes.
    """

    parties: Parties
    pages: Pages | None = None

    def __init__(self, stage: Stage, *, rounds: int, lies: bool, pages: int | None = None) -> None:
        self.stage, self.rounds, self.lies, self._port = stage, rounds, lies, pages
        self.result = Result()

    def run(self) -> Result:
        """The whole play. Raises Unavailable where a process fails or a step takes too long."""
        with self.result.timed("whole demo"):
            job, observer = self._begin(further=int(self.lies))
            comparison = start_comparison(self.stage, self.rounds)
            figures = ReleaseFigures(self.parties)
            train(observer, self.rounds, self.result, beside_the_last=figures.begin)
            await_scores(observer, self.rounds, self.result)
            audited = begin_audit(self.parties, self.result, "all rounds", "all", "--all")
            gateway = None
            if self.lies:
                audited()
                gateway = lie_about_a_model(observer, self.rounds + 1, self.result)
            self._vouch(comparison, figures)  # after a lie, whose round is the last that the hospitals measure
            if gateway:
                damage_a_copy(observer, job, min(DAMAGED_ROUND, self.rounds), gateway, self.result)
            with self.result.timed("release"):
                made = propose_release(self.parties, figures, self.rounds + self.lies, self.result)
                messenger = vote_on(self.parties, made)
                if not self.lies:
                    audited()  # the members vote while the auditor is at it; nothing is released before it answers
                self.result.release = publish(observer, messenger, made)
        return self.result

    def _vouch(self, comparison: Fedledger, figures: ReleaseFigures) -> None:
        read_comparison(self.stage, comparison, self.result)
        figures.vouch()

    def _begin(self, further: int, draft: str = DRAFT) -> tuple[Job, Observer]:
        """Found the consortium, open its job, of `rounds` and `further` ones, and observe it."""
        self.parties = found_consortium(self.stage, self.rounds + further, draft)
        if self._port is not None:
            self.pages = Pages(self.parties, self._port)
        job = open_job(self.parties, self.rounds, draft)
        metrics = start_evaluation(self.parties)
        if self.pages:
            self.pages.announce()
        visit = Connection.visit(self.parties.local.network, self.stage.folder / "view")
        return job, Observer(self.parties, self.stage.stack.enter_context(visit), metrics)
