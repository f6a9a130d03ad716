"""From the last reading to documents of what members decided. Pure, as `reading` is."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter

from ledger.errors import Malformed
from ledger.events import actions
from ledger.events.actions import ReleaseModel, kind_word
from ledger.events.proposals import Proposal, ProposalState, Release, release_id
from ledger.events.records import Choice
from ledger.formats.digest import NOTHING
from ledger.history.names import reason_text
from ledger.history.state import Member, Round
from ledger.releases.report import cid_of, require_model
from ledger.rounds.trace import ModelTrace, trace
from web.documents import decisions as g
from web.reading.latest import Lineage, Measured, Unread
from web.reading.ledger import NotFound, Reading
from web.reading.scores import ScoreReading

OPEN = (ProposalState.VOTING, ProposalState.WAITING, ProposalState.EXECUTABLE)
SHORT_LINEAGE = 3
AROUND = 30
"""So many rounds before and after one are shown beside it."""


@dataclass(frozen=True, slots=True)
class DecisionReading:
    """Makes documents of proposals and releases from a reading."""

    now: Reading

    def proposal(self, number: int) -> Proposal:
        """Raises NotFound where there is no such proposal."""
        found = self.now.snapshot.decisions.proposal(number)
        if found is None:
            raise NotFound(f"there is no proposal {number}", advice="/proposals lists them all")
        return found

    def newest(self, before: int | None = None) -> Iterator[Proposal]:
        """Proposals with a number below `before`, newest first."""
        made = reversed(self.now.snapshot.decisions.proposals.values())
        return (one for one in made if before is None or one.number < before)

    def open(self, most: int) -> tuple[g.ProposalLine, ...]:
        """The newest proposals on which something can still be done."""
        found = (one for one in self.newest() if one.ended is None and self.state(one) in OPEN)
        return tuple(self.line(one) for one in islice(found, most))

    def state(self, one: Proposal) -> ProposalState:
        return one.state(self.now.state.time)

    def line(self, one: Proposal) -> g.ProposalLine:
        return g.ProposalLine(
            number=one.number,
            id=one.id.hex(),
            kind=kind_word(one.kind),
            action=one.action,
            subject=self._subject(one.action),
            state=self.state(one).value,
            proposer=self.now.owner(one.proposer),
            tally=tally(one),
            deadline=one.deadline,
        )

    def vote(self, one: Proposal) -> g.Vote:
        silent = [member for member in self.now.snapshot.members.values() if may_vote(one, member)]
        ballots = (g.Ballot(party=self.now.anyone(who), choice=said.name) for who, said in sorted(one.votes.items()))
        return g.Vote(
            epoch=one.epoch,
            rules=one.rules,
            executable_from=one.executable_from,
            executable_until=one.executable_until,
            ballots=tuple(ballots),
            silent=tuple(self.now.anyone(member.index) for member in silent),
            gone=max(0, one.members - len(one.votes) - len(silent)),
            tx=one.tx.hex(),
        )

    def _subject(self, action: actions.Action) -> g.Subject:
        match action:
            case actions.RemoveMember(index=index) | actions.ChangeRoles(index=index):
                return g.Subject(party=self.now.anyone(index))
            case actions.CloseJob(job=job):
                return g.Subject(job=self._job_name(job))
            case actions.ReleaseModel(name=name, version=version, job=job):
                return g.Subject(job=self._job_name(job), name=name, version=version)
            case actions.RevokeRelease(release=release) | actions.RollBack(release=release):
                known = self.now.snapshot.decisions.releases.get(bytes.fromhex(release))
                reason = self._reason(bytes.fromhex(action.reason)) if isinstance(action, actions.RevokeRelease) else ""
                return g.Subject(
                    name=known.name if known else None, version=known.version if known else None, reason=reason
                )
            case _:
                return g.Subject()

    def _reason(self, word: bytes) -> str:
        """What a reason's word says: it is the text, or the digest of one that was read in the background."""
        text = reason_text(word)
        return self.now.state.reasons.get(word, "") if text is None else text

    def _job_name(self, number: int) -> str | None:
        state = self.now.snapshot.jobs.get(number)
        document = self.now.document(state) if state else None
        return document.name if document else None

    def releases(self) -> Iterator[Release]:
        """All releases, newest first."""
        return reversed(self.now.snapshot.decisions.releases.values())

    def releases_of(self, job: int, number: int) -> tuple[g.ReleaseLine, ...]:
        """The releases of a round's model, newest first."""
        return tuple(self.release_line(one) for one in self.releases() if (one.job, one.round) == (job, number))

    def current(self) -> tuple[g.ReleaseLine, ...]:
        """The current release of each name, by name."""
        current = self.now.snapshot.decisions.current
        return tuple(self.release_line(current[name]) for name in sorted(current))

    def current_of(self, name: str) -> g.ReleaseLine | None:
        found = self.now.snapshot.decisions.current.get(name)
        return self.release_line(found) if found else None

    def release(self, name: str, version: str) -> Release:
        """Raises NotFound where there is no such release."""
        found = self.now.snapshot.decisions.release(name, version)
        if found is None:
            raise NotFound(f"there is no release {name} {version}", advice="/releases lists them all")
        return found

    def target(self, action: actions.Action) -> g.ReleaseLine | None:
        """The release that an action is about, where there is one."""
        release = about(action)
        found = self.now.snapshot.decisions.releases.get(release) if release else None
        return self.release_line(found) if found else None

    def release_line(self, one: Release) -> g.ReleaseLine:
        current = self.now.snapshot.decisions.current.get(one.name)
        return g.ReleaseLine(
            name=one.name,
            version=one.version,
            id=one.id.hex(),
            job=one.job,
            round=one.round,
            root=one.root.hex(),
            scores=some(one.scores),
            report=some(one.report),
            current=current is not None and current.id == one.id,
            revoked=one.revoked,
            reason=some(one.reason),
            reason_text=self._reason(one.reason),
            tx=one.tx.hex(),
        )

    def decided_by(self, release: Release) -> tuple[g.DecisionDocument, ...]:
        """The executed proposals about a release, newest first."""
        done = (one for one in self.newest() if one.ended is ProposalState.EXECUTED)
        found = (one for one in done if about(one.action) == release.id)
        return tuple(g.DecisionDocument(proposal=self.line(one), vote=self.vote(one)) for one in found)

    def evidence(self, job: int, number: int, root: bytes, report: bytes) -> g.Evidence:
        """What speaks for the model of a round: as much as is known of it, which may be nothing."""
        state = self.now.snapshot.jobs.get(job)
        round_ = state.rounds.get(number) if state else None
        model = self.now.model(state, round_) if state and round_ and round_.final else None
        document = self.now.document(state) if state else None
        lineage: tuple[ModelTrace, ...] = ()
        if state and document and model:
            lineage = trace(state, document, number, self.now.network.party_name, SHORT_LINEAGE).models
        counted = self.now.state.lineages.get((job, number, root))
        scoring = ScoreReading(self.now).whole(state, round_) if state and round_ else None
        audit = self.now.state.audited
        found = audit.report.findings if audit and audit.report else []
        wrong = [f for f in found if f.job == job and f.round is not None and f.round <= number]
        return g.Evidence(
            job=job,
            job_name=document.name if document else None,
            round=number,
            root=model.root if model else None,
            cid=model.cid if model else None,
            models=counted.models if counted else None,
            lineage=lineage,
            contributors=self._contributors(counted) if counted else None,
            scoring=scoring,
            evaluation=self.evaluated(job, number, root, report),
            verdict=audit.report.verdict.value if audit and audit.report else None,
            verdict_at=audit.at if audit else 0,
            findings=sum(finding.status in {"refuted", "unknown"} for finding in wrong),
        )

    def _contributors(self, counted: Lineage) -> tuple[g.Contributor, ...]:
        updates = sorted(counted.updates.items())
        return tuple(g.Contributor(party=self.now.anyone(index), updates=count) for index, count in updates)

    def evaluated(self, job: int, number: int, root: bytes, digest: bytes) -> g.Evaluated:
        """A report as it was read in the background, held against the model that it should be on."""
        if digest == NOTHING:
            return _unread("none", digest, "")
        found = self.now.state.evaluations.get(digest)
        if found is None or isinstance(found, Unread):
            return _unread("malformed" if found and found.final else "unread", digest, found.trouble if found else "")
        here, report = self.now.network, found.report
        place = {"chain": here.chain.id, "ledger": here.contracts.ledger.address}
        try:
            require_model(report, **place, job=job, round=number, root=root.hex())
        except Malformed as error:
            return _unread("contradicts", digest, error.message)
        owners = self.now.snapshot.owners
        return g.Evaluated(
            status="read",
            digest=digest.hex(),
            cid=str(cid_of(digest)),
            trouble="",
            samples=report.samples,
            mean=dict(found.mean),
            members={one.key: self.now.owner(one.key) for one in report.parties if one.key in owners},
            report=report,
        )

    def latest_evaluation(self, job: int, number: int | None = None) -> g.Evaluated | None:
        """The newest report that was read on a model of a job, or on that of one round."""
        return next(self._evaluations(job, number), None)

    def metrics_around(self, job: int, round_: Round) -> g.RoundMetrics | None:
        """The figures of a round's model and of its neighbours', from the newest report that measures it."""
        found = (one.report for one in self._evaluations(job) if one.report) if round_.final else iter(())
        for report in found:
            place = bisect_left(report.rounds, round_.number, key=attrgetter("round"))
            if place < len(report.rounds) and report.rounds[place].round == round_.number:
                around = report.rounds[max(0, place - AROUND) : place + AROUND + 1]
                return g.RoundMetrics(model=report.round, digest=report.digest.hex(), rounds=around)
        return None

    def _evaluations(self, job: int, number: int | None = None) -> Iterator[g.Evaluated]:
        """The reports that were read on a job's models, or on that of one round; newest first."""
        for one in self.newest():
            action = one.action
            if not isinstance(action, ReleaseModel) or action.job != job or number not in {None, action.round}:
                continue
            root, digest = bytes.fromhex(action.root), bytes.fromhex(action.report)
            known = self.now.state.evaluations.get(digest)
            if isinstance(known, Measured) and known.report.root == action.root and self._is_model(action):
                found = self.evaluated(job, action.round, root, digest)
                if found.status == "read":
                    yield found

    def _is_model(self, action: ReleaseModel) -> bool:
        """Whether a proposal's root is that of the model which the round finalised."""
        state = self.now.snapshot.jobs.get(action.job)
        round_ = state.rounds.get(action.round) if state else None
        return round_ is not None and round_.final is not None and round_.final.root.hex() == action.root

    def votes(self, index: int, most: int) -> tuple[g.MemberVote, ...]:
        """The newest proposals that a member voted on or may vote on."""
        member = self.now.snapshot.members[index]
        found = (one for one in self.newest() if index in one.votes or (may_vote(one, member) and self.votable(one)))
        return tuple(
            g.MemberVote(proposal=self.line(one), choice=one.votes[index].name if index in one.votes else None)
            for one in islice(found, most)
        )

    def votable(self, one: Proposal) -> bool:
        return self.state(one) is ProposalState.VOTING

    def with_updates_of(self, index: int) -> tuple[g.MemberRelease, ...]:
        """The releases that a member's updates went into, newest first."""
        lineages = self.now.state.lineages
        known = ((one, lineages.get((one.job, one.round, one.root))) for one in self.releases())
        found = ((one, lineage.updates.get(index, 0)) for one, lineage in known if lineage)
        return tuple(g.MemberRelease(release=self.release_line(one), updates=n) for one, n in found if n)


