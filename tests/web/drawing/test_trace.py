"""The drawing of a trace: every model on the spine, every update beside its own, names that fit."""

import itertools

from support.worlds.world import NAMES, World

from ledger.rounds.admission import Verdict
from ledger.rounds.trace import trace
from web.drawing.trace import DOTS, LINE, SPINE, draw


def test_each_model_stands_below_the_one_built_on_it_and_between_its_updates() -> None:
    world = World().open_job().honest_round().honest_round([0, 1, 2])
    lineage = trace(world.state, world.job, 2, NAMES.__getitem__)
    graph = draw(lineage.models, continues=False)
    assert [model.round for model in graph.models] == [2, 1, 0]
    assert [len(model.updates) for model in graph.models] == [3, 4, 0]
    heights = [model.y for model in graph.models]
    assert heights == sorted(heights)
    assert [model.below for model in graph.models] == [*heights[1:], None]
    assert 0 < heights[0] < heights[-1] < graph.height
    dots = [update.y for model in graph.models for update in model.updates]
    assert all(after - before >= LINE for before, after in itertools.pairwise(dots))
    for model in graph.models:
        for update in model.updates:
            assert update.admitted
            assert update.curve.startswith(f"M{DOTS} {update.y:g} ")
            assert update.curve.endswith(f"{SPINE} {model.y:g}")


def test_a_refused_update_is_marked_and_a_cut_lineage_goes_on_below() -> None:
    world = World().open_job().open_round()
    for member in range(3):
        world.submit(member)
    world.submit(3, weight=5000)
    world.publish(0)
    world.attest(1)
    world.attest(2)
    lineage = trace(world.state, world.job, 1, NAMES.__getitem__, limit=1)
    (model,) = draw(lineage.models, continues=True).models
    assert [update.admitted for update in model.updates] == [True, True, True, False]
    assert lineage.models[0].updates[3].verdict == Verdict.WEIGHT.meaning
    assert model.below is not None and model.below > model.y
