"""What profiles and drafts say, for people and for programs."""

from ledger.profiles.shared import SharedColumn


def described(column: SharedColumn) -> str:
    """What a profile tells of a column's values, in words."""
    parts = [f"{one.value} ({one.count:,})" for one in column.values]
    parts += [f"{one.low} to {one.high} ({one.count:,})" for one in column.bins]
    parts += [f"apart from them {one.value} ({one.count:,})" for one in column.apart]
    return ", ".join(parts)
