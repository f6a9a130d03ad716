"""How a member's node does, as far as the ledger shows and this server could try."""

from collections.abc import Callable, Iterator

from ledger.history.state import Member, Round
from web.documents.desk import NodeHealth, SeenRound
from web.reading.desk.duties import missed
from web.reading.ledger import Reading

MOST_ROUNDS = 200
"""So many of a job's latest rounds are looked at for what a member did last."""
DidIn = Callable[[Round, int], int]
"""The block in which a member did something in a round; 0 if it did not."""


def node_health(now: Reading, member: Member) -> NodeHealth:
    """What there is to say of the node of a member."""
    checked = now.state.gateways.get(member.index)
    return NodeHealth(
        committed=_last(now, member.index, _committed_in),
        attested=_last(now, member.index, _attested_in),
        missed=tuple(one for state in now.snapshot.jobs.values() if state.open for one in missed(state, member)),
        gateway=member.gateway,
        checked=checked if checked is not None and checked.url == member.gateway else None,
    )


def _last(now: Reading, index: int, did: DidIn) -> SeenRound | None:
    """The latest round, by its block, in which a member did something."""
    found = max(_each(now, index, did), key=lambda one: one[0], default=None)
    if found is None:
        return None
    block, round_ = found
    return SeenRound(job=round_.job, round=round_.number, **now.dated(block))


def _each(now: Reading, index: int, did: DidIn) -> Iterator[tuple[int, Round]]:
    """Of each job the latest round in which a member did something, with the block."""
    for state in now.snapshot.jobs.values():
        latest = range(len(state.rounds), max(len(state.rounds) - MOST_ROUNDS, 0), -1)
        first = next(((block, state.rounds[n]) for n in latest if (block := did(state.rounds[n], index))), None)
        if first is not None:
            yield first


def _committed_in(round_: Round, index: int) -> int:
    made = round_.commitments.get(index)
    return made.block if made else 0


def _attested_in(round_: Round, index: int) -> int:
    """Publishing an aggregate is standing by it."""
    for attempt in reversed(round_.aggregates):
        if attempt.index == index:
            return attempt.block
        said = next((one for one in attempt.attestations if one.index == index), None)
        if said is not None:
            return said.block
    return 0
