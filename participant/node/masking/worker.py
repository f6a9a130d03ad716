"""A member's steps for the masks of its jobs, carried out beside the rounds' steps, at a pace of their own."""

from collections.abc import Hashable
from contextlib import suppress
from typing import TYPE_CHECKING

from ledger.errors import FedledgerError, Refuted, UsageError
from ledger.formats.cid import of_file
from ledger.formats.text import listed, plural
from ledger.formats.unixfs import cid_of
from ledger.history.fold import History
from ledger.history.state import JobState
from ledger.history.state.masking import JobMasks, RoundMasks, SegmentState, bitmap_of
from ledger.masks.setup import size_of
from ledger.party.connection import Connection
from ledger.party.journal import Journal
from ledger.party.masking.copies import MaskCopies
from ledger.party.pins import setup_pin
from ledger.party.seals.renewal import Renewal
from ledger.party.sharing.owed import roll_now, setups_in
from ledger.party.sharing.pushing import Sharing
from ledger.party.worker import Worker
from ledger.rounds.facts import RoundFacts
from ledger.rounds.masking.convictions import MaskedJob
from ledger.rounds.masking.setups import held_back
from ledger.rounds.masking.summed import group_files
from ledger.rounds.steps import LAST_MOMENT, Nudge, Wait
from participant.node.masking.answering import Answering, Files
from participant.node.masking.answers import KeptAnswer
from participant.node.masking.home import MaskHome, register, registering
from participant.node.masking.judging import Judging
from participant.node.masking.masked import OwnMasks
from participant.node.masking.steps import (
    NOTHING,
    AgreeCast,
    AgreeSet,
    DueSteps,
    GiveShares,
    MaskStep,
    MemberSituation,
    OpenMasked,
    SetUpSegment,
    Unmask,
    due_steps,
    key_step,
)
from participant.node.masking.sweeping import Sweeping

if TYPE_CHECKING:
    from ledger.chain.sender import Sender

Showing = Unmask | GiveShares | OpenMasked


