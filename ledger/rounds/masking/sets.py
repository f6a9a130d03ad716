"""The set of a masked round: whose updates are summed (docs/spec/masks.md, "Phases")."""

from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from ledger.formats.artifact import Buffer
from ledger.masks.segment import LEAST
from ledger.rounds.admission import Progress, Verdict, settle, weigh
from ledger.rounds.facts import Entry, RoundFacts
from ledger.rounds.inputs import Fetch
from ledger.rounds.masking.reading import MaskedReading
from ledger.rounds.masking.setups import segment_of
from ledger.rounds.masking.summed import board_of

REFUSED = frozenset({Verdict.WEIGHT, Verdict.BUDGET, Verdict.HEADER, Verdict.ROOT})
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

    All of the cast whose update is certified and not refused by WEIGHT, BUDGET, HEADER or ROOT, but for those
    `convicted` when the round was opened (`convictions`); nobody where these are too few, or there is no cast. Raises
    Unavailable where certified bytes are not at hand.
    """
    looked_at, refused = candidates(facts, certified, convicted), list[int]()
    entries = [one for one in facts.entries if one.update.index in looked_at]
    with ThreadPoolExecutor(threads, thread_name_prefix="reader") as pool:
        for entry, found in zip(entries, pool.map(lambda one: _verdict(facts, one, fetch), entries), strict=True):
            progress(facts.update_size)
            if found in REFUSED:
                refused.append(entry.update.index)
    return set_of(facts, looked_at, refused)


def _verdict(facts: RoundFacts, entry: Entry, fetch: Fetch) -> Verdict:
    """What keeps one update out of the set, or ADMITTED. Raises Unavailable where its bytes cannot be had."""
    update, job, size = entry.update, facts.job, facts.update_size
    light = settle(weigh(update.weight, job.admission.cap(update.index)), paid=facts.has_paid(update.index))
    if light.verdict is not Verdict.ADMITTED:
        return light.verdict

    def pieces(start: int) -> Iterator[Buffer]:
        return fetch(entry.cid, start, size + 1)

    return MaskedReading(job.layout, entry.binding, update.root, job.admission, pieces).judge().verdict


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
