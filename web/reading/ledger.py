"""From the last reading to documents. Pure: what is asked for is looked up, named and encoded, nothing else."""

from dataclasses import dataclass

from ledger.audit.report import Check, Report
from ledger.config import Network
from ledger.errors import Unavailable, UsageError
from ledger.events.records import Reason, Role
from ledger.formats.cid import RAW, Cid, of_file
from ledger.history.state import Aggregate, JobState, Round
from ledger.history.state import Member as LedgerMember
from ledger.jobs.document import Job
from ledger.rounds.admission import Verdict
from ledger.rounds.facts import base_of
from ledger.rounds.trace import Trace, trace
from web.documents import ledger as d
from web.reading.counting import verdicts
from web.reading.latest import Audited, State
from web.reading.snapshot import Snapshot


class NotFound(UsageError):
    """There is no such thing on the ledger."""


class NotYet(Unavailable):
    """The ledger, or a document that the answer depends on, has not been read yet."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Makes documents from one state. Every method raises NotYet before the first reading."""

    network: Network
    state: State

    @property
    def chain(self) -> d.ChainDocument:
        block = self.state.snapshot.block if self.state.snapshot else 0
        trouble = self.state.trouble
        return d.ChainDocument(
            id=self.network.chain.id, block=block, read_at=self.state.read_at, up=not trouble, trouble=trouble
        )

    @property
    def snapshot(self) -> Snapshot:
        if self.state.snapshot is None:
            why = self.state.trouble or "the first reading is under way"
            raise NotYet(f"the ledger has not been read yet: {why}", advice="try again in a moment")
        return self.state.snapshot

    def job_state(self, number: int) -> JobState:
        """Raises NotFound where there is no such job."""
        jobs = self.snapshot.jobs
        if number not in jobs:
            raise NotFound(f"there is no job {number}", advice="/jobs lists them all")
        return jobs[number]

    def round_state(self, job: int, number: int) -> Round:
        """Raises NotFound where the job has no such round."""
        rounds = self.job_state(job).rounds
        if number not in rounds:
            raise NotFound(f"job {job} has no round {number}", advice=f"/jobs/{job}/rounds lists them all")
        return rounds[number]

    def document(self, state: JobState) -> Job | None:
        return self.state.documents.get(state.digest)

    def party(self, index: int, key: str) -> d.PartyDocument:
        return d.PartyDocument(index=index, name=self.network.party_name(index), key=key)

    def anyone(self, index: int) -> d.PartyDocument:
        """A member, whoever it was: one that left has its last key."""
        member = self.snapshot.members.get(index)
        return self.party(index, member.keys[-1] if member else "")

    def owner(self, key: str) -> d.PartyDocument:
        return self.party(self.snapshot.owners[key], key)

    def members(self) -> tuple[d.MemberDocument, ...]:
        return tuple(self.member(member) for member in self.snapshot.members.values())

    def member_state(self, index: int) -> LedgerMember:
        """Raises NotFound where there never was such a member."""
        members = self.snapshot.members
        if index not in members:
            raise NotFound(f"there is no member {index}", advice="/members lists them all")
        return members[index]

    def member(self, member: LedgerMember) -> d.MemberDocument:
        return d.MemberDocument(
            index=member.index,
            name=self.network.party_name(member.index),
            key=member.key,
            roles=tuple(role.name.lower() for role in Role if role in member.roles and role.name),
            since=member.since,
            keys=tuple(member.keys),
            gateway=member.gateway,
        )

    def job(self, state: JobState) -> d.JobLine:
        document, current = self.document(state), state.current
        latest = next((r for r in reversed(state.rounds.values()) if r.final is not None), None)
        return d.JobLine(
            job=state.number,
            name=document.name if document else None,
            digest=state.digest.hex(),
            cid=str(Cid(RAW, state.digest)),
            open=state.open,
            closed=state.closed,
            approvals=len(state.approvals),
            rounds=len(state.rounds),
            rounds_planned=state.terms.rounds,
            current=self.round_line(current) if current else None,
            latest=self.model(state, latest) if latest else None,
        )

    def approval(self, state: JobState) -> d.Approval | None:
        """How far a proposed job is from being opened."""
        if state.open or state.closed:
            return None
        active = [member for member in self.snapshot.members.values() if member.active]
        return d.Approval(
            counted=sum(member.key in state.approvals for member in active),
            needed=len(active) // 2 + 1,
            command=f"fedledger job approve {state.number}",
        )

    def round_line(self, round_: Round) -> d.RoundLine:
        final = round_.final
        return d.RoundLine(
            job=round_.job,
            round=round_.number,
            phase=round_.phase.value,
            reason=_reason(round_.reason),
            updates=len(round_.updates),
            attempts=round_.attempt,
            members=round_.members,
            deadline=round_.deadline,
            root=final.root.hex() if final else None,
        )

    def model(self, state: JobState, round_: Round) -> d.Model:
        final = round_.final
        if final is None:
            raise _no_model(state, round_.number)
        return d.Model(
            job=state.number,
            round=round_.number,
            root=final.root.hex(),
            cid=self._cid(state, final.cid),
            aggregator=self.party(final.index, final.aggregator),
            agreeing=final.agreeing,
            members=round_.members,
        )

    def round(self, state: JobState, round_: Round) -> d.RoundDocument:
        finals = (n for n in range(round_.number - 1, 0, -1) if state.rounds[n].final is not None)
        present = round_.updates.keys()
        absent = [m for m in self.snapshot.members.values() if m.index not in present and m.has(Role.PARTICIPANT)]
        return d.RoundDocument(
            job=round_.job,
            round=round_.number,
            phase=round_.phase.value,
            reason=_reason(round_.reason),
            opener=self.owner(round_.opener),
            epoch=round_.epoch,
            members=round_.members,
            majority=round_.majority,
            base=next(finals, 0),
            update_deadline=round_.update_deadline,
            deadline=round_.deadline,
            updates=self._updates(state, round_),
            missing=tuple(self.party(m.index, m.key) for m in absent if m.since <= round_.epoch),
            aggregates=tuple(self._aggregate(state, aggregate) for aggregate in round_.aggregates),
        )

    def _updates(self, state: JobState, round_: Round) -> tuple[d.UpdateDocument, ...]:
        judged = [None if byte is None else judgement(byte) for byte in verdicts(round_)]
        return tuple(
            d.UpdateDocument(
                party=self.party(update.index, update.party),
                weight=update.weight,
                root=update.root.hex(),
                cid=self._cid(state, update.cid),
                tx=update.tx.hex(),
                verdict=verdict,
            )
            for update, verdict in zip(round_.sorted_updates(), judged, strict=True)
        )

    def _aggregate(self, state: JobState, aggregate: Aggregate) -> d.AggregateDocument:
        return d.AggregateDocument(
            attempt=aggregate.attempt,
            party=self.party(aggregate.index, aggregate.aggregator),
            outcome=aggregate.outcome.value if aggregate.outcome else None,
            root=None if aggregate.empty else aggregate.root.hex(),
            cid=None if aggregate.empty else self._cid(state, aggregate.cid),
            claim=aggregate.claim.hex(),
            deadline=aggregate.deadline,
            agreeing=aggregate.agreeing,
            disagreeing=aggregate.disagreeing,
            attestations=tuple(
                d.AttestationDocument(
                    party=self.party(a.index, a.member), agrees=a.agrees, claim=a.claim.hex(), tx=a.tx.hex()
                )
                for a in aggregate.attestations
            ),
            tx=aggregate.tx.hex(),
        )

    def _cid(self, state: JobState, digest: bytes) -> str | None:
        document = self.document(state)
        return str(of_file(digest, document.layout.size)) if document else None

    def lineage(self, state: JobState, number: int, limit: int) -> tuple[Trace, int | None]:
        """The newest `limit` models of a lineage, and the round of the model that it goes on with.

        Raises NotFound where the round made no model, NotYet without the job's document.
        """
        document = self.document(state)
        if document is None:
            raise NotYet(
                f"the document of job {state.number} could not be read yet", advice="see that a member serves it"
            )
        if number and self.round_state(state.number, number).final is None:
            raise _no_model(state, number)
        found = trace(state, document, number, self.network.party_name, limit)
        last = found.models[-1].round
        return found, base_of(state, document, last).round if last else None

    def audit(self) -> d.AuditDocument | None:
        audited = self.state.audited
        return None if audited is None else _audit(audited)


