"""What a task's evaluation says of a model: for people, and beside what is said of it here."""

from collections.abc import Iterable, Mapping

from ledger.errors import UsageError


def figure(name: str, value: float) -> str:
    """A figure of merit for people: `samples` are counted, all else has four decimals."""
    return f"{value:.0f}" if name == "samples" else f"{value:.4f}"


def check_names(task: str, figures: Iterable[str], said: Iterable[str]) -> None:
    """Raise UsageError for a figure under a name by which something else is said."""
    for name in figures:
        if name in set(said):
            raise UsageError(
                f"the task calls a figure {name!r}, which says here what was measured",
                advice="give the figure another name in evaluate()",
                task=task,
            )


def beside(task: str, said: Mapping[str, object], figures: Mapping[str, float]) -> dict[str, object]:
    """What is said of a model, and the task's figures. Raises UsageError as `check_names`."""
    check_names(task, figures, said)
    return {**said, **figures}
