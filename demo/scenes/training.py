"""How the demo goes on: rounds are trained and scored, and compared with what each hospital could have done alone."""

import json
from collections.abc import Callable
from pathlib import Path

from demo.observer import Observer
from demo.process import Fedledger
from demo.result import Result, contributions
from demo.stage import Stage
from ledger.formats.text import plural


def train(observer: Observer, rounds: int, result: Result, beside_the_last: Callable[[], None] | None = None) -> None:
    """Wait until the job's rounds are over and the last model is measured. What comes before the first of them, such as
    the set-up of masks, has its own time. `beside_the_last` is called once the last round is under way, where it is not
    the first one, too.
    """

    def trained() -> bool:
        round_ = observer.connection.history.round(1, rounds)
        return round_ is not None and round_.phase.terminal and rounds in observer.measured()

    with result.timed("before the first round"):
        observer.until(lambda: 1 in observer.job.rounds)
    with result.timed("training rounds"):
        observer.until(lambda: trained() or (rounds > 1 and rounds in observer.job.rounds))
        if beside_the_last is not None:
            beside_the_last()
        observer.until(trained)
    result.accuracy["federated, on the ledger"] = observer.measured()[rounds]["accuracy"]


def await_scores(observer: Observer, number: int, result: Result) -> None:
    """Wait until every round up to `number` is scored, which the hospitals do beside the rounds."""

    def settled() -> bool:
        scoring = observer.job.scorings.get(number)
        return scoring is not None and scoring.medians is not None

    with result.timed(f"scores of round {number}, waited for"):
        observer.until(settled)
        result.contributions = contributions(observer.job, number, observer.connection.name)
        result.scored = number
        scorers = plural(len(observer.job.scorings[number].reveals), "hospital")
        best = next(iter(result.contributions))
        observer.stage.screen.say(f"round {number} is scored by {scorers}: {best} has contributed most so far")


def start_comparison(stage: Stage, rounds: int) -> Fedledger:
    """A process that trains, beside the rounds, what each hospital would have got alone, and all of them if they had
    pooled their data.
    """
    files = [part for number in range(1, 5) for part in ("--data", stage.data / f"hospital-{number}.csv")]
    job = ("--job", stage.folder / "job.json", "--rounds", str(rounds))
    test = ("--test", stage.data / "test.csv", "--json")
    output = comparison_file(stage)
    return stage.spawn("comparison", "node", "compare", *job, *files, *test, output=output, aside=True)


def read_comparison(stage: Stage, comparison: Fedledger, result: Result) -> None:
    """Wait for the comparison, and take its accuracies."""
    stage.finish(comparison, "the comparison failed")
    for row in json.loads(comparison_file(stage).read_bytes())["rows"]:
        result.accuracy[row["name"]] = row["accuracy"]


def comparison_file(stage: Stage) -> Path:
    """Where the comparison is written."""
    return stage.folder / "comparison.json"
