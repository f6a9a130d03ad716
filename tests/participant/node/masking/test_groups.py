"""A masked job with groups on a real chain: real nodes and a real aggregator, from the keys to the scores; one liar."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.consortia.aggregators import actions, service
from support.consortia.masked import SECONDS, mask_on, masks, said, segment
from support.consortia.synthetic import Trial
from support.consortia.trainers import COMMITTED, EVERYTHING, drive, end_pauses, node, notes

from ledger.formats.cid import of_file
from ledger.history.state import Phase
from ledger.masks.groups import Groups
from ledger.masks.setup import size_of
from ledger.party.auditing import AuditRequest, inspect
from ledger.party.connection import Connection
from ledger.party.masking.groups import RoundGroups
from ledger.party.masking.jobs import MaskedJobs
from ledger.rounds.facts import RoundFacts
from ledger.rounds.masking.setups import segment_of
from ledger.rounds.masking.summed import grouped_inputs
from ledger.rounds.trace import trace
from ledger.scores.contributions import score_round
from participant.node.masking.masked import OwnMasks

pytestmark = pytest.mark.node
MEMBERS, LIAR = 7, 3
GROUPS = "groups = 2\nthreshold = 4\n"
SCORING = COMMITTED.replace('"shapley"', '"group_shapley"')


class Garbage(OwnMasks):
    """Puts values far beyond the job's bound under its masks."""

    def mask(self, layout: Any, binding: Any, values: Any, weight: int) -> Any:
        return super().mask(layout, binding, np.full_like(values, (1 << 31) - 1), weight)


@pytest.fixture
def trial(found: Callable[..., Any]) -> Iterator[Trial]:
    with ExitStack() as stack:
        made = Trial(found(MEMBERS, EVERYTHING), propose=False)
        yield mask_on(stack.enter_context(made), privacy=GROUPS, scoring=SCORING)


