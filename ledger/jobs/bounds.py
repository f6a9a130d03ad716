"""Numbers of a job, and the bounds that they have."""

from ledger.errors import Malformed

MAX_SECONDS = 365 * 86400
"""The longest of a job's times: a year."""


def within(field: str, value: int, low: int, high: int) -> None:
    """Raise Malformed, naming the field, where a value is not one from `low` to `high`."""
    if not low <= value <= high:
        raise Malformed(f"{field} is out of range", minimum=low, maximum=high, actual=value)
