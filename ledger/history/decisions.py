"""What members decided: the fold of proposals, votes and releases. `ledger.history.fold` hands it those events.

An executed proposal is a mandate for the one event that follows it; no other event of that sort is believed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ledger.events import records as r
from ledger.events.actions import (
    Action,
    AdmitMember,
    ChangeRoles,
    ChangeRules,
    CloseJob,
    NameSuccessor,
    ReleaseModel,
    RemoveMember,
    RevokeRelease,
    RollBack,
    name_text,
    parse_action,
)
from ledger.events.proposals import Proposal, ProposalState, Release, proposal_id, release_id
from ledger.history.state import Impossible

NOTHING = bytes(32)


@dataclass(slots=True)
class Decisions:
    """Proposals by identifier, releases by identifier, and the current release of each name.

    `mandate` is the proposal just executed, whose effect is still to come.
    """

    rules: r.Rules | None = None
    proposals: dict[bytes, Proposal] = field(default_factory=dict)
    releases: dict[bytes, Release] = field(default_factory=dict)
    current: dict[str, Release] = field(default_factory=dict)
    successor: NameSuccessor | None = None
    mandate: Proposal | None = None

    def proposal(self, number: int) -> Proposal | None:
        """The proposal with that number."""
        return next((made for made in self.proposals.values() if made.number == number), None)

    def release(self, name: str, version: str) -> Release | None:
        """The release of that name and version."""
        try:
            return self.releases.get(release_id(name, version))
        except ValueError:
            return None

    def copy(self) -> "Decisions":
        """The same as of now, which what comes later does not change."""
        proposals = {name: replace(made, votes=dict(made.votes)) for name, made in self.proposals.items()}
        releases = {name: replace(made) for name, made in self.releases.items()}
        current = {name: releases[release.id] for name, release in self.current.items()}
        return replace(self, proposals=proposals, releases=releases, current=current)

    def require_mandate(self, event: r.Event) -> None:
        """What needs a decision follows its execution at once, and does what was decided. Raises Impossible."""
        try:
            effect = self._effect(event)
        except ValueError as error:
            raise Impossible(str(error)) from error
        if self.mandate is None:
            if effect is not None:
                raise Impossible("nobody decided that")
        elif effect != self.mandate.action:
            raise Impossible(f"proposal {self.mandate.number} was executed, and something else came of it")

    def settled(self, event: r.Event) -> None:
        """After an event was applied: a mandate is used up by its effect."""
        if not isinstance(event, r.Executed):
            self.mandate = None

    def _effect(self, event: r.Event) -> Action | None:
        """The decision that an event carries out; None for events that need none, such as those of the founding."""
        founding = isinstance(event, r.MemberAdmitted) and event.epoch == 1
        first_rules = isinstance(event, r.RulesChanged) and self.rules is None
        read = _EFFECTS.get(type(event))
        return None if read is None or founding or first_rules else read(event)

    def propose(self, event: r.Proposed, epoch: int, members: int) -> None:
        if self.rules is None or event.number != len(self.proposals) + 1 or event.epoch != epoch:
            raise Impossible(f"proposal {event.number} cannot be the next")
        if event.proposal != proposal_id(event.number, event.kind, event.action):
            raise Impossible(f"proposal {event.number} has another name than its content gives")
        try:
            action = parse_action(event.kind, event.action)
        except ValueError as error:
            raise Impossible(f"proposal {event.number} cannot be read: {error}") from error
        self.proposals[event.proposal] = Proposal(
            event.proposal,
            event.number,
            event.proposer,
            event.kind,
            event.action,
            action,
            event.epoch,
            members,
            self.rules,
            event.deadline,
            event.tx,
        )

    def open(self, proposal: bytes) -> Proposal:
        """A proposal that no transaction has ended."""
        found = self.proposals.get(proposal)
        if found is None:
            raise Impossible(f"proposal {proposal.hex()} was never made")
        if found.ended is not None:
            raise Impossible(f"proposal {found.number} is {found.ended.value}")
        return found

    def vote(self, event: r.Voted, index: int) -> None:
        found = self.open(event.proposal)
        if index in found.votes:
            raise Impossible(f"member {index} voted on proposal {found.number} before")
        found.votes[index] = event.choice

    def extend(self, event: r.DeadlineExtended) -> None:
        found = self.open(event.proposal)
        late = found.deadline < event.deadline <= found.deadline + found.rules.extension_seconds
        if not late or len(found.votes) < found.quorum:
            raise Impossible(f"the deadline of proposal {found.number} cannot be extended")
        found.deadline = event.deadline

    def close(self, event: r.VoteClosed) -> None:
        found = self.open(event.proposal)
        if event.deadline >= found.deadline or not found.certain:
            raise Impossible(f"the vote on proposal {found.number} cannot be closed")
        found.deadline = event.deadline

    def cancel(self, event: r.Cancelled) -> None:
        found = self.open(event.proposal)
        if found.votes:
            raise Impossible(f"proposal {found.number} was voted on, and cannot be cancelled")
        found.ended = ProposalState.CANCELLED

    def execute(self, event: r.Executed) -> None:
        found = self.open(event.proposal)
        if not found.passes:
            raise Impossible(f"proposal {found.number} was executed without the members' votes")
        found.ended = ProposalState.EXECUTED
        self.mandate = found

    def publish(self, event: r.Released, model: bytes | None, scores: bytes) -> None:
        """A release of the round's final model (None: it has none), with the root of its scores or none."""
        name, version = name_text(event.name), name_text(event.version)
        known = event.release in self.releases or event.release != release_id(name, version)
        if known or model is None or event.root != model or event.scores not in (NOTHING, scores):
            raise Impossible(f"{name} {version} cannot be released")
        place = (event.job, event.round, event.root, event.scores, event.report)
        release = Release(event.release, name, version, *place, event.tx)
        self.releases[event.release] = self.current[name] = release

    def revoke(self, event: r.Revoked) -> None:
        release = self._usable(event.release)
        release.revoked, release.reason = True, event.reason
        if self.current.get(release.name) is release:
            del self.current[release.name]

    def roll_back(self, event: r.RolledBack) -> None:
        release = self._usable(event.release)
        current = self.current.get(release.name)
        if current is release or event.previous != (current.id if current else NOTHING):
            raise Impossible(f"{release.name} cannot be rolled back to {release.version}")
        self.current[release.name] = release

    def _usable(self, release: bytes) -> Release:
        found = self.releases.get(release)
        if found is None or found.revoked:
            raise Impossible(f"release {release.hex()} is not in use")
        return found


