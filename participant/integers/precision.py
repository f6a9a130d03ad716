"""The fraction bits of each tensor of a job: a default, and others by patterns of names."""

import re
from collections.abc import Mapping, Sequence

from ledger.errors import Malformed
from ledger.formats.alike import hint


def matches(pattern: str, name: str) -> bool:
    """Whether a tensor's name is what a pattern says; * stands for any characters, or none."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None


def bits_of(names: Sequence[str], default: int, by_pattern: Mapping[str, int]) -> dict[str, int]:
    """The fraction bits of tensors of floats, by name.

    Raises Malformed for a pattern that matches none of them, and for a tensor that two patterns match: neither is
    what its author meant.
    """
    for pattern in by_pattern:
        if not any(matches(pattern, name) for name in names):
            raise Malformed(
                f"tensors.{pattern!r} matches no shared tensor of floats",
                advice=hint(pattern, names),
                tensors=", ".join(sorted(names))[:300],
            )
    return {name: _bits(name, default, by_pattern) for name in names}


def _bits(name: str, default: int, by_pattern: Mapping[str, int]) -> int:
    found = [pattern for pattern in by_pattern if matches(pattern, name)]
    if len(found) > 1:
        raise Malformed(f"two patterns match tensor {name!r}", patterns=", ".join(found))
    return by_pattern[found[0]] if found else default
