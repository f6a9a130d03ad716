"""Events that need a decision: each as the action for which members must have voted.

An executed proposal is a mandate for the one event that follows it; no other event of that sort is believed.
"""

from typing import assert_never

from ledger.events import actions as a
from ledger.events import records as r
from ledger.events.encoding import member_name, name_text
from ledger.history.decisions import Decisions
from ledger.history.impossible import Impossible


def require_mandate(event: r.AnyEvent, decisions: Decisions) -> None:
    """Raises Impossible for an effect that nobody decided, and for one that is not what the mandate says."""
    mandate = decisions.mandate
    try:
        action = _carried_out(event, decisions)
    except ValueError as error:
        raise Impossible(str(error)) from error
    if mandate is None:
        if action is not None:
            raise Impossible("the members did not decide that")
    elif action != mandate.action:
        raise Impossible(f"proposal {mandate.number} was executed, and something else came of it")


def _carried_out(event: r.AnyEvent, decisions: Decisions) -> a.Action | None:
    """The action that an event carries out; None for events that need no vote, such as those of the founding."""
    made: a.Action | None = None
    match event:
        case r.RoundEvent() | r.ScoreEvent() | r.MaskEvent() | r.BudgetEvent() | r.CourtEvent():
            pass
        case r.RulesChanged():
            made = a.ChangeRules(event.rules) if decisions.rules is not None else None
        case (
            r.BallotEvent()
            | r.JobProposed()
            | r.JobApproved()
            | r.JobOpened()
            | r.KeyRotated()
            | r.RotationApproved()
            | r.Announced()
            | r.ModelConvicted()
        ):
            pass
        case r.JobClosed() | r.JobRewound():
            made = a.RewindJob(event.job, event.round) if isinstance(event, r.JobRewound) else a.CloseJob(event.job)
        case r.MemberAdmitted():
            made = a.AdmitMember(event.key, event.roles, member_name(event.name)) if event.epoch != 1 else None
        case r.MemberRemoved():
            made = a.RemoveMember(event.index)
        case r.RolesChanged():
            made = a.ChangeRoles(event.index, event.roles)
        case r.SuccessorNamed():
            made = a.NameSuccessor(event.chain, event.ledger)
        case r.Released():
            made = _release(event)
        case r.Revoked():
            made = a.RevokeRelease(*_title(event.release, decisions), event.reason.hex())
        case r.RolledBack():
            made = a.RollBack(*_title(event.release, decisions))
        case _:
            assert_never(event)
    return made


def _release(event: r.Released) -> a.ReleaseModel:
    digests = (digest.hex() for digest in (event.root, event.scores, event.report))
    return a.ReleaseModel(name_text(event.name), name_text(event.version), event.job, event.round, *digests)


def _title(release: bytes, decisions: Decisions) -> tuple[str, str]:
    """Name and version of a release. Raises Impossible where there is none."""
    found = decisions.releases.get(release)
    if found is None:
        raise Impossible(f"release {release.hex()} was never made")
    return found.name, found.version
