"""A job's files while members approve it: who holds them, and whom a member asks for one that it cannot have."""

from ledger.errors import Corrupt, Unavailable, plain
from ledger.formats.cid import Cid
from ledger.formats.text import listed, plural, quoted
from ledger.history.fold import History
from ledger.history.jobs import approving
from ledger.history.state import JobState


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