def _released(event: r.Released) -> ReleaseModel:
    names = name_text(event.name), name_text(event.version)
    return ReleaseModel(*names, event.job, event.round, event.root, event.scores, event.report)


_EFFECTS: dict[type[r.Event], Callable[[Any], Action]] = {
    r.MemberAdmitted: lambda event: AdmitMember(event.key, event.roles),
    r.MemberRemoved: lambda event: RemoveMember(event.index),
    r.RolesChanged: lambda event: ChangeRoles(event.index, event.roles),
    r.RulesChanged: lambda event: ChangeRules(event.rules),
    r.JobClosed: lambda event: CloseJob(event.job),
    r.Released: _released,
    r.Revoked: lambda event: RevokeRelease(event.release, event.reason),
    r.RolledBack: lambda event: RollBack(event.release),
    r.SuccessorNamed: lambda event: NameSuccessor(event.chain, event.ledger),
}
"""What was decided, where one of these events is its effect."""

HANDLERS: dict[type[r.Event], Callable[[Decisions, Any], None]] = {
    r.DeadlineExtended: Decisions.extend,
    r.VoteClosed: Decisions.close,
    r.Cancelled: Decisions.cancel,
    r.Executed: Decisions.execute,
    r.Revoked: Decisions.revoke,
    r.RolledBack: Decisions.roll_back,
}
"""The events that need to know nothing but earlier decisions."""
