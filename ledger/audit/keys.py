"""Who speaks for a member: each change of keys, roles and rules, as the members signed it, from the founding on.

The network file pins the founders. A key follows by the old key's word or by approvals of a majority; a member, a role
or a rule by votes for it. So a server cannot make up the members whose signatures it shows.
"""

from collections.abc import Iterator

from ledger.events import records as r
from ledger.events.actions import AdmitMember, ChangeRoles, ChangeRules, RemoveMember
from ledger.events.ballots import Choice
from ledger.events.evidence import Said
from ledger.events.proposals import ProposalState
from ledger.history.fold import History, KeyAct

CHANGES = (AdmitMember, RemoveMember, ChangeRoles, ChangeRules)
"""What members decide about who speaks, and how many must."""


def said_of_keys(history: History, block: int, after: int = -1) -> Iterator[Said]:
    """What members must be shown to have said for the keys, roles and rules up to a block, it included, from the block
    behind `after` on.
    """
    for act in history.acts:
        if after < act.event.block <= block and (said := _said(history, act)) is not None:
            yield said


def _said(history: History, act: KeyAct) -> Said | None:
    match act.event:
        case r.KeyRotated(new_key=new_key, tx=tx):
            return Said(act.key, "rotateKey", {"new_key": new_key}, tx)
        case r.RotationApproved(index=index, new_key=new_key, tx=tx):
            return Said(act.key, "approveRotation", {"index": index, "new_key": new_key}, tx)
        case r.Voted(proposal=proposal, choice=choice, tx=tx):
            made = history.decisions.proposals[proposal]
            carried = choice is Choice.FOR and made.ended is ProposalState.EXECUTED and isinstance(made.action, CHANGES)
            return Said(act.key, "vote", {"proposal": proposal.hex(), "choice": int(choice)}, tx) if carried else None
