"""Tensors of a model that stay at home: which of them, and what they start as (docs/spec/job.md, "Private tensors").

A private tensor is not in the job's table: no artifact has it, an update that carries one is refused, and nothing that
others recompute depends on it.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Literal

import msgspec

from ledger.errors import Malformed
from ledger.formats.alike import hint
from ledger.formats.grammar import check_name
from ledger.formats.strict import Strict

MAX_PATTERNS = 1024
ANY = "*"
"""At a pattern's end it stands for any characters."""


class Private(Strict, frozen=True):
    """`tensors` are names, or their beginnings with one `*` after them, ascending. `start` says what those tensors are
    before a party's first round: `common`, what the task builds from the job's seed; left out where there are none.
    """

    tensors: tuple[str, ...]
    start: Literal["common"] | msgspec.UnsetType = msgspec.UNSET

    @classmethod
    def of(cls, patterns: Iterable[str]) -> "Private":
        """With these patterns, in their one order."""
        found = tuple(sorted(set(patterns)))
        return cls(tensors=found, start="common") if found else NONE


NONE = Private(tensors=())


def matches(pattern: str, name: str) -> bool:
    """Whether a pattern is of a tensor's name."""
    return name.startswith(pattern[:-1]) if pattern.endswith(ANY) else name == pattern


def is_private(patterns: Sequence[str], name: str) -> bool:
    """Whether one of the patterns is of a tensor's name."""
    return any(matches(pattern, name) for pattern in patterns)


def chosen(patterns: Sequence[str], names: Collection[str]) -> tuple[str, ...]:
    """The names, of a model's tensors, that the patterns are of. Raises Malformed for a pattern of none, and where no
    other tensor is left.
    """
    known = sorted(names)
    for pattern in patterns:
        if not any(matches(pattern, name) for name in known):
            raise Malformed(
                f"private.tensors: {pattern!r} is of no tensor of the model",
                advice=hint(pattern, known) or f"name tensors of the model, or their beginnings with {ANY} after them",
                names=", ".join(known)[:300],
            )
    found = tuple(name for name in known if is_private(patterns, name))
    if patterns and len(found) == len(known):
        raise Malformed(
            "private.tensors leaves no tensor to share",
            advice="leave out a pattern: a job is about the tensors that its parties train together",
            names=", ".join(patterns)[:300],
        )
    return found


def check_private(private: Private, shared: Iterable[str], *, committed: bool) -> None:
    """Refuse what no job says. Raises Malformed. `shared` are the names in the job's table; `committed` whether it is
    scored on a committed set.

    1. Patterns are names, ascending, each once, with no `*` but one at the end.
    2. `start` is said where there are patterns, and nowhere else.
    3. No tensor on the ledger is private.
    4. Scores are not made on a committed set: nobody who makes them again has another party's tensors.
    """
    patterns = private.tensors
    if len(patterns) > MAX_PATTERNS:
        raise Malformed("private.tensors has too many patterns", maximum=MAX_PATTERNS, actual=len(patterns))
    for pattern in patterns:
        check_name(pattern, "a pattern of private.tensors")
        if ANY in pattern[:-1]:
            raise Malformed(
                f"private.tensors: {ANY} stands at the end of a pattern alone",
                advice="name the tensors one by one, or by how their names begin",
                actual=pattern,
            )
    if list(patterns) != sorted(set(patterns)):
        raise Malformed("private.tensors must be ascending, each pattern once", actual=", ".join(patterns)[:300])
    if (private.start is msgspec.UNSET) != (not patterns):
        raise Malformed("private.start and private.tensors go together", advice='give start = "common" with patterns')
    both = next((name for name in shared if is_private(patterns, name)), None)
    if both is not None:
        raise Malformed(f"tensor {both!r} is on the ledger, and private.tensors says that it is not")
    if patterns and committed:
        raise Malformed(
            "private.tensors does not go with scores on a committed set: it needs the whole model",
            advice='say scoring.evidence = "private_sets", on which each scorer puts its own tensors, or share all',
        )


def describe(private: Private) -> str:
    """What stays at home, in a sentence for people."""
    if not private.tensors:
        return "none: every tensor that the task shares is on the ledger"
    return f"{', '.join(private.tensors)}: at each party's home, from a common start"
