"""Counts in words."""


def plural(number: int, one: str, many: str = "") -> str:
    """A number and its noun: "1 update", "2,000 updates". `many` is the plural where it is not `one` and an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
