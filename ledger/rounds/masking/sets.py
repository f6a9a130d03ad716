"""The set of a masked round: whose updates are summed (docs/spec/masks.md, "Phases")."""

from collections.abc import Collection, Iterable

from ledger.masks.segment import LEAST
from ledger.rounds.admission import Progress, Verdict
from ledger.rounds.facts import RoundFacts
from ledger.rounds.inputs import Fetch
from ledger.rounds.masking.setups import segment_of
from ledger.rounds.masking.summed import board_of
from ledger.rounds.one_pass import Pass

REFUSED = frozenset({Verdict.WEIGHT, Verdict.HEADER, Verdict.ROOT})
"""Verdicts that keep an update out of a set."""


def due_set(
    facts: RoundFacts,
    fetch: Fetch,
    certified: Collection[int],
    convicted: Collection[int],
    *,
    threads: int = 1,
    progress: Progress = lambda _: None,
) -> frozenset[int]:
    """The set that is to be proposed and agreed with, under receipts that certify the updates of members `certified`.

    All of the cast whose update is certified and not refused by WEIGHT, HEADER or ROOT, but for those `convicted` when
    the round was opened (`convictions`); nobody where these are too few, or there is no cast. Raises Unavailable where
    certified bytes are not at hand.
    """
    looked_at = candidates(facts, certified, convicted)
    read = Pass(facts, fetch, looked_at, threads=threads, progress=progress)
    read.finish()
    read.check_had()
    return set_of(facts, looked_at, (index for index in looked_at if read.decision(index).verdict in REFUSED))


def candidates(facts: RoundFacts, certified: Collection[int], convicted: Collection[int]) -> frozenset[int]:
    """Whose updates are to be read before it is known which are the set."""
    _, opened, _ = board_of(facts)
    cast = (opened.cast if opened is not None else None) or frozenset()
    return (cast & frozenset(certified) & facts.round.updates.keys()) - frozenset(convicted)


def set_of(facts: RoundFacts, candidates: frozenset[int], refused: Iterable[int]) -> frozenset[int]:
    """The set, of these candidates: all that are not refused, or nobody where these are too few."""
    masks, opened, _ = board_of(facts)
    chosen = candidates.difference(refused)
    if opened is None or not chosen:
        return frozenset()
    needed = max(LEAST, masks.terms.smallest, segment_of(facts.place, facts.round.job, masks, opened).threshold)
    return chosen if len(chosen) >= needed else frozenset()