class MaskWorker(Worker):
    """Registers keys, sets up segments, agrees with casts and sets, and answers for these, as one member.

    `copies` are those of the member's rounds. What it remembers only spares work: what matters is in the home.
    """

    copies: MaskCopies
    masking_class = OwnMasks

    def __init__(
        self,
        connection: Connection,
        sender: "Sender",
        journal: Journal,
        copies: MaskCopies,
        sharing: Sharing,
        renewal: Renewal,
    ) -> None:
        super().__init__(connection, sender, journal)
        self.copies, self._sharing = copies, sharing
        self.home = MaskHome(connection.folder)
        self.judging = Judging(connection, copies, self.home.held)
        self._answering = Answering(self.home, self.judging)
        self._sweeping = Sweeping(self.home, self.judging, connection, renewal)
        self._unable: dict[tuple[MaskStep, Hashable], str] = {}
        self.home.vault.clear_drafts()

    def seen(self, state: JobState) -> Hashable:
        """See `Worker.seen`: keys, segments and sets, too."""
        masks = self._connection.history.masks.get(state.number)
        if masks is None:
            return super().seen(state)
        agreeing = [
            (one.tx, len(one.agreeing))
            for those in (masks.segments, masks.rounds)
            for place in those.values()
            for one in place.proposals
        ]
        segments = [(one.tx, len(one.setups), one.fixed_in) for one in masks.segments.values()]
        rounds = [(one.fixed_in, len(one.answers), len(one.given)) for one in masks.rounds.values()]
        return super().seen(state), tuple(agreeing), tuple(segments), tuple(rounds)

    def note_wait(self, state: JobState, wait: Wait) -> None:
        """See `Worker.note_wait`; that there is nothing to do, or what was refused before, is no news."""
        if wait is not NOTHING and wait.why not in self._unable.values():
            super().note_wait(state, wait)

    def look_after_keys(self, history: History) -> None:
        """Put a mask key on the ledger where one is to be there, and is not; delete those that are over.

        Raises as `Vault.read` and `Sender.send`.
        """
        member = history.member_of(self.key)
        sealed = any(map(self._is_sealed, history.jobs.values()))
        if member is None or not (history.masks or sealed):
            return
        if key_step(history, self.key, self.home.keys.points(), sealed) is not None:
            self._register(sealed)
        self._sweeping.sweep_keys(history, member.index)

    def _register(self, sealed: bool) -> None:
        """Put a mask key on the ledger, unless a command of this home is about to, or did."""
        with registering(self._connection.folder, patience=0) as mine:
            history = self._connection.refresh() if mine else None
            step = key_step(history, self.key, self.home.keys.points(), sealed) if history else None
            if step is not None:
                register(self.home, self._sender, step.point)
                self._journal.note("registered", "put a mask key on the ledger, for others to seal shares to")

    def _is_sealed(self, state: JobState) -> bool:
        """Whether a job that may have rounds still is known to be sealed."""
        if not state.open or state.closed or state.complete:
            return False
        with suppress(FedledgerError):
            return self._connection.documents.get(state, seconds=0).sealed is not None
        return False

    def advance(self, history: History, state: JobState, since: int, now: int) -> Wait | None:
        """See `Worker.advance`."""
        masks, member = history.masks.get(state.number), history.member_of(self.key)
        if masks is None or member is None:
            return Wait("updates of this job are not masked")
        self.document(state)
        job = self.judging.job(state)
        self._sweeping.look(job, member.index)
        self._show_setups(job, member.index, now)
        self._copy_ahead(job, now)
        self._push(history, job, now)
        due = self._due(history, job, now)
        waits = list(due.waits)
        for step in due.steps:
            wait = self._take(step, job, now)
            if wait is None:
                return None
            waits.insert(0, wait)
        return waits[0] if waits else due.wait

    def masking(self, facts: RoundFacts, now: int) -> OwnMasks | Wait:
        """This member's masks in a round, of whose cast it is.

        Raises Unavailable where a set-up file cannot be had, UsageError where the home lacks its secrets, or masked
        another update before, Refuted where the cast is not one to take part in.
        """
        if facts.masks is None:
            raise UsageError("the job's masks are not configured on the ledger: nothing is brought to its rounds")
        files = self.judging.cast_files(facts, facts.round.deadline - now)
        if isinstance(files, Wait) or self._index() not in files:
            return files if isinstance(files, Wait) else Wait("the cast of the round has changed")
        law = self.judging.job(facts.state).law(facts.round.number)
        group = group_files(facts.job, files, self._index())
        masking = self.masking_class(self.home, group, self._index(), facts.name, facts.base.root, law)
        if masking.kept() is None:
            masking.masks()  # nothing is trained that could not be masked
        return masking

    def _index(self) -> int:
        member = self._connection.history.member_of(self.key)
        if member is None:
            raise UsageError("this key does not belong to a member", key=self.key)
        return member.index

    def _due(self, history: History, job: MaskedJob, now: int) -> DueSteps:
        member = history.member_of(self.key)
        owed = self._answering.owed(job, member.index, now) if member else frozenset()
        deep, still, name = self._connection.deep(), self._connection.still, self._connection.name
        unable = {step: why for (step, about), why in self._unable.items() if about == _about(step, job.masks)}
        asked = self._answering.asked(job, member.index, now) if member else frozenset()
        at = MemberSituation(now, deep, still, unable, owed, asked, name)
        return due_steps(history, job.state, self.key, at)

    def _held_back(self, job: MaskedJob, opened: SegmentState, now: int) -> bool:
        return held_back(job.job, opened, now, self._connection.deep().number)

    def _show_setups(self, job: MaskedJob, member: int, now: int) -> None:
        """Let others have the own set-up file, where it was held back, and no longer is. Raises as `Vault.read`."""
        for opened in job.masks.segments.values():
            said = opened.setups.get(member)
            if opened.cast is not None or said is None or self._held_back(job, opened, now):
                continue
            segment = self.judging.segment(job.state, job.masks, opened)
            cid = of_file(said.cid, size_of(segment))
            data = None if self._connection.holds(cid) else self.home.secrets.setup(segment, member, opened.tx)
            if data is not None and cid_of([data])[0] == cid:
                self._connection.put([data], setup_pin(job.state.number, opened.number, member))

    def _copy_ahead(self, job: MaskedJob, now: int) -> None:
        """Copy set-up files as they come: their cast is soon proposed."""
        for opened in job.masks.segments.values():
            if opened.cast is None and opened.setups and not self._held_back(job, opened, now):
                seconds = opened.quiet_until + job.masks.terms.set_seconds - self._connection.time()
                self.judging.copy_setups(job.state, job.masks, opened, max(seconds, LAST_MOMENT))

    def _push(self, history: History, masked: MaskedJob, now: int) -> None:
        """Bring the own set-up files to others, where nobody could fetch them from here."""
        if self._sharing.pushes:
            place, job, masks = self._connection.place, masked.state.number, masked.masks
            shown = {n for n, opened in masks.segments.items() if not self._held_back(masked, opened, now)}
            owed = [one for one in setups_in(place, history, job) if masks.number_of(one.round) in shown]
            mine = [one for one in owed if one.party == self.key]
            self._sharing.offer_setups(job, {one: roll_now(place, history, job, one.round) for one in mine})

    def _take(self, step: MaskStep | Nudge, job: MaskedJob, now: int) -> Wait | None:
        """None where something was done. What this member cannot or must not do is said once, and not tried again."""
        try:
            match step:
                case Nudge():
                    self.nudge(job.state, step)
                    return None
                case SetUpSegment():
                    return self._set_up(step, job)
                case AgreeCast():
                    return self._agree_cast(step, job, now)
                case AgreeSet():
                    return self._agree_set(step, job, now)
                case _:
                    return self._show(step, job, now)
        except (UsageError, Refuted) as error:
            return self._refuse(step, job, error.message, error)

    def _refuse(self, step: MaskStep | Nudge, job: MaskedJob, why: str, error: FedledgerError | None = None) -> Wait:
        if not isinstance(step, Nudge):
            self._unable[step, _about(step, job.masks)] = why
        self.note("refused", job.state, why, error)
        return Wait(why)

    def _set_up(self, step: SetUpSegment, job: MaskedJob) -> Wait | None:
        """Draw, keep, store, say: in this order, so that what is said can be had, and kept to. In a job with groups it
        can be had later (`held_back`).
        """
        opened = job.masks.segments[step.segment]
        segment = self.judging.segment(job.state, job.masks, opened)
        if job.job.masked is not None and job.job.masked.groups:
            data = self.home.secrets.deal(segment, self._index(), opened.tx)
            cid = cid_of([data])[0]
        else:
            data = self.home.secrets.deal(segment, self._index())
            cid = self._connection.put([data], setup_pin(step.job, step.segment, self._index()))
        if not self._is_due(step):
            return None
        self._sender.send("masks", "setUp", step.job, step.segment, opened.deadline, cid.digest)
        text = f"segment {step.segment}: published the keys of its rounds"
        self.note("set up", job.state, text, segment=step.segment, cid=str(cid))
        return None

    def _agree_cast(self, step: AgreeCast, job: MaskedJob, now: int) -> Wait | None:
        opened = job.masks.segments[step.segment]
        proposal, what = opened.proposals[-1], f"the cast of segment {step.segment}"
        found = self.judging.cast(job, opened, proposal, proposal.deadline - now)
        if isinstance(found, Wait):
            return found
        if found != proposal.members:
            return self._refuse(step, job, f"{what} is not agreed with: {self._difference(found, proposal.members)}")
        agreed = self.require_agreement_for(job.state, (step.job, step.segment, "cast"))
        if isinstance(agreed, Wait):
            return agreed
        if self._is_due(step):
            self._sender.send("masks", "agreeCast", step.job, step.segment, bitmap_of(found))
            self.note("agreed", job.state, f"agreed with {what}, {plural(len(found), 'member')}", segment=step.segment)
        return None

    def _agree_set(self, step: AgreeSet, job: MaskedJob, now: int) -> Wait | None:
        facts = job.facts(step.round)
        proposal, what = job.masks.rounds[step.round].proposals[-1], f"the set of round {step.round}"
        found = self.judging.set(job, facts, proposal, proposal.deadline - now)
        if isinstance(found, Wait):
            return found
        if found != proposal.members:
            return self._refuse(step, job, f"{what} is not agreed with: {self._difference(found, proposal.members)}")
        agreed = self.require_agreement_now(facts, "set")
        if isinstance(agreed, Wait):
            return agreed
        if self._is_due(step):
            self._sender.send("masks", "agreeSet", step.job, step.round, bitmap_of(found))
            self.note("agreed", job.state, f"agreed with {what}, {plural(len(found), 'member')}", round=step.round)
        return None

    def _show(self, step: Showing, job: MaskedJob, now: int) -> Wait | None:
        """Show what is asked of this member, for a set that it came to itself, written down first."""
        facts, said = job.facts(step.round), job.masks.rounds[step.round]
        files = self.judging.cast_files(facts, said.share_deadline - now)
        found = self.judging.set(job, facts, said.proposals[-1], said.share_deadline - now)
        for one in (files, found):
            if isinstance(one, Wait):
                return one
        if found != said.set:
            why = self._difference(found, said.set or frozenset()) if not isinstance(found, Wait) else ""
            return self._refuse(step, job, f"nothing is shown for the set of round {step.round}: {why}")
        agreed = self.require_agreement_now(facts, type(step).__name__)
        if isinstance(agreed, Wait) or isinstance(files, Wait):
            return agreed if isinstance(agreed, Wait) else None
        if self._is_due(step) and self._stands(step, said):
            self._send(step, self._answer(step, facts, said, files), job)
        return None

    def _stands(self, step: Showing, said: RoundMasks) -> bool:
        """Whether the set that was looked at is the ledger's still: on a fork, the same step is due for another."""
        masks = self._connection.history.masks.get(step.job)
        now = masks.rounds.get(step.round) if masks is not None else None
        return now is not None and (now.set, now.fixed_in) == (said.set, said.fixed_in)

    def _answer(self, step: Showing, facts: RoundFacts, said: RoundMasks, files: Files) -> KeptAnswer:
        match step:
            case Unmask():
                return self._answering.unmask(facts, said, files, self._index())
            case GiveShares():
                return self._answering.give(facts, said, files, self._index())
            case OpenMasked():
                return self._answering.open(facts, said, files, self._index())

    def _send(self, step: Showing, answer: KeptAnswer, job: MaskedJob) -> None:
        secret, shares = bytes.fromhex(answer.secret), bytes.fromhex(answer.shares)
        number, state = step.round, job.state
        for dealer, error in self._answering.failed.items():
            name = self._connection.name(dealer)
            self.note("left out", state, f"round {number}: gives no share of {name}'s: {error.message}", round=number)
        match step:
            case Unmask():
                self._sender.send("masks", "unmask", step.job, number, secret, shares)
                self.note("unmasked", state, f"round {number}: showed the mask of the own update", round=number)
            case GiveShares():
                self._sender.send("masks", "giveShares", step.job, number, shares)
                self.note("gave", state, f"round {number}: gave shares of what was missing", round=number)
            case OpenMasked():
                self._sender.send("masks", "open", step.job, number, secret)
                text = f"round {number}: opened the own update, since its sum is out of bounds"
                self.note("opened", state, text, round=number)

    def _difference(self, mine: frozenset[int], theirs: frozenset[int]) -> str:
        """Two groups of members, by what only one of them has."""
        parts, name = [("with", mine - theirs), ("without", theirs - mine)], self._connection.name
        found = [f"{word} {listed(map(name, sorted(members)))}" for word, members in parts if members]
        return f"this member comes to it {' and '.join(found)}"

    def _is_due(self, step: MaskStep) -> bool:
        """Look at the ledger again: the work took its time. Whether the step is still one to take."""
        history = self._connection.refresh()
        state, masks = history.jobs.get(step.job), history.masks.get(step.job)
        if state is None or masks is None:
            return False
        return step in self._due(history, self.judging.job(state), self._connection.time()).steps


def _about(step: MaskStep, masks: JobMasks) -> Hashable:
    """What of the ledger a step is about, that a segment opened again or a fork changes: what a member could not do
    then it may do now.
    """
    match step:
        case SetUpSegment():
            opened = masks.segments.get(step.segment)
            return opened.tx if opened is not None else None
        case AgreeCast() | AgreeSet():
            return step.proposal
        case Unmask() | GiveShares() | OpenMasked():
            said = masks.rounds.get(step.round)
            return (said.set, said.fixed_in) if said is not None else None
