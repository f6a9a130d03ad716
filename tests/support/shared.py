"""Shared profiles as tests need them."""

from collections.abc import Mapping, Sequence

from ledger.profiles.shared import FORMAT, CountedBin, SharedColumn, SharedProfile, ValueCount


def numbers(name: str, low: int, high: int, *, missing: int = 0, unit: str = "", apart: str = "") -> SharedColumn:
    """A column of numbers in two bins of 50 rows."""
    middle = (low + high) // 2
    bins = (
        CountedBin(low=str(low), high=str(middle), count=50),
        CountedBin(low=str(middle), high=str(high), count=50),
    )
    stands_apart = (ValueCount(value=apart, count=20),) if apart else ()
    return SharedColumn(name=name, kind="number", missing=missing, bins=bins, unit=unit, apart=stands_apart)


def values(name: str, counts: Mapping[str, int], *, number: bool = False, missing: int = 0) -> SharedColumn:
    """A column of words, or of codes."""
    told = tuple(ValueCount(value=word, count=count) for word, count in counts.items())
    return SharedColumn(name=name, kind="number" if number else "category", missing=missing, values=told)


def profile(name: str, columns: Sequence[SharedColumn], *, label: str = "ill", rows: int = 100) -> SharedProfile:
    """A profile with a label of two classes, unless the columns have one."""
    if not any(column.name.lower() == "ill" for column in columns):
        columns = [*columns, values("ill", {"no": 60, "yes": 40})]
    return SharedProfile(format=FORMAT, name=name, rows=rows, floor=10, noise="", label=label, columns=tuple(columns))
