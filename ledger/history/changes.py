"""What a proposal would change: one that would change nothing only costs everyone a vote, and is refused."""

from collections.abc import Mapping
from typing import Protocol

from ledger.errors import UsageError
from ledger.events.actions import (
    Action,
    AdmitMember,
    ChangeRoles,
    ChangeRules,
    CloseJob,
    NameSuccessor,
    ReleaseModel,
    RevokeRelease,
    RewindJob,
    RollBack,
)
from ledger.events.members import SuccessorNamed
from ledger.history.decisions import Decisions
from ledger.history.state import JobState, Member


class ChangesNothing(UsageError):
    """What is proposed is so already, or never will be."""


class Present(Protocol):
    """What members decided so far."""

    @property
    def members(self) -> Mapping[int, Member]: ...
    @property
    def jobs(self) -> Mapping[int, JobState]: ...
    @property
    def decisions(self) -> Decisions: ...
    @property
    def successor(self) -> SuccessorNamed | None: ...


def require_change(present: Present, action: Action) -> None:
    """Raises ChangesNothing where an action would change nothing. The contract finds some of this only in the end."""
    why = _in_force(present, action)
    if why:
        raise ChangesNothing(
            f"the proposal would change nothing: {why}", advice="fedledger status and release list say what is in force"
        )


def _in_force(present: Present, action: Action) -> str:
    """Why an action changes nothing; empty where it changes something."""
    so, why = False, ""
    match action:
        case AdmitMember(key=key):
            so, why = any(key in one.keys for one in present.members.values()), "the key is or was a member's"
        case ChangeRoles(index=index, roles=roles):
            member = present.members.get(index)
            so, why = member is not None and member.roles == roles, f"member {index} has these roles"
        case ChangeRules(rules=rules):
            so, why = rules == present.decisions.rules, "these rules are in force"
        case CloseJob(job=job):
            so, why = job in present.jobs and present.jobs[job].closed, f"job {job} is closed"
        case RewindJob(job=job, round=number):
            why = _no_rewind(present.jobs.get(job), number)
            so = bool(why)
        case NameSuccessor(chain=chain, ledger=ledger):
            named = present.successor
            so, why = named is not None and (named.chain, named.ledger) == (chain, ledger), "it is named already"
        case ReleaseModel() | RevokeRelease() | RollBack():
            why = _of_release(present.decisions, action)
            so = bool(why)
    return why if so else ""


def _no_rewind(state: JobState | None, number: int) -> str:
    """Why the conviction of round `number` is not lifted; empty where it may be, or the job is unknown."""
    if state is None:
        return ""
    if state.closed:
        return f"job {state.number} is closed"
    if not state.convicted:
        return f"no model of job {state.number} is convicted"
    other = f"the model of round {state.convicted} of job {state.number} stands convicted, not that of round {number}"
    return other if state.convicted != number else ""


def _of_release(decisions: Decisions, action: ReleaseModel | RevokeRelease | RollBack) -> str:
    title, found = f"{action.name} {action.version}", decisions.release(action.name, action.version)
    if found is None:
        return ""
    if isinstance(action, ReleaseModel):
        return f"{title} was released, and the record of a release never changes"
    if found.revoked:
        return f"{title} is revoked"
    current = isinstance(action, RollBack) and decisions.current.get(found.name) is found
    return f"{title} is the current release" if current else ""
