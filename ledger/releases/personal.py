"""Figures of personal models in a report: what a party measured of a model that nobody else has (docs/personal.md).

Nothing on the ledger says anything of such a model, so these figures are their party's word alone.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

from ledger.errors import Malformed
from ledger.formats.strict import Strict

Kind = Literal["ditto", "fine_tune", "private_tensors"]
KINDS: Mapping[str, str] = {
    "private_tensors": "with the party's private tensors",
    "fine_tune": "trained on at the party",
    "ditto": "trained on at the party, held near the global model",
}


class PersonalFigures(Strict, frozen=True):
    """What one party measured of its own model on the rows that its global figures are of. `personal` says that this is
    not the global model; `kind` says what it is.
    """

    personal: Literal[True]
    kind: Kind
    metrics: dict[str, str]


def check_personal(
    party: str, figures: Sequence[PersonalFigures], check: Callable[[str, dict[str, str]], None]
) -> None:
    """Refuse figures out of order, or without any. Raises Malformed; `check` does for metrics."""
    kinds = [one.kind for one in figures]
    if kinds != sorted(set(kinds)):
        raise Malformed("personal figures must be ascending by kind, each once", party=party, kinds=", ".join(kinds))
    for one in figures:
        if not one.metrics:
            raise Malformed("a party reports no figures of its personal model", party=party, kind=one.kind)
        check(f"{one.kind} of {party}", one.metrics)


METHODS: tuple[Kind, ...] = tuple(kind for kind in get_args(Kind) if kind != "private_tensors")
"""Those that a party trains for itself alone."""
