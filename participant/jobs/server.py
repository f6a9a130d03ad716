"""A draft's `[server]`: which optimiser, and its numbers, of which any may be left out (docs/tasks.md)."""

from decimal import Decimal
from typing import Any

import msgspec

from ledger.errors import Malformed
from ledger.jobs.server import DEFAULTS, Server


def server_of(written: dict[str, Any]) -> Server:
    """What the job says of its server optimiser. Raises Malformed for an optimiser or a number that there is not."""
    chosen = written.get("optimiser", "none")
    if not isinstance(chosen, str) or chosen not in DEFAULTS:
        raise Malformed("there is no such server optimiser", expected=", ".join(DEFAULTS), actual=str(chosen)[:80])
    numbers = {field: value for field, value in written.items() if field != "optimiser"}
    unknown = sorted(numbers.keys() - DEFAULTS[chosen].keys())
    if unknown:
        has = ", ".join(DEFAULTS[chosen]) or "no numbers"
        advice = f"say server.optimiser, one of {', '.join(DEFAULTS)}, and its numbers alone"
        message = f"server.{unknown[0][:80]} is not a number of {chosen}"
        raise Malformed(message, advice=advice, expected=has, actual=unknown[0][:80])
    said = DEFAULTS[chosen] | {field: _decimal(field, value) for field, value in numbers.items()}
    server: Server = msgspec.convert({"optimiser": chosen, **said}, Server)
    return server


def _decimal(field: str, value: Any) -> str:
    """A number's one form."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = Decimal(value)
    if not isinstance(value, Decimal) or not value.is_finite() or not -20 < value.adjusted() < 20:
        raise Malformed(f"server.{field} is not a decimal number", actual=str(value)[:80])
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
