"""What every role's worker does alike. A worker takes one member's steps, each decided purely and then carried out; it
remembers nothing that matters.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING

from ledger.audit.report import Endpoint
from ledger.errors import FedledgerError, Malformed
from ledger.history.agreement import contradiction
from ledger.history.fold import History
from ledger.history.state import JobState
from ledger.jobs.document import Job
from ledger.jobs.scores import NoScoring
from ledger.party.connection import Connection
from ledger.party.copies import Copies, Gathering
from ledger.party.journal import Journal
from ledger.party.nodes.witnesses import Findings, HistoryPoint
from ledger.rounds.facts import RoundFacts
from ledger.rounds.steps import Advance, Nudge, Wait

if TYPE_CHECKING:
    from ledger.chain.sender import Sender


_OTHER: Mapping[bool | None, tuple[str, str]] = {
    True: ("agreed", "{url} shows the same history again"),
    False: ("disagreed", "nothing is signed: {url} shows another history than the own node"),
    None: ("unheard", "{url} does not confirm the history"),
}
_OWN: Mapping[bool | None, tuple[str, str]] = {
    True: ("proved", "the log of {url} is proved again"),
    False: ("disproved", "nothing is signed: what {url} shows is not believed; ask another node"),
    None: ("unproved", "the log of {url} cannot be proved, and is taken on its word"),
}
"""By what a node was found to be: the action, and its words."""


class Worker(ABC):
    """Takes a role's steps, on one connection and with one key."""

    def __init__(self, connection: Connection, sender: "Sender", journal: Journal) -> None:
        self._connection, self._sender, self._journal = connection, sender, journal
        self.copies = Copies(connection)
        self._told: set[tuple[int, int, int, str]] = set()
        self._heard: dict[str, str] = {}
        self._points: dict[tuple[int, int, str], HistoryPoint] = {}
        self._facts: dict[int, RoundFacts] = {}
        self._patient = set[int]()

    @property
    def key(self) -> str:
        """The address of the key it acts with."""
        return self._sender.address

    @abstractmethod
    def advance(self, history: History, state: JobState, since: int, now: int) -> Wait | None:
        """Take the job's next step; the Wait where there is none to take now. `since` is when the job was first seen
        as it is, `now` the present time, both by the chain's clock.

        Raises Rejected where the contract refuses (most often: another was faster), Unavailable and Malformed where
        the job's document, its model or an update's bytes stand in the way.
        """

    def awaits_news(self, job: int) -> bool:
        """Whether the job's last step was one after which only news, or a time, brings the next."""
        return job in self._patient

    def await_news(self, facts: RoundFacts) -> None:
        """Take note that a round's step was such a one. Scores, masks and training ahead are steps beside the round."""
        if isinstance(facts.job.scoring, NoScoring) and facts.job.masked is None and facts.job.buffered is None:
            self._patient.add(facts.round.job)

    def seen(self, state: JobState) -> Hashable:
        """The job as far as waiting for its next step depends on it: something new ends waiting and backoff."""
        round_ = state.current
        return (0, None, 0, 0) if round_ is None else (round_.number, round_.phase, len(round_.updates), round_.attempt)

    def note(
        self, action: str, state: JobState, text: str, why: FedledgerError | None = None, /, **facts: object
    ) -> None:
        """Write an action of a job down, and the facts of an error that is `why`."""
        self._journal.note(action, f"job {state.number}: {text}", why, job=state.number, **facts)

    def note_wait(self, state: JobState, wait: Wait) -> None:
        """Write down what is waited for, once for each reason."""
        self.note("waiting", state, wait.why, until=wait.until)

    def require_agreement(self, state: JobState, point: HistoryPoint) -> Wait | None:
        """None where the other chain nodes that the home names show the same history up to a point, so that it may be
        signed for; else what is waited for. What they say is written down once.
        """
        findings = self._connection.witnesses.ask(point)
        self._note_findings(state, findings)
        return Wait(findings.refusal) if findings.refusal else None

    def require_agreement_now(self, facts: RoundFacts, step: str) -> Wait | HistoryPoint:
        """The deep block as of which a step is taken that the other nodes agree on. It stays the same while they are
        asked, as long as it is on the own chain.
        """
        return self.require_agreement_for(facts.state, (facts.round.job, facts.round.number, step))

    def require_agreement_for(self, state: JobState, place: tuple[int, int, str]) -> Wait | HistoryPoint:
        """The same for a step that is no round's: `place` is the job, a number within it, and the step."""
        now = self._connection.deep_point()
        asked = self._points.get(place, now)
        if asked != now:
            block = self._connection.client.block(asked.number)
            asked = asked if block is not None and (block.hash, block.time) == (asked.hash, asked.time) else now
        self._points[place] = asked
        wait = self.require_agreement(state, asked)
        if wait is None:
            del self._points[place]
        return wait or asked

    def _note_findings(self, state: JobState, findings: Findings) -> None:
        if findings.own is not None:
            self._note_finding(state, findings.own, _OWN)
        for one in findings.answers:
            self._note_finding(state, one, _OTHER)

    def _note_finding(self, state: JobState, found: Endpoint, words: Mapping[bool | None, tuple[str, str]]) -> None:
        """Once for each change."""
        what = f"{found.url} {words[True][0]}"
        if (found.trouble or "") == self._heard.get(what, ""):
            return
        self._heard[what] = found.trouble or ""
        action, text = words[found.same]
        self.note(action, state, ": ".join(filter(None, [text.format(url=found.url), found.trouble])), node=found.url)

    def note_missing(self, facts: RoundFacts, gathering: Gathering) -> None:
        """Write down why each update that is missing could not be had, once for each kind of reason."""
        round_ = facts.round
        for member, error in gathering.missing.items():
            known = (round_.job, round_.number, member, error.kind)
            if known in self._told:
                continue
            self._told.add(known)
            text = f"round {round_.number}: the update of {self._connection.name(member)} is missing: {error.message}"
            said = {name: str(value) for name, value in error.facts.items()}
            self.note("missing", facts.state, text, round=round_.number, member=member, error=known[-1], facts=said)

    def document(self, state: JobState) -> Job:
        """The job's document, kept. Raises Malformed where the contracts keep something else of it, and as
        `Documents.get`: nothing is waited for here.
        """
        job = self._connection.documents.get(state)
        found = contradiction(job, state, self._connection.history.masks.get(state.number))
        if found is not None:
            raise found.error(Malformed, "no round of it can be verified")
        self.copies.job(job)
        return job

    def facts(self, state: JobState, number: int) -> RoundFacts:
        """All that a step needs of a round; the same ones while nothing is opened. Raises as `document`."""
        masks, job, round_ = (
            self._connection.history.masks.get(state.number),
            self.document(state),
            state.rounds[number],
        )
        known = self._facts.get(state.number)
        if known is None or not known.are_of(state, job, round_, masks):
            known = self._facts[state.number] = RoundFacts.of(self._connection.place, state, job, round_, masks)
        return known

    def nudge(self, state: JobState, step: Nudge) -> None:
        """Make the chain seal a block: it does so for transactions alone."""
        self._sender.nudge()
        self.note("nudged", state, f"round {step.round}: the chain made no block by itself", round=step.round)

    def move_on(self, state: JobState, step: Advance) -> None:
        """Move on a round that is overdue, or that nobody can finish any more."""
        self._sender.send("ledger", "advance", state.number, step.round)
        self.note("advanced", state, f"round {step.round} was moved on", round=step.round)
