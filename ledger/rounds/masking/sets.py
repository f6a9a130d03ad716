"""The set of a masked round: whose updates are summed (docs/spec/masks.md, "Phases")."""

from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from ledger.formats.artifact import Buffer
from ledger.masks.groups import Groups, groups_of
from ledger.masks.segment import LEAST
from ledger.rounds.admission import Progress, Verdict, settle, weigh
from ledger.rounds.facts import Entry, RoundFacts
from ledger.rounds.inputs import Fetch
from ledger.rounds.masking.reading import MaskedReading
from ledger.rounds.masking.setups import cast_files, segment_of
from ledger.rounds.masking.summed import board_of

REFUSED = frozenset({Verdict.WEIGHT, Verdict.BUDGET, Verdict.HEADER, Verdict.ROOT})
"""Verdicts that keep an update out of a set."""


def due_set(
    facts: RoundFacts,
    fetch: Fetch,
    certified: Collection[int],
    convicted: Collection[int],
    groups: Groups | None = None,
    *,
    threads: int = 1,
    progress: Progress = lambda _: None,
) -> frozenset[int]:
    """The set that is to be proposed and agreed with, under receipts that certify the updates of members `certified`.

    All of the cast whose update is certified and not refused by WEIGHT, BUDGET, HEADER or ROOT, but for those
    `convicted` when the round was opened (`convictions`), and for a group that has too few left; nobody where the rest
    are too few, or there is no cast. `groups` are the cast's, where they are known (`groups_in`).

    Raises Unavailable where certified bytes, or set-up files that say who is in which group, are not at hand.
    """
    looked_at, refused = candidates(facts, certified, convicted), list[int]()
    entries = [one for one in facts.entries if one.update.index in looked_at]
    with ThreadPoolExecutor(threads, thread_name_prefix="reader") as pool:
        for entry, found in zip(entries, pool.map(lambda one: _verdict(facts, one, fetch), entries), strict=True):
            progress(facts.update_size)
            if found in REFUSED:
                refused.append(entry.update.index)
    return set_of(facts, groups_in(facts, fetch) if groups is None else groups, looked_at, refused)


def groups_in(facts: RoundFacts, fetch: Fetch) -> Groups:
    """The groups of a round's cast; none without a cast, and one where the job has none.

    Raises Unavailable where a set-up file is not at hand, Refuted where the cast is not one to be agreed with.
    """
    masks, opened, _ = board_of(facts)
    masked = facts.job.masked
    if masked is None or opened is None or opened.cast is None:
        return ()
    if not masked.groups:
        return (opened.cast,)
    files = cast_files(facts.place, facts.round.job, masks, opened, fetch)
    return groups_of(files, masked.groups, masked.smallest)


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


def set_of(facts: RoundFacts, groups: Groups, candidates: frozenset[int], refused: Iterable[int]) -> frozenset[int]:
    """The set, of these candidates: all that are not refused, but for groups that have too few left; nobody where the
    rest are too few, or of too few groups.
    """
    masks, opened, _ = board_of(facts)
    chosen = candidates.difference(refused)
    if opened is None or not chosen:
        return frozenset()
    smallest = max(LEAST, masks.terms.smallest)
    counting = [group & chosen for group in groups if len(group & chosen) >= smallest]
    whole = frozenset(member for group in counting for member in group)
    threshold = segment_of(facts.place, facts.round.job, masks, opened).threshold
    needed = max(smallest, threshold, facts.job.admission.min_updates)
    enough = len(counting) >= facts.job.groups_needed and len(whole) >= needed
    return whole if enough else frozenset()
