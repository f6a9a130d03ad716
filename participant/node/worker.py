"""A node's steps in a job's rounds, decided and carried out: what stands between the pure decision and chain and
store.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from ledger.errors import FedledgerError, Unavailable, UsageError
from ledger.events.records import Role
from ledger.formats.claims import UpdateOpening, commitment, pack_openings
from ledger.history.fold import History
from ledger.history.phases import present
from ledger.history.state import JobState, Phase, Round
from ledger.jobs.document import Job
from ledger.party.connection import Connection
from ledger.party.journal import Journal
from ledger.party.masking.copies import MaskCopies
from ledger.party.sharing.exchange import Exchange
from ledger.party.sharing.sparing import Sparing
from ledger.party.upkeep.keeping import Keeping
from ledger.party.worker import Worker
from ledger.rounds.facts import RoundFacts
from ledger.rounds.steps import LAST_MOMENT, Advance, Nudge, Vouch, Wait
from participant.edge.below import MadeBelow
from participant.node.ahead import Ahead
from participant.node.attesting import Attesting, copies_of
from participant.node.edge import EdgeUpdates
from participant.node.inspection import Finding, Inspection
from participant.node.masking.worker import MaskWorker
from participant.node.saying import note_speech, note_training
from participant.node.steps import (
    Attest,
    Commit,
    Hold,
    NodeSituation,
    OpenOwn,
    RoundKey,
    Show,
    Step,
    next_step,
    only_news_follow,
)
from participant.node.trainings import Trainings
from participant.node.updates import Prepared, Updates
from participant.node.withholding import withheld
from participant.tasks.data.files import DataFiles
from participant.trainer.trainers import Trainers

if TYPE_CHECKING:
    from ledger.chain.sender import Sender


SHARED = frozenset({Phase.OPENING, Phase.AGGREGATING})
"""The phases in which updates are shown and vouched for."""


class NodeWorker(Worker):
    """Trains and commits, shows, vouches, attests, moves on, and keeps copies, as one member."""

    def __init__(
        self,
        connection: Connection,
        sender: "Sender",
        journal: Journal,
        exchange: Exchange,
        files: DataFiles,
        trainers: Trainers,
    ) -> None:
        super().__init__(connection, sender, journal)
        self._files, self.trainers = files, trainers
        self._inspection, self._trainings = Inspection(trainers, files), Trainings(trainers)
        self.exchange, self._sharing, self._showing = exchange, exchange.sharing, exchange.showing
        self._keeping = keeping = Keeping(connection, self._sharing, sender.address)
        self.copies = MaskCopies(connection, keeps=keeping.kept, signers=self._sharing.signers, relay=keeping.relay)
        self.masks = MaskWorker(connection, sender, journal, self.copies, self._sharing, exchange.slips.renewal)
        self._updates = Updates(connection, sender.address, self._trainings)
        self._ahead = Ahead(connection, self._trainings, self.copies, self._updates.shelf)
        self._edge = EdgeUpdates(connection, sender.address)
        said = connection, self.copies, self._sharing, self.masks.judging, sender.address
        self._attesting = Attesting(*said, self.require_agreement, exchange.slips.reader)
        self._unfit, self._told_of = dict[RoundKey, str](), dict[int, str]()
        self._shown: dict[RoundKey, bytes] = {}
        self._vouched: dict[RoundKey, frozenset[int]] = {}
        self._sparing = Sparing()
        self._held, self._spoken = set[RoundKey](), set[RoundKey]()

    def decide(self, history: History, state: JobState, now: int) -> Step:
        """The job's next step."""
        held, spoken = frozenset(self._held), frozenset(self._spoken)
        shown, vouched = self._shown_now(history, state), self._vouched_now(state, now)
        deep, still, training = self._connection.deep(), self._connection.still, self._trainings.under_way()
        kept = withheld(self._files.home, state, history.member_of(self.key), self.document, now)
        known = shown, vouched, held, spoken, training, self._connection.name, self._ahead.unready, kept
        situation = NodeSituation(now, deep, still, self._unfit, *known)
        return next_step(history, state, self.key, situation)

    def advance(self, history: History, state: JobState, since: int, now: int) -> Wait | None:
        """See `Worker.advance`."""
        self._patient.discard(state.number)
        self._inspect(history, state)
        note_training(self, self._trainings, state, now)
        self._train_ahead(history, state)
        step = self.decide(history, state, now)
        self._tend(history, state, now)
        if isinstance(step, Wait):
            return step
        if isinstance(step, Advance):
            self.move_on(state, step)
            return None
        if isinstance(step, Nudge):
            self.nudge(state, step)
            return None
        facts = self.facts(state, step.round)
        if (wait := self._take(step, facts, now)) is None and only_news_follow(step, facts.round):
            self.await_news(facts)
        return wait

    def _take(self, step: Commit | Show | OpenOwn | Vouch | Attest | Hold, facts: RoundFacts, now: int) -> Wait | None:
        match step:
            case Commit():
                return self._commit(step, facts, now)
            case Show():
                return self._show(step, facts)
            case OpenOwn():
                return self._open_own(facts)
            case Vouch():
                return self._vouch(step, facts, now)
            case Attest():
                return self._attest(step, facts, now)
            case Hold():
                return self._hold(step, facts)

    def _shown_now(self, history: History, state: JobState) -> frozenset[RoundKey]:
        """The present round, where what is shown is what this member committed to on this branch of the chain."""
        round_, index = state.current, self._index(history)
        made = round_.commitments.get(index) if round_ else None
        if round_ is None or made is None or self._shown.get((round_.job, round_.number)) != made.digest:
            return frozenset()
        return frozenset({(round_.job, round_.number)})

    def _vouched_now(self, state: JobState, now: int) -> dict[RoundKey, frozenset[int]]:
        """What needs no further signature in the present round: what was signed for, as far as that was on this branch
        of the chain, and what is others' to sign for.
        """
        round_ = state.current
        if round_ is None:
            return {}
        key = round_.job, round_.number
        vouched, left = self._vouched.get(key, frozenset()), self._keeping.left_to_others(state, round_, now)
        signed = vouched & self._sharing.signed(self.facts(state, round_.number)) if vouched else vouched
        return {key: signed | left} if signed or left else {}

    def due_in(self, history: History) -> list[float]:
        """Seconds until the own opening is shown again where it was not taken, until bytes are asked for again, and
        until what members hold is told or heard.
        """
        states = [state for state in history.jobs.values() if state.current and not state.current.phase.terminal]
        lacking = [wait for state in states if (wait := self.copies.retry_in(state.number)) is not None]
        rounds = [(state.terms, state.current) for state in states if state.current]
        own = self._index(history)
        unopened = {_key(one) for _, one in rounds if any(made.index == own for made in one.unopened)}
        opened = [(terms, one) for terms, one in rounds if one.updates]
        now = self._connection.time() if opened else 0
        shared = {_key(one) for terms, one in opened if present(one, terms, now).phase in SHARED}
        told = self._sharing.due_in(shared) + self.exchange.slips.due_in(shared)
        return lacking + self._showing.due_in(unopened) + told

    def _tend(self, history: History, state: JobState, now: int) -> None:
        """What goes on beside a round's steps until it is over: the own opening is shown, if it was and nobody can
        commit any more on this branch of the chain either, and who holds what is told and heard.
        """
        round_ = state.current
        self.exchange.forget(state)
        shared = round_ is not None and present(round_, state.terms, now).phase in SHARED
        if round_ is None or not (shared or self._sharing.pushes):
            return
        facts = self.facts(state, round_.number)
        if round_.updates:
            self._sharing.offer(facts)
        if not shared:
            return
        shown = self._shown_now(history, state) and self._connection.deep().fixes(round_)
        if shown and any(one.index == self._index(history) for one in round_.unopened):
            opening = self._updates.committed(facts)
            if opening is not None:
                self._showing.show(facts.name, opening, facts.round.opener_index, state.terms.open_seconds / 4)
        if round_.updates:
            self._readable(facts)
            self._sharing.look(facts)

    def _inspect(self, history: History, state: JobState) -> None:
        """Read the job's data when they are new or have changed, and say what came out. Changed data are tried again.
        No trouble with them stops a duty.
        """
        member = history.member_of(self.key)
        if member is None or not member.has(Role.PARTICIPANT) or state.complete:
            return
        try:
            if (job := self.document(state)).is_edge(member.index):
                return
        except FedledgerError:
            return  # the step that needs it says so
        try:
            changed, found = self._inspection.look(state.number, job)
        except Unavailable:
            return
        except UsageError as error:
            found, changed = Finding("its data cannot be read", error), False
        if changed:
            self._unfit = {key: why for key, why in self._unfit.items() if key[0] != state.number}
            self._ahead.retry(state.number)
            self._told_of.pop(state.number, None)
        if found is not None and found.text != self._told_of.get(state.number):
            self._told_of[state.number] = found.text
            self.note("unfit" if found.error else "checked", state, found.text, found.error)

    def _train_ahead(self, history: History, state: JobState) -> None:
        """Train for a buffered job, whatever its round is at."""

        def data(job: Job) -> Path | None:
            return None if self._inspection.busy(state.number) else self._files.found(state.number, job.task.name)

        member = history.member_of(self.key)
        if withheld(self._files.home, state, member, self.document, self._connection.time()):
            return
        if state.terms.buffer and state.open and member is not None and member.key == self.key:
            self._ahead.look(state, member, self.document, data, self.note)

    def _commit(self, step: Commit, facts: RoundFacts, now: int) -> Wait | None:
        """Train, keep, commit: in this order, so that what is committed to can be shown."""
        if facts.job.buffered is None:
            gathering = self.copies.base(facts, facts.round.deadline - now)
            if gathering.copying:
                return copies_of(gathering, step.round)
            if self._inspection.busy(step.job):
                return Wait(f"reads the data for round {step.round}")
        try:
            update = self._prepared(facts, now)
            if isinstance(update, Wait):
                return update
        except UsageError as error:
            self._unfit[step.job, step.round] = error.message
            raise
        finally:
            self._tell_lost(facts)
        if update is not None:
            self._register(step, facts, update)
        return Wait(f"trains for round {step.round}") if update is None else None

    def commit_given(self, step: Commit, facts: RoundFacts, made: MadeBelow) -> None:
        """Commit to an update that a job below made. Raises as `Updates.given`."""
        self._register(step, facts, self._updates.given(facts, made))

    def _register(self, step: Commit, facts: RoundFacts, update: Prepared) -> None:
        """Commit to what is kept, where the round still takes it."""
        if not self._is_due(step) or not self._spend(step, facts):
            self.note("late", facts.state, f"round {step.round} went on without this update", round=step.round)
            return
        opening = update.opening
        self._sender.send("ledger", "commitUpdate", step.job, step.round, commitment(facts.name, opening))
        text = f"round {step.round}: {update.words}"
        self.note("committed", facts.state, text, round=step.round, **update.figures)

    def _prepared(self, facts: RoundFacts, now: int) -> Prepared | Wait | None:
        """The round's update: an edge's is the sum of its clients', any other is trained. None while it is trained."""
        if facts.job.is_edge(self._index(self._connection.history)):
            made = self._edge.prepare(facts, now)
            return made if isinstance(made, Wait) else Prepared(made)
        masking = self.masks.masking(facts, now) if facts.job.masked is not None else None
        if isinstance(masking, Wait):
            return masking
        data = self._files.found(facts.round.job, facts.job.task.name)
        return self._updates.prepare(facts, data, max(facts.round.deadline - now, LAST_MOMENT), masking)

    def _tell_lost(self, facts: RoundFacts) -> None:
        """Say once that a round is trained from the start, since what stayed at home before it is lost."""
        error, number = self._updates.newly_lost(facts), facts.round.number
        if error is not None:
            private = "private tensors start again as the job's seed makes them"
            text = f"round {number}: {private if facts.job.private.tensors else 'what rounding took is not added'}"
            self.note("restarted", facts.state, text, error, round=number)

    def _spend(self, step: Commit, facts: RoundFacts) -> bool:
        """Spend what the round costs, where it costs anything and that was not done before a crash; whether the update
        may be committed to then.
        """
        spending, member = facts.state.spending, self._connection.history.member_of(self.key)
        if facts.job.dp is None or spending is None or member is None:
            return facts.job.dp is None
        if not spending.has_spent(step.round, member.index):
            self._sender.send("budgets", "spend", step.job, step.round)
            scopes, key = self._connection.refresh().scopes, spending.terms.scope
            total, most = scopes.totals.get((key, member.index), 0), scopes.budgets.get(key, spending.terms.budget)
            left = f"{facts.job.dp.epsilon(total)} of {facts.job.dp.epsilon(most)}"
            text = f"round {step.round}: spent its privacy cost; ε = {left} by now at δ = {facts.job.dp.delta}"
            self.note("spent", facts.state, text, round=step.round, total=total)
        return self._is_due(step)

    def _show(self, step: Show, facts: RoundFacts) -> Wait | None:
        """Everyone's update is fixed, by all chain nodes that this home asks: let all see this one."""
        agreed = self.require_agreement_now(facts, "show")
        if isinstance(agreed, Wait):
            return agreed
        opening, own = self._updates.committed(facts), facts.round.commitments[self._index(self._connection.history)]
        if opening is None:
            self._shown[step.job, step.round] = own.digest
            text = f"round {step.round}: the update is lost that this member committed to"
            self.note("lost", facts.state, text, round=step.round)
            return None
        self._show_update(facts, opening)
        if facts.job.sealed is not None and own.party == self.key:  # else no slip of this key is taken
            self.exchange.slips.make(facts, opening.cid)
        self._shown[step.job, step.round] = own.digest
        self._showing.show(facts.name, opening, facts.round.opener_index, facts.state.terms.open_seconds / 4)
        return None

    def _show_update(self, facts: RoundFacts, opening: UpdateOpening) -> None:
        """What a sum is made of can be had before the sum can."""
        if facts.job.is_edge(self._index(self._connection.history)):
            self._edge.show(facts)
        self._updates.show(facts, opening)

    def _open_own(self, facts: RoundFacts) -> Wait | None:
        """Nobody opened this member's update: it does so itself."""
        opening, number = self._updates.committed(facts), facts.round.number
        if opening is None:
            return Wait(f"the update of round {number} is lost", None)
        agreed = self.require_agreement_now(facts, "show")
        if isinstance(agreed, Wait):
            return agreed
        self._sender.send("ledger", "openUpdates", facts.round.job, number, pack_openings([opening]))
        self.note("opened", facts.state, f"round {number}: opened the own update", round=number)
        return None

    def _vouch(self, step: Vouch, facts: RoundFacts, now: int) -> Wait | None:
        """Fetch, keep, sign: what a member signs for it serves."""
        _, deadline = present(facts.round, facts.state.terms, now)
        due = facts.round.updates.keys() - self._keeping.left_to_others(facts.state, facts.round, now)
        gathering = self.copies.gather(facts, max(deadline - now, LAST_MOMENT), due, keep=due)
        held = gathering.held & self._readable(facts)
        if not gathering.copying or self._sparing.is_due(step.job, step.round, facts.state.terms.aggregate_seconds):
            self._sharing.said(facts, held)
            self._vouched[step.job, step.round] = held
        if gathering.copying:
            return copies_of(gathering, step.round)
        self.note_missing(facts, gathering)
        if closed := gathering.held - held:
            return Wait(f"no slip opens the update of {self._connection.name(min(closed))} yet", None)
        lacking = due - gathering.held
        return Wait(f"no holder has the update of {self._connection.name(min(lacking))}", None) if lacking else None

    def _readable(self, facts: RoundFacts) -> frozenset[int]:
        """The members whose updates this member can read; of sealed ones it shows and asks for slips on the way."""
        if facts.job.sealed is None:
            return frozenset(facts.round.updates)
        readable, number = self.exchange.slips.look(facts), facts.round.number
        for bad in self.exchange.slips.garbage():
            text = f"round {number}: slips by {bad.author} of the update of {bad.slips.name.party}: {bad.error.message}"
            self.note("garbage", facts.state, text, round=number, author=bad.author, party=bad.slips.name.party)
        return readable

    def _attest(self, step: Attest, facts: RoundFacts, now: int) -> Wait | None:
        """Say what came out; where the round is final already, only that it agrees."""
        speech = self._attesting.speech(facts, now)
        if isinstance(speech, Wait):
            return speech
        if not self._is_due(step):
            return None
        if step.late and speech.form:
            self._spoken.add((step.job, step.round))
            return None
        arguments = (step.job, step.round, step.attempt, speech.form, speech.claim, speech.detail)
        self._sender.send("ledger", "attest", *arguments)
        note_speech(self, self._connection, facts, speech)
        return None

    def _hold(self, step: Hold, facts: RoundFacts) -> Wait | None:
        """Copy what the round was made of, each file within the time that a round has for updates."""
        gathering = self.copies.round(facts, facts.state.terms.update_seconds)
        if gathering.copying:
            return copies_of(gathering, step.round)
        if gathering.lacking:
            return Wait(f"round {step.round} has ended; tries again to keep {', '.join(gathering.lacking)}", None)
        self._held.add((step.job, step.round))
        return None

    def _index(self, history: History) -> int:
        """This member's number, which no other key changes; -1 where it is none."""
        member = history.member_of(self.key)
        return -1 if member is None else member.index

    def _is_due(self, step: Commit | Attest) -> bool:
        """Look at the ledger again: the work took its time. Whether the step is still the one to take."""
        history = self._connection.refresh()
        state = history.jobs.get(step.job)
        return state is not None and self.decide(history, state, self._connection.time()) == step


def _key(round_: Round) -> RoundKey:
    return round_.job, round_.number
