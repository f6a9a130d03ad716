"""Fields of a job that have one allowed value now, and will have others (docs/spec/job.md, "Reserved fields").

They stand in every job, so that a job which asks for more is refused by name, and never run as if it had not asked.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from ledger.errors import Malformed
from ledger.formats.strict import Strict, nested_deeper

MAX_DEPTH = 8
"""No job is nested deeper."""


class PrivateTensors(Strict, frozen=True):
    """Patterns over the names of tensors that stay at home, beyond those that the task itself does not share."""

    tensors: tuple[()]


class Privacy(Strict, frozen=True):
    """How updates are protected beyond staying inside the consortium."""

    mode: Literal["none"]


class Schedule(Strict, frozen=True):
    """When models are made: one round after another, in lock step."""

    mode: Literal["rounds"]


class ServerStep(Strict, frozen=True):
    """What is done with the mean update before it is added to the base model."""

    optimiser: Literal["none"]


RESERVED: dict[str, Any] = {
    "private": PrivateTensors(tensors=()),
    "privacy": Privacy(mode="none"),
    "schedule": Schedule(mode="rounds"),
    "server": ServerStep(optimiser="none"),
}
"""What each of them says now."""


def refuse_unsupported(fields: Mapping[str, Any]) -> None:
    """Raise Malformed, naming field and value, where one of `fields` asks for more than its one allowed value."""
    for field, supported in RESERVED.items():
        allowed, asked = _plain(supported), fields.get(field)
        given = asked if isinstance(asked, dict) else {}
        for name in sorted(given, key=lambda name: name not in allowed):
            if name not in allowed or allowed[name] != given[name]:
                raise Malformed(
                    f"{field}.{name} = {msgspec.json.encode(given[name]).decode()[:80]} is not supported yet",
                    advice="leave it out, or install a version of fedledger that supports it",
                    supported=f"{field} = {msgspec.json.encode(supported).decode()}",
                )


def refuse_unsupported_document(data: bytes) -> None:
    """The same for the bytes of a document, read as far as that: what else is wrong with them is not said here."""
    if nested_deeper(data, MAX_DEPTH):
        return
    try:
        fields = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    if isinstance(fields, dict):
        refuse_unsupported(fields)


def _plain(value: Any) -> dict[str, Any]:
    """As JSON has it: lists, no tuples."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(value))
    return plain
