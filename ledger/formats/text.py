"""Words that fit their numbers."""


def plural(count: int, noun: str, many: str = "") -> str:
    """A count and its noun: "1 update", "2,000 updates"; `many` is the plural where it is not the noun and an s."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"
