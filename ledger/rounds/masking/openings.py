"""Updates that were opened after a round whose sum is out of its bounds (docs/spec/masks.md, "Blame")."""

from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

from ledger.errors import Malformed
from ledger.formats.cid import of_file
from ledger.history.state.masking import KeyShown
from ledger.jobs.document import Admission
from ledger.masks.blame import Fault, Guilty
from ledger.masks.reveals import check_opening
from ledger.masks.secret import Secret
from ledger.masks.sums import opening, unmasked
from ledger.rounds.admission import Decision, Verdict
from ledger.rounds.facts import RoundFacts
from ledger.rounds.inputs import Fetch
from ledger.rounds.masking.bounds import judge_opened, left_over
from ledger.rounds.masking.inputs import MaskedBands
from ledger.rounds.masking.summed import MaskedSum
from ledger.rounds.rules import blocks_of
from ledger.rounds.rules.arithmetic import Sums


class Opened(NamedTuple):
    """What became of a member's update of a void round, since which block the ledger shows it.

    `decision` is the verdict on its values. `key` is the member's opening; None where the others' openings show its
    update, since the sum less theirs is it.
    """

    decision: Decision
    block: int
    key: KeyShown | None


def sum_of(facts: RoundFacts, summed: MaskedSum, fetch: Fetch, threads: int = 1) -> Decision | None:
    """RANGE or NORM of the round's sum, or ADMITTED; None where there is no sum to judge.

    Raises Unavailable where bytes of the set are not at hand.
    """
    if summed.masks is None:
        return None
    try:
        return summed.inputs(facts, fetch).judged(threads)
    except Malformed:  # a file that members were not to put into the set
        return None


def judged_openings(
    facts: RoundFacts, summed: MaskedSum, fetch: Fetch, threads: int = 1
) -> tuple[dict[int, Opened], list[tuple[Guilty, KeyShown]]]:
    """The updates of a void round that are open, by member index; and whose opening is false.

    Where all but one are open, so is the last, since then: that it opens by itself later changes nothing of that, or
    who is convicted as of a block would change after it. Raises Unavailable where bytes of the set are not at hand.
    """
    shown, false = facts.masks.rounds[facts.round.number].shown if facts.masks else {}, []
    true = dict[int, KeyShown]()
    for member in sorted(shown.keys() & summed.set):
        try:
            check_opening(summed.files[member], facts.round.number, Secret(shown[member].key))
            true[member] = shown[member]
        except Guilty as guilty:
            false.append((guilty, shown[member]))
    opened = dict[int, Opened]()
    for member, key in true.items():
        found = judge_opened(_products(facts, summed, key, fetch, threads), *_limits(facts, member))
        since = _shown_by_others(summed, true, member)
        if since is None or since >= key.block:
            opened[member] = Opened(found, key.block, key)
        else:
            opened[member] = Opened(found, since, None)
    last = summed.set - true.keys()
    if len(last) == 1:
        (member,) = last
        found = judge_opened(_left(facts, summed, true, fetch, threads), *_limits(facts, member))
        opened[member] = Opened(found, max(key.block for key in true.values()), None)
    return opened, false


def _shown_by_others(summed: MaskedSum, true: dict[int, KeyShown], member: int) -> int | None:
    """The block since which all others of the set are open; None where one is not."""
    others = summed.set - {member}
    return max(true[one].block for one in others) if others <= true.keys() else None


def convicts(member: int, opened: Opened, round_: int) -> Guilty | None:
    """Who is to blame for an open update: its author, where its values are refused."""
    if opened.decision.verdict is Verdict.ADMITTED:
        return None
    message = f"the update that it masked is refused: {opened.decision.verdict.name}, {opened.decision.message}"
    return Guilty(member, Fault.VALUES, message, round=round_)


def _limits(facts: RoundFacts, member: int) -> tuple[int, Admission]:
    return facts.round.updates[member].weight, facts.job.admission


def _products(facts: RoundFacts, summed: MaskedSum, key: KeyShown, fetch: Fetch, threads: int) -> Iterator[Sums]:
    """The products w·q of an update, in bands."""
    masks = opening(summed.pads(facts.round.number), key.index, Secret(key.key), summed.seeds[key.index])
    layout, blocks = facts.job.layout, blocks_of(facts.job.aggregation)
    cid = of_file(facts.round.updates[key.index].cid, facts.update_size)
    words = MaskedBands(layout, cid, fetch, blocks=blocks)
    for (start, _), run in zip(layout.bands(blocks), words, strict=True):
        yield unmasked(run.copy(), masks, start, threads)


def _left(
    facts: RoundFacts, summed: MaskedSum, opened: dict[int, KeyShown], fetch: Fetch, threads: int
) -> Iterator[Sums]:
    """The products of the one update that was not opened, in bands."""
    others = [_products(facts, summed, key, fetch, threads) for key in opened.values()]
    with closing(summed.inputs(facts, fetch).sums(threads)) as sums:
        for run, *parts in zip(sums, *others, strict=True):
            yield left_over(run, parts)