def tally(one: Proposal) -> g.VoteTally:
    return g.VoteTally(
        in_favour=one.count(Choice.FOR),
        against=one.count(Choice.AGAINST),
        abstained=one.count(Choice.ABSTAIN),
        voted=len(one.votes),
        members=one.members,
        quorum=one.quorum,
        passes=one.passes,
        certain=one.certain,
    )


def may_vote(one: Proposal, member: Member) -> bool:
    """Whether a member is of the electorate and has not voted; the time is not asked."""
    return member.active and member.since <= one.epoch and member.index not in one.votes


def about(action: actions.Action) -> bytes | None:
    """The identifier of the release that an action makes, revokes or brings back."""
    match action:
        case actions.ReleaseModel(name=name, version=version):
            return release_id(name, version)
        case actions.RevokeRelease(release=release) | actions.RollBack(release=release):
            return bytes.fromhex(release)
        case _:
            return None


def some(word: bytes) -> str | None:
    """A word in hexadecimal, or None where it is zero."""
    return None if word == NOTHING else word.hex()


def _unread(status: g.EvaluationStatus, digest: bytes, trouble: str) -> g.Evaluated:
    named = digest != NOTHING
    return g.Evaluated(
        status=status,
        digest=digest.hex() if named else None,
        cid=str(cid_of(digest)) if named else None,
        trouble=trouble,
        samples=0,
        mean={},
        members={},
        report=None,
    )
