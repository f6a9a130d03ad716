"""What a job's parties agreed on, for people: what becomes of columns, what the model is for, and until when."""

from typing import TYPE_CHECKING

from ledger.formats.text import quoted

if TYPE_CHECKING:
    from ledger.jobs.document import Job
    from ledger.party.connection import Connection


def require_in_time(connection: "Connection", document: "Job", what: str) -> None:
    """Raise Expired where the job's permitted use ended, by the chain's day; `what` was to be done."""
    from ledger.jobs.permitted_use import day_of, require_permitted

    require_permitted(document.permitted_use, day_of(connection.time()), what)


def agreed(document: "Job") -> dict[str, str]:
    """A line for each column that is prepared, and for each word on the use; none where the job says nothing."""
    from ledger.jobs.preparation import describe

    said = describe(document.preparation) if document.preparation else []
    use = document.permitted_use.words if document.permitted_use else []
    return {f"column {column}": words for column, words in said} | {
        "use ends" if name == "expires" else f"use: {name}": value for name, value in use
    }


def caps(connection: "Connection", document: "Job") -> str:
    """The members whose weights have a lower cap."""
    caps = document.admission.max_weights
    return "".join(f"; weight of {quoted(connection.name(int(index)))} up to {cap:,}" for index, cap in caps.items())
