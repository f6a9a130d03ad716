"""Decisions: the fold of proposals, votes and releases. `ledger.history.fold` hands it those events."""

from dataclasses import dataclass
from typing import assert_never

from ledger.errors import Malformed
from ledger.events import ballots as r
from ledger.events import releases as rr
from ledger.events.actions import parse_action
from ledger.events.contents import proposal_id
from ledger.events.encoding import name_text
from ledger.events.proposals import Proposal, ProposalState, Release, release_id
from ledger.events.rounds import ModelConvicted
from ledger.formats.digest import NOTHING
from ledger.history.decisions import Decisions
from ledger.history.impossible import Impossible
from ledger.history.jobs import Jobs
from ledger.history.members import NO_ROLE, Members


@dataclass(slots=True)
class Ballots:
    """Keeps the decisions of those `members`; models are the final ones of `jobs`' rounds."""

    members: Members
    jobs: Jobs
    decisions: Decisions

    def apply(self, event: r.AnyBallotEvent) -> None:
        """Take one more event. Raises Impossible where it cannot follow, and then changes nothing."""
        match event:
            case r.Voted():
                self._vote(event)
            case r.Proposed():
                self._propose(event)
            case r.Executed():
                self._execute(event)
            case r.VoteClosed():
                self._close(event)
            case r.Cancelled():
                self._cancel(event)
            case r.RulesChanged():
                self.decisions.rules = event.rules
            case _:
                assert_never(event)

    def apply_release(self, event: rr.AnyReleaseEvent) -> None:
        """The same, of an event of releases."""
        match event:
            case rr.Released():
                self._release(event)
            case rr.Revoked():
                self._revoke(event)
            case rr.RolledBack():
                self._roll_back(event)
            case _:
                assert_never(event)

    def _propose(self, event: r.Proposed) -> None:
        self.members.holder(event.proposer, NO_ROLE, self.members.epoch)
        rules, made = self.decisions.rules, self.decisions.proposals
        if rules is None or event.number != len(made) + 1 or event.epoch != self.members.epoch:
            raise Impossible(f"proposal {event.number} cannot be the next")
        if event.nonce != self.decisions.next_nonce(event.proposer):
            raise Impossible(f"nonce {event.nonce} of {event.proposer} cannot be the next")
        try:
            action = parse_action(event.kind, event.action)
            named = proposal_id(event.proposer, event.nonce, event.kind, event.action)
        except Malformed as error:
            raise Impossible(f"proposal {event.number} cannot be read: {error.message}") from error
        if event.proposal != named:
            raise Impossible(f"proposal {event.number} does not have the name that its content makes")
        made[event.proposal] = Proposal(
            event.proposal,
            event.number,
            event.proposer,
            event.nonce,
            event.kind,
            event.action,
            action,
            event.epoch,
            self.members.count,
            rules,
            event.deadline,
            event.tx,
            block=event.block,
        )
        self.decisions.nonces[event.proposer] = event.nonce

    def _voting(self, proposal: bytes) -> Proposal:
        """A proposal that no transaction has ended."""
        found = self.decisions.proposals.get(proposal)
        if found is None:
            raise Impossible(f"proposal {proposal.hex()} was never made")
        if found.ended is not None:
            raise Impossible(f"proposal {found.number} is {found.ended.value}")
        return found

    def _vote(self, event: r.Voted) -> None:
        found = self._voting(event.proposal)
        index = self.members.holder(event.member, NO_ROLE, found.epoch).index
        if index in found.votes:
            raise Impossible(f"member {index} voted on proposal {found.number} before")
        found.votes[index], found.voted_in[index] = event.choice, event.block

    def _close(self, event: r.VoteClosed) -> None:
        found = self._voting(event.proposal)
        if event.deadline >= found.deadline or not found.passes:
            raise Impossible(f"the vote on proposal {found.number} cannot be closed")
        found.deadline = event.deadline

    def _cancel(self, event: r.Cancelled) -> None:
        found = self._voting(event.proposal)
        if found.votes:
            raise Impossible(f"proposal {found.number} was voted on, and cannot be cancelled")
        found.ended, found.ended_in = ProposalState.CANCELLED, event.block

    def _execute(self, event: r.Executed) -> None:
        found = self._voting(event.proposal)
        if not found.passes:
            raise Impossible(f"proposal {found.number} was executed without the members' votes")
        found.ended, found.ended_in = ProposalState.EXECUTED, event.block
        self.decisions.mandate = found

    def _release(self, event: rr.Released) -> None:
        """A release of the round's final model, with the root of the round's scores or none."""
        name, version = name_text(event.name), name_text(event.version)
        job = self.jobs.by_number.get(event.job)
        round_ = job.rounds.get(event.round) if job else None
        scoring = job.scorings.get(event.round) if job else None
        final = round_.final if job and round_ and not job.is_convicted(event.round) else None
        known = event.release in self.decisions.releases or event.release != release_id(name, version)
        scores = scoring.root if scoring else NOTHING
        if known or final is None or event.root != final.root or event.scores not in (NOTHING, scores):
            raise Impossible(f"{name} {version} cannot be released")
        place = (event.job, event.round, event.root, event.scores, event.report)
        release = Release(event.release, name, version, *place, event.tx, block=event.block)
        self.decisions.releases[event.release] = release
        self.decisions.current[name] = self.decisions.named[name] = release

    def _revoke(self, event: rr.Revoked) -> None:
        release = self._in_use(event.release)
        release.revoked, release.reason, release.revoked_in = True, event.reason, event.block
        for chosen in (self.decisions.current, self.decisions.named):
            if chosen.get(release.name) is release:
                del chosen[release.name]

    def _roll_back(self, event: rr.RolledBack) -> None:
        release = self._in_use(event.release)
        current = self.decisions.named.get(release.name)
        if current is release or release.convicted or event.previous != (current.id if current else NOTHING):
            raise Impossible(f"{release.name} cannot be rolled back to {release.version}")
        self.decisions.current[release.name] = self.decisions.named[release.name] = release

    def convict(self, event: ModelConvicted) -> None:
        """The releases of the job's models from that round on must not be used any more."""
        for release in self.decisions.releases.values():
            if release.job == event.job and release.round >= event.round and not release.convicted:
                release.convicted, release.convicted_in = True, event.block
                if self.decisions.current.get(release.name) is release:
                    del self.decisions.current[release.name]

    def _in_use(self, release: bytes) -> Release:
        found = self.decisions.releases.get(release)
        if found is None or found.revoked:
            raise Impossible(f"release {release.hex()} is not in use")
        return found
