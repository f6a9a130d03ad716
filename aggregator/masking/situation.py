"""What the decisions of a masked job depend on, besides history and all that those of other jobs depend on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MaskSituation:
    """Of the segment that is set up: `copying` names set-up files on their way, `missing` are the members whose file
    could not be had yet, `cast` those whose set-ups count, by the files that are here.

    Of the present round: `convicted` are the members that no set may have; `small` are those sets of certified updates
    that were found to make too small a set; `named` are those certified by the receipts that the fixed set names, None
    where that file is not here; `unmasked` is whether one secret of each member of the cast is known.
    """

    copying: tuple[str, ...] = ()
    missing: frozenset[int] = frozenset()
    cast: frozenset[int] = frozenset()
    convicted: frozenset[int] = frozenset()
    small: frozenset[frozenset[int]] = frozenset()
    named: frozenset[int] | None = None
    unmasked: bool = False
