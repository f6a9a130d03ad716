"""What a job's parties agreed on, as a release's card says it: what the model is for, and how tables are prepared."""

from collections.abc import Callable, Iterator

from ledger.history.state import JobState
from ledger.history.withdrawal import address_of
from ledger.jobs.permitted_use import PermittedUse
from ledger.jobs.preparation import Preparation, describe
from ledger.releases.markdown import plain, table


def permitted(use: PermittedUse | None) -> Iterator[str]:
    """A table, and who holds anybody to it; nothing where the job says nothing."""
    if use is None:
        return
    yield from table(("what", "which"), ((name, plain(said)) for name, said in use.words))
    yield ""
    yield "The parties agreed on this with the job. `fedledger` heeds the date; the rest is for people to keep."


def withdrawn(state: JobState, until: int, name: Callable[[int], str]) -> Iterator[str]:
    """A line for each member that had withdrawn its data by block `until`, behind others; nothing where none had."""
    found = [(index, said) for index, said in sorted(state.withdrawn.items()) if said.block <= until]
    if not found:
        return
    yield ""
    yield "By their word on the ledger these parties bring no more of their data into later rounds. Models of earlier"
    yield "rounds, and what was built on them, rest on what they brought before:"
    yield ""
    rows = ((plain(name(index)), str(said.last_round), f"`{address_of(said)}`") for index, said in found)
    yield from table(("party", "last round of its data", "statement"), rows)


def prepared(preparation: Preparation | None) -> Iterator[str]:
    """A line for each column; nothing where the task reads them as they are."""
    if preparation is None:
        return
    yield "What becomes of a table's columns, at every party and in prediction, by the job's document:"
    yield ""
    rows = ((plain(column), plain(words)) for column, words in describe(preparation))
    yield from table(("column", "becomes"), rows)


def licence(released_under: str, use: PermittedUse | None) -> Iterator[str]:
    """What the model may be used under, by its release, or else by its job."""
    if released_under:
        yield f"The members released it under `{released_under}`."
    elif use is not None:
        yield f"The release names none; the job's parties agreed on {plain(use.licence)}."
    else:
        yield "The release names none. Ask the members before you use it."
