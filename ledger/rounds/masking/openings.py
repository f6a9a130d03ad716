"""Updates that were opened after a round whose sum is out of its bounds (docs/spec/masks.md, "Blame")."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import NamedTuple

from ledger.errors import Malformed
from ledger.formats.cid import of_file
from ledger.history.state.masking import KeyShown
from ledger.masks.blame import Fault, Guilty
from ledger.masks.noise import NoiseLaw
from ledger.masks.reveals import check_opening
from ledger.masks.secret import Secret
from ledger.masks.sums import opening, unmasked
from ledger.rounds.admission import Decision, Verdict
from ledger.rounds.facts import RoundFacts
from ledger.rounds.inputs import Fetch
from ledger.rounds.masking.bounds import judge_opened, left_over
from ledger.rounds.masking.inputs import MaskedBands
from ledger.rounds.masking.noise import unit_of
from ledger.rounds.masking.summed import MaskedSum, SummedGroup
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


class BadSum(NamedTuple):
    """The sum of a group, or of the whole set, that no admissible updates have, and which bound says so."""

    group: SummedGroup
    decision: Decision

    @property
    def name(self) -> str:
        """What it is the sum of, for people."""
        return f"group {self.group.number}" if self.group.number else "the set"


def bad_sums(facts: RoundFacts, summed: MaskedSum, fetch: Fetch, threads: int = 1) -> tuple[BadSum, ...]:
    """The sums of a round that are out of their bounds: RANGE or NORM; none where there is nothing to judge.

    Raises Unavailable where bytes of the set are not at hand.
    """
    if summed.summed is None:
        return ()
    try:
        found = zip(summed.summed, summed.inputs(facts, fetch).judged(threads), strict=True)
        return tuple(BadSum(group, one) for group, one in found if one.verdict is not Verdict.ADMITTED)
    except Malformed:  # a file that members were not to put into the set
        return ()


def judged_openings(
    facts: RoundFacts,
    summed: MaskedSum,
    asked: Iterable[SummedGroup],
    fetch: Fetch,
    threads: int = 1,
    law: NoiseLaw | None = None,
) -> tuple[dict[int, Opened], list[tuple[Guilty, KeyShown]]]:
    """The updates that are open of groups that were asked to open, by member index; and whose opening is false.

    Who opens unasked is not looked at. Raises Unavailable where bytes of these groups are not at hand.
    """
    opened, false = dict[int, Opened](), list[tuple[Guilty, KeyShown]]()
    for group in asked:
        found, wrong = _opened_in(facts, summed, group, fetch, threads, law)
        opened |= found
        false += wrong
    return opened, false


def _opened_in(
    facts: RoundFacts, summed: MaskedSum, group: SummedGroup, fetch: Fetch, threads: int, law: NoiseLaw | None
) -> tuple[dict[int, Opened], list[tuple[Guilty, KeyShown]]]:
    """The same of one group.

    Where all but one are open, so is the last, since then: that it opens by itself later changes nothing of that, or
    who is convicted as of a block would change after it. Where updates have noise, by `law`, none is open but by its
    own key.
    """
    shown, false = facts.masks.rounds[facts.round.number].shown if facts.masks else {}, []
    true = dict[int, KeyShown]()
    for member in sorted(shown.keys() & group.members):
        try:
            check_opening(summed.files[member], facts.round.number, Secret(shown[member].key))
            true[member] = shown[member]
        except Guilty as guilty:
            false.append((guilty, shown[member]))
    opened = dict[int, Opened]()
    for member, key in true.items():
        found = _judged(facts, member, _products(facts, summed, key, fetch, threads, law))
        since = _shown_by_others(group, true, member) if law is None else None
        if since is None or since >= key.block:
            opened[member] = Opened(found, key.block, key)
        else:
            opened[member] = Opened(found, since, None)
    last = group.members - true.keys()
    if len(last) == 1 and law is None:
        (member,) = last
        found = _judged(facts, member, _left(facts, summed, group, true, fetch, threads))
        opened[member] = Opened(found, max(key.block for key in true.values()), None)
    return opened, false


def _shown_by_others(group: SummedGroup, true: dict[int, KeyShown], member: int) -> int | None:
    """The block since which all others of the group are open; None where one is not."""
    others = group.members - {member}
    return max(true[one].block for one in others) if others <= true.keys() else None


def convicts(member: int, opened: Opened, round_: int) -> Guilty | None:
    """Who is to blame for an open update: its author, where its values are refused."""
    if opened.decision.verdict is Verdict.ADMITTED:
        return None
    message = f"the update that it masked is refused: {opened.decision.verdict.name}, {opened.decision.message}"
    return Guilty(member, Fault.VALUES, message, round=round_)


def _judged(facts: RoundFacts, member: int, products: Iterator[Sums]) -> Decision:
    unit = unit_of(facts.job, facts.round.updates[member].weight)
    return judge_opened(products, unit.size, unit.limits, unit.name)


def _products(
    facts: RoundFacts, summed: MaskedSum, key: KeyShown, fetch: Fetch, threads: int, law: NoiseLaw | None = None
) -> Iterator[Sums]:
    """The products w·q of an update, in bands, without its noise."""
    pads, own = summed.pads(facts.round.number, key.index), Secret(key.key)
    masks = opening(pads, key.index, own, summed.seeds[key.index], law)
    layout, blocks = facts.job.layout, blocks_of(facts.job.aggregation)
    cid = of_file(facts.round.updates[key.index].cid, facts.update_size)
    words = MaskedBands(layout, cid, fetch, blocks=blocks)
    for (start, _), run in zip(layout.bands(blocks), words, strict=True):
        yield unmasked(run.copy(), masks, start, threads)


def _left(
    facts: RoundFacts,
    summed: MaskedSum,
    group: SummedGroup,
    opened: dict[int, KeyShown],
    fetch: Fetch,
    threads: int,
) -> Iterator[Sums]:
    """The products of the one update that was not opened, in bands."""
    others = [_products(facts, summed, key, fetch, threads) for key in opened.values()]
    with closing(summed.inputs(facts, fetch, [group]).sums(threads)) as sums:
        for (run,), *parts in zip(sums, *others, strict=True):
            yield left_over(run, parts)
