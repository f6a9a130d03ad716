"""How a model of the merged columns is trained, proposed by how many rows and inputs there are."""

from dataclasses import dataclass

from ledger.jobs.preparation import Preparation
from ledger.profiles.merging import Merged
from ledger.profiles.targets import NumberTarget, Target, TimeTarget

MANY_ROWS = 2000
"""Rows of all parties from which on a perceptron is worth its weights."""
FEW_INPUTS = 30
"""Inputs from which on steps of a squared error are taken smaller: each may be as long as there are inputs."""
WINDOW, ROUNDS = 600, 10


@dataclass(frozen=True, slots=True)
class TaskProposal:
    """A task, settings of its model and training as TOML values, limits of an update, and the job's times; `why` says
    where the model's size is from.
    """

    task: str
    settings: dict[str, str]
    max_weight: int
    max_norm: str
    min_updates: int
    rounds: int
    update_seconds: int
    aggregate_seconds: int
    attest_seconds: int
    why: str


def propose(merged: Merged) -> TaskProposal:
    """What is proposed; a person may change all of it."""
    rows = sum(merged.rows.values())
    inputs = len(Preparation(inputs=tuple(one.input for one in merged.columns)).outputs)
    window = merged.choices.window or WINDOW
    short = max(window // 5, 30)
    parties = len(merged.parties)
    task = task_of(merged)
    large = rows >= MANY_ROWS and task != "sklearn"
    return TaskProposal(
        task=task,
        settings=_linear_model(merged.target, inputs) if task == "sklearn" else _network(task, inputs, large=large),
        max_weight=_round_up(max(merged.rows.values()) + merged.floor),
        max_norm="32.0" if large else "16.0",
        min_updates=parties - (parties - 1) // 2,
        rounds=merged.choices.rounds or ROUNDS,
        update_seconds=window,
        aggregate_seconds=short,
        attest_seconds=short,
        why=f"about {rows:,} rows, {inputs} inputs",
    )


def task_of(merged: Merged) -> str:
    """The task that a person named, else the first that predicts such a target."""
    if merged.choices.task:
        return merged.choices.task
    match merged.target:
        case NumberTarget():
            return "regression"
        case TimeTarget():
            return "survival"
        case _:
            return "tabular"


def _network(task: str, inputs: int, *, large: bool) -> dict[str, str]:
    """One linear layer, or a perceptron where there are rows enough for its weights."""
    linear = '"logistic"' if task == "tabular" else '"linear"'
    settings = {"model": '"mlp"', "hidden": f"[{_hidden(inputs)}]"} if large else {"model": linear}
    settings |= {"epochs": "3" if large else "5", "batch_size": "32" if large else "16"}
    if task == "tabular":
        return settings | {"learning_rate": "0.1"}
    return settings | {"optimiser": '"adam"', "learning_rate": "0.003"}


def _hidden(inputs: int) -> int:
    return min(64, max(16, 1 << (inputs - 1).bit_length()))


def _linear_model(target: Target | None, inputs: int) -> dict[str, str]:
    """One of scikit-learn's, whose steps become smaller from round to round."""
    kind, loss = (
        ("SGDRegressor", "squared_error") if isinstance(target, NumberTarget) else ("SGDClassifier", "log_loss")
    )
    return {
        "estimator": f'"sklearn.linear_model:{kind}"',
        "epochs": "5",
        "parameters.loss": f'"{loss}"',
        "parameters.learning_rate": '"invscaling"',
        "parameters.eta0": "0.05" if inputs <= FEW_INPUTS else "0.01",
    }


def _round_up(value: int) -> int:
    """The next number of one digit and zeros."""
    unit = int(10 ** (len(str(value)) - 1))
    return -(-value // unit) * unit
