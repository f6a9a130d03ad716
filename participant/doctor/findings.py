"""What a doctor says of one thing: it is well, worth knowing, in trouble, or could not be looked at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from ledger.errors import FedledgerError, Unavailable, UsageError

FACTS = 8
"""Facts of an error that are shown, at most."""


class Health(StrEnum):
    """How a thing is. What could not be looked at is not well."""

    WELL = "well"
    NOTE = "note"
    UNKNOWN = "unknown"
    TROUBLE = "trouble"

    @property
    def exit_code(self) -> int:
        """0 where nothing is wrong, 3 where something could not be looked at, 1 where something is wrong."""
        return {Health.TROUBLE: 1, Health.UNKNOWN: 3}.get(self, 0)


@dataclass(frozen=True, slots=True)
class Observation:
    """What was found of `thing`, in words; `advice` is an act or a command of the user's."""

    thing: str
    state: Health
    said: str
    advice: str = ""


Examination = Iterator[Observation]


def well(thing: str, said: str) -> Observation:
    return Observation(thing, Health.WELL, said)


def note(thing: str, said: str, advice: str = "") -> Observation:
    return Observation(thing, Health.NOTE, said, advice)


def trouble(thing: str, said: str, advice: str) -> Observation:
    return Observation(thing, Health.TROUBLE, said, advice)


def unknown(thing: str, said: str, advice: str = "") -> Observation:
    return Observation(thing, Health.UNKNOWN, said, advice)


def of_error(thing: str, error: FedledgerError) -> Observation:
    """What an error says: it could not be looked at where that is what the error means, else there is trouble."""
    state = Health.UNKNOWN if isinstance(error, Unavailable) else Health.TROUBLE
    facts = "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in list(error.facts.items())[:FACTS])
    return Observation(thing, state, error.message + (f" ({facts})" if facts else ""), error.advice)


def examined(thing: str, look: Callable[[], Examination]) -> Examination:
    """All that `look` finds. An error ends that look alone, and is a finding too."""
    try:
        yield from look()
    except FedledgerError as error:
        yield of_error(thing, error)
    except OSError as error:
        yield of_error(thing, UsageError(f"cannot be used: {error.strerror}", file=str(error.filename)))


def worst(findings: list[Observation]) -> Health:
    """The state that the whole is in."""
    order = list(Health)
    return max((one.state for one in findings), key=order.index, default=Health.WELL)
