"""Numbers that JavaScript cannot hold, beyond 2^53 - 1: in JSON they are text, in decimal digits."""

from typing import Any

from msgspec import structs

from ledger.events.actions import Action

LARGEST = (1 << 53) - 1


def exact(value: Any) -> Any:
    """A value for JSON, with the fields of objects that are in it."""
    if isinstance(value, dict):
        return {name: exact(one) for name, one in value.items()}
    return str(value) if isinstance(value, int) and abs(value) > LARGEST else value


def exact_action(action: Action) -> Action:
    """An action for JSON. What the contract takes may be larger than what is proposed here."""
    fields = structs.asdict(action)
    changed = {name: one for name, value in fields.items() if (one := exact(value)) is not value}
    return structs.replace(action, **changed) if changed else action