def _no_model(state: JobState, number: int) -> NotFound:
    where = f"/jobs/{state.number}/models lists those that there are"
    return NotFound(f"round {number} of job {state.number} has made no model", advice=where)


def judgement(byte: int) -> d.Judgement:
    """An admission's verdict by the byte on the ledger, which an aggregator may have made up."""
    try:
        verdict = Verdict(byte)
    except ValueError:
        return d.Judgement(code=byte, name="", meaning=f"no such verdict: {byte}")
    return d.Judgement(code=byte, name=verdict.name, meaning=verdict.meaning)


def _reason(reason: Reason) -> str:
    return "" if reason is Reason.NONE else reason.name


def _audit(audited: Audited) -> d.AuditDocument:
    report = audited.report
    return d.AuditDocument(
        verdict=report.verdict.value if report else None,
        at=audited.at,
        seconds=audited.seconds,
        block=report.block if report else 0,
        rounds=audited.rounds,
        trouble=audited.trouble,
        checks=tuple(_check(report, check) for check in Check) if report else (),
        report=report,
    )


def _check(report: Report, check: Check) -> d.CheckLine:
    statuses = {finding.status for finding in report.findings if finding.check is check}
    made = check in report.passed or bool(statuses)
    worst: d.CheckStatus = "verified" if made else "skipped"
    if "refuted" in statuses:
        worst = "refuted"
    elif "unknown" in statuses:
        worst = "unknown"
    elif "notice" in statuses:
        worst = "notice"
    return d.CheckLine(
        number=int(check), code=check.name, title=check.title, status=worst, held=report.passed.get(check, 0)
    )
