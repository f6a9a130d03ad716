"""Why a member commits to nothing more in a job: it withdrew its data, by the ledger or by its home, or the job's
permitted use ended.
"""

from collections.abc import Callable
from os.path import lexists

from ledger.config import Home
from ledger.errors import FedledgerError
from ledger.history.state import JobState, Member
from ledger.history.withdrawal import file_in
from ledger.jobs.document import Job
from ledger.jobs.permitted_use import ended


def withheld(
    home: Home, state: JobState, member: Member | None, document: Callable[[JobState], Job], now: int
) -> dict[int, str]:
    """By the job's number, in words; empty where training goes on. `member` is this home's, `now` the chain's clock.

    The ledger's word counts whatever the home has: it may be an old one, from a backup.
    """
    said = state.withdrawn.get(member.index) if member else None
    if said is not None:
        return {state.number: f"this member withdrew its data: block {said.block}"}
    own = file_in(home.withdrawals, state.number)
    if lexists(own):
        return {state.number: f"this member withdrew its data: {own}"}
    try:
        why = ended(document(state).permitted_use, now) if state.open and not state.complete else ""
    except FedledgerError:
        return {}  # without its document nothing is trained either
    return {state.number: why} if why else {}
