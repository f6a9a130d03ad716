"""Fields of a job that have one allowed value now, and will have others (docs/spec/job.md, "Reserved fields").

They stand in every job, so that a job which asks for more is refused by name, and never run as if it had not asked.
- `private.tensors`: patterns over the names of tensors that stay at home, beyond those that the task does not share.
- `schedule.mode`: when models are made; now one round after another, in lock step.
- `server.optimiser`: what is done with the mean update before it is added to the base model.
"""

from collections.abc import Mapping
from typing import Any

from ledger.errors import Malformed
from ledger.formats.digest import encode

RESERVED: dict[str, Any] = {
    "private": {"tensors": []},
    "schedule": {"mode": "rounds"},
    "server": {"optimiser": "none"},
}
"""What each of them says now."""


def refuse_unsupported(field: str, asked: Mapping[str, Any]) -> None:
    """Raise Malformed, naming field and value, where a reserved field asks for more than its one allowed value."""
    allowed = RESERVED[field]
    for name in sorted(asked, key=lambda name: name not in allowed):
        if name not in allowed or asked[name] != allowed[name]:
            raise Malformed(
                f"{field}.{name} = {encode(asked[name]).decode()[:80]} is not supported yet",
                advice="leave it out, or install a version of fedledger that supports it",
                supported=f"{field} = {encode(allowed).decode()}",
            )
