"""A job while members approve it: who holds its files, whom a member asks for one that it cannot have, and what it must
have in common with other jobs.
"""

from collections.abc import Callable, Iterable

from ledger.errors import Corrupt, Unavailable, UsageError, plain
from ledger.formats.cid import Cid
from ledger.formats.text import listed, plural, quoted
from ledger.history.fold import History
from ledger.history.jobs import approving
from ledger.history.state import JobState
from ledger.jobs.document import Job


def not_had(history: History, state: JobState, what: str, cid: Cid, error: Unavailable) -> Unavailable:
    """The error for a file of a job that no holder returns; a damaged copy is another matter, and says so itself."""
    if isinstance(error, Corrupt):
        return error
    return Unavailable(
        f"{what} of job {state.number} is at no holder that can be reached",
        advice=f"{_proposer(history, state)}; or import it from a file, made there by fedledger store export {cid}",
        **error.facts,
    )


def _proposer(history: History, state: JobState) -> str:
    member = history.member_of(state.proposer)
    if member is None:
        return f"ask {state.proposer}, which proposed it"
    who = f"{quoted(member.name)}, which proposed it,"
    if not member.gateway:
        return f"{who} announces no gateway: ask it to keep fedledger node run going"
    return f"{who} announces {plain(member.gateway)}: ask it to keep fedledger node run going there"


def holding_text(history: History, state: JobState) -> str:
    """How many members hold a job's initial model, and which: a copy is taken before a job is approved."""
    names = [history.name(index) for index in approving(state, history.members)]
    members = sum(member.active for member in history.members.values())
    hold = "holds" if len(names) == 1 else "hold"
    return f"{len(names)} of {plural(members, 'member')} {hold} the initial model: {listed(names) or 'nobody'}"


def require_orders(
    jobs: Iterable[JobState], document: Job, read: Callable[[JobState], Job], member: int | None = None
) -> None:
    """Refuse a job with noise whose costs hold up to another order than those of a job of its scope that was opened, or
    that `member` approved: their sum holds up to the lesser, and the ε that the other's members approved would be too
    small; and one of another level, whose costs are of something else (docs/spec/privacy.md). So no two such jobs open
    without somebody who approved both.

    `read` returns a job's document. Raises UsageError, and as `read`.
    """
    if document.dp is None:
        return
    key, orders = document.dp.scope_key, document.dp.orders
    for state in jobs:
        binds = state.opened_in or (member in state.approvals and not state.closed)
        if not binds or state.spending is None or state.spending.terms.scope != key:
            continue
        other = read(state).dp
        if other is not None and other.level != document.dp.level:
            raise UsageError(
                f"noise of this job hides something else than that of job {state.number}, of the same scope",
                advice="name another scope: costs of rows and costs of members are no one sum",
                scope=document.dp.scope,
                expected=other.level,
                actual=document.dp.level,
            )
        if other is not None and other.orders != orders:
            raise UsageError(
                f"costs of this job hold up to another order than those of job {state.number}, of the same scope",
                advice=f"let the draft's [dp] say orders = {other.orders}, and make its document again",
                scope=document.dp.scope,
                expected=other.orders,
                actual=orders,
            )
