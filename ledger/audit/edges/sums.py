"""EDGES, of one round: each admitted sum against its children's updates, where the job leaves these to auditors."""

from collections.abc import Iterator

from ledger.audit.claims import round_place
from ledger.audit.context import Context
from ledger.audit.report import Check, LieState
from ledger.audit.said import committed
from ledger.errors import Unavailable
from ledger.formats.artifact import Buffer
from ledger.history.state import Round, Update
from ledger.jobs.hierarchy import Hierarchy
from ledger.rounds.admission import Verdict
from ledger.rounds.edges.lists import Rosters
from ledger.rounds.edges.reading import EdgeTask, SumReading
from ledger.rounds.facts import Entry, RoundFacts
from ledger.rounds.rules import blocks_of


def audit_sums(audit: Context, facts: RoundFacts) -> None:
    """Read what every admitted sum of a round is made of, in a job that checks sums alone.

    A false one is its edge's lie, by its commitment. It makes no model false: members admitted it by the job's rule,
    and everyone who recomputes the model comes to the same. Where the job checks children, admission did all that.
    """
    hierarchy = facts.job.hierarchy
    if hierarchy is None or hierarchy.reads_children:
        return
    rosters = Rosters(hierarchy, audit.fetch)
    for entry in facts.entries:
        if facts.job.is_edge(entry.update.index) and _counted(facts.round, entry.update):
            _audit_sum(audit, facts, entry, hierarchy, rosters)


def _audit_sum(audit: Context, facts: RoundFacts, entry: Entry, hierarchy: Hierarchy, rosters: Rosters) -> None:
    job, update = facts.job, entry.update

    def pieces(start: int) -> Iterator[Buffer]:
        return audit.fetch(entry.cid, start, job.size_of(update.index) + 1)

    task = EdgeTask.of(update, hierarchy, rosters, audit.fetch, deep=True)
    reading = SumReading(
        task, job.layout, entry.binding, update.root, job.admission, pieces, blocks_of(job.aggregation)
    )
    what = f"the sum of {audit.describe(update.party)} in {round_place(facts.round)}"
    where = {"job": facts.round.job, "round": facts.round.number, "cid": str(entry.cid)}
    try:
        decision = reading.judge()
    except Unavailable as error:
        why = f"it could not be held against its children's updates: {error.message}"
        audit.leave_open(Check.EDGES, what, why, fault=audit.describe(update.party), **where)
        return
    if decision.verdict is Verdict.EDGE:
        said, state = committed(facts.round, update), state_of_sum(facts.round, update)
        audit.convict(said, what, state, Check.EDGES, (), why=decision.message, **where)
    else:
        audit.found.verify(Check.EDGES)


def state_of_sum(round_: Round, update: Update) -> LieState:
    """What became of what an edge said by its sum: it stands where the sum is in the round's model."""
    if not round_.phase.terminal:
        return "pending"
    return "standing" if _counted(round_, update) else "caught"


def _counted(round_: Round, update: Update) -> bool:
    return round_.final is not None and any(one.index == update.index for one in round_.admitted())