def go_on(trial: Trial, workers: list[Any], reached: Callable[[], bool], step: int = SECONDS * 45 // 100) -> None:
    """Look, and let time pass in which nothing is to be done, until something holds."""
    for _ in range(80):
        end_pauses(*[one for one in workers if hasattr(one, "_rounds")])
        drive(*workers)
        if reached():
            return
        trial.pass_time(step)
    where = {number: one.phase for number, one in trial.state.rounds.items()}
    raise AssertionError(f"it never came to that: {where}, {_last(trial)}")


def _last(trial: Trial) -> list[str]:
    """What aggregator and nodes wrote down last."""
    home = trial.parties[0].member.home
    return [one["text"] for one in [*actions(home)[-9:], *notes(home)[-6:], *notes(trial.parties[1].member.home)[-6:]]]


def groups_of(trial: Trial, number: int) -> Groups:
    state = trial.state
    return RoundGroups(trial.parties[0].connection, state, trial.job)(number)


def holders(trial: Trial) -> list[int]:
    """Whose store has its own set-up file of the first segment."""
    opened = masks(trial).segments[1]
    size = size_of(segment_of(trial.parties[0].connection.place, trial.number, masks(trial), opened))
    found = {member: of_file(one.cid, size) for member, one in opened.setups.items()}
    return [member for member, cid in found.items() if trial.parties[member].connection.holds(cid)]


def test_a_liar_voids_one_round_its_group_alone_opens_and_the_rest_go_on(trial: Trial, tmp_path: Path) -> None:
    nodes = [node(party, scores=False) for party in trial.parties]
    nodes[LIAR]._rounds.masks.masking_class = Garbage
    everyone = [*nodes, service(trial.parties[0])]

    go_on(trial, everyone, lambda: bool(masks(trial).latest) and len(segment(trial).setups) == MEMBERS, 10)
    if trial.parties[0].connection.time() <= segment(trial).deadline:
        assert holders(trial) == [], "nobody shows its file while another may choose keys"
    first = masks(trial).segments[1]
    if trial.parties[0].connection.time() <= first.deadline:
        trial.until(first.deadline + 1)
    go_on(trial, everyone, lambda: first.cast is not None, 2)  # files are copied by our clock, not the chain's
    assert first.cast == frozenset(range(MEMBERS))
    assert len(holders(trial)) == MEMBERS

    go_on(trial, everyone, lambda: 1 in masks(trial).rounds and masks(trial).rounds[1].set is not None)
    groups = groups_of(trial, 1)
    assert sorted(map(len, groups)) == [3, 4]
    liars = next(group for group in groups if LIAR in group)
    go_on(trial, everyone, lambda: trial.state.rounds[1].phase is Phase.ABANDONED)
    go_on(trial, everyone, lambda: len(masks(trial).rounds[1].shown) == len(liars))
    assert masks(trial).rounds[1].shown.keys() == liars, "nobody of the other group opens"

    go_on(trial, everyone, lambda: 3 in trial.state.rounds and trial.state.rounds[3].final is not None)
    rest = [group - {LIAR} for group in groups_of(trial, 3)]
    honest = frozenset(member for group in rest if len(group) >= 3 for member in group)
    assert masks(trial).rounds[3].set == honest
    for number in (1, 2):  # the second was open before the first was opened up, so the liar is in its set, too
        assert masks(trial).rounds[number].shown.keys() in ({}.keys(), liars)
    answers = [*masks(trial).rounds[3].answers.values(), *masks(trial).rounds[3].given.values()]
    asked = {LIAR} if any(LIAR in group and group & honest for group in groups_of(trial, 3)) else set()
    assert {dealer for one in answers for dealer in one.shares} == asked, "nobody else was away"
    for index in set(range(MEMBERS)) - {LIAR}:
        said_of = notes(trial.parties[index].member.home, "failed", "refused", "left out", "unfit")
        assert [one for one in said_of if one.get("error") != "Unavailable"] == [], "what is late comes at a later look"

    judge = MaskedJobs(trial.parties[1].connection).of(trial.parties[1].connection.refresh().jobs[trial.number])
    found = judge.convicted(trial.consortium.client.latest().number + 1)
    assert found.keys() == {LIAR}
    assert "RANGE, value number 0 is" in found[LIAR].guilty.message
    with Connection.visit(trial.parties[0].connection.network, tmp_path) as visitor:
        visitor.refresh()
        report = inspect(visitor, AuditRequest(source=False))
        shown = trace(
            visitor.history.jobs[trial.number],
            trial.job,
            3,
            str,
            masks=visitor.history.masks[trial.number],
            groups=RoundGroups(visitor, visitor.history.jobs[trial.number], trial.job),
        )
    assert report.right.answer == "yes"
    assert {one.who for one in report.lies.list} == {trial.parties[LIAR].member.name}
    assert {member for group in shown.models[0].groups for member in group} == {str(member) for member in honest}


def test_scores_of_groups_settle_and_recompute(trial: Trial) -> None:
    nodes = [node(party) for party in trial.parties]
    everyone = [*nodes, service(trial.parties[0])]
    go_on(trial, everyone, lambda: bool(trial.state.scorings) and trial.state.scorings[1].medians is not None)
    state, connection = trial.state, trial.parties[1].connection
    round_ = state.rounds[1]
    facts = RoundFacts.of(connection.place, state, trial.job, round_, masks(trial))
    inputs = grouped_inputs(facts, connection.fetch)
    expected = score_round(state, trial.job, round_, state.scorings[1].seed, connection.fetch, groups=inputs)
    assert state.scorings[1].medians == expected
    scores = dict(zip((update.index for update in round_.admitted()), expected, strict=True))
    by_group = [{scores[member] for member in group & scores.keys()} for group in groups_of(trial, 1)]
    assert {len(found) for found in by_group} in ({1}, {0, 1}), "a group without its update in time has none"
    assert said(trial) is not None
