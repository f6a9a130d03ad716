"""What scoring costs a hundred parties, against what training costs them."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import measure
import numpy as np
from scenes.federation import Federation
from scenes.perceptron import Ints, Model, Plan, digits, split

from ledger.formats.artifact import Layout
from ledger.jobs.scores import LeaveOneOut, PairedRegression


def worker() -> None:
    """A hundred parties: seconds of training by the tabular task, and of scoring, in this process."""
    from torch import from_numpy

    from participant.integers.tensors import stream_of, table
    from participant.tasks.classification import Labelled
    from participant.tasks.ready.tabular import Tabular
    from participant.tasks.sharing import context_of

    parties, random = 100, np.random.default_rng(0)
    judged, rest = split(digits(), 500, random)
    columns = [f"p{k:02}" for k in range(64)]
    settings: dict[str, Any] = {"columns": columns, "ranges": ["0:1"] * 64, "classes": list("0123456789")}
    task = Tabular(settings | {"model": "mlp"})
    model = Model(64, 10, Plan(hidden=16))
    torch_model = task.build_model(1)
    model.layout = Layout(table(torch_model.state_dict(), 24))
    model.layers = tuple(task.layers(torch_model))
    model.initial = lambda _: stream_of(torch_model.state_dict(), model.layout)  # type: ignore[method-assign]
    federation = Federation(model, judged, random)
    parts = [rest.take(part) for part in np.array_split(np.arange(len(rest)), parties)]
    seconds: dict[str, float] = {"training": 0.0}
    updates: dict[int, Ints] = {}
    for k, part in enumerate(parts):
        data = Labelled(from_numpy(part.x * 2 - 1).float(), from_numpy(part.y))
        trained = task.build_model(1)
        context = context_of(task, trained, 1, k, "cpu", Path(), settings)
        seconds["training"] += _busy(lambda: task.train(trained, data, context))  # noqa: B023
        updates[k] = stream_of(trained.state_dict(), model.layout) - federation.initial
    fields = {"utility": "loss", "evidence": federation.evidence}
    methods = {"leave_one_out": LeaveOneOut(**fields), "paired_regression": PairedRegression(**fields, evaluations=402)}
    for name, method in methods.items():
        federation.start(method, parties)
        round_ = federation.round(updates, [len(part) for part in parts])
        seconds[name] = _busy(lambda: federation.scores(round_))  # noqa: B023
    print(json.dumps(seconds))


def _busy(work: Callable[[], object]) -> float:
    """Seconds of all processors together: the same on a busy machine."""
    began = time.process_time()
    work()
    return time.process_time() - began


def rows(runs: int = 3) -> list[measure.Row]:
    found = [measure.alone("parts/scoring_time") for _ in range(runs)]
    training = measure.median([one["training"] for one in found])
    note = f"of processor time, as training's {training:.2f} s of all parties together"
    made = []
    for name in ("leave_one_out", "paired_regression"):
        ratios, demanded = [one[name] / one["training"] for one in found], name == "leave_one_out"
        ratio, evaluations = measure.median(ratios), 101 if demanded else 402
        made.append(
            measure.row(
                f"100 parties: {name} against training, one epoch",
                "≤ 2" if demanded else "",
                ratio,
                "×",
                ratio <= 2 if demanded else None,
                f"{measure.spread(ratios)}, {evaluations} evaluations; {note}",
            )
        )
    return made


if __name__ == "__main__":
    worker()
