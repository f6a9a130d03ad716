"""What an aggregator's decisions depend on besides the history. It is gathered elsewhere, and decided on here alone."""

from dataclasses import dataclass, field

from ledger.rounds.depth import DeepBlock
from ledger.rounds.steps import Name, numbered


@dataclass(frozen=True, slots=True)
class MaskSituation:
    """Of the segment that is set up: `copying` names set-up files on their way, `missing` are the members whose file
    could not be had yet, `cast` those whose set-ups count, by the files that are here; `whole` is whether nobody else
    can come to be of it.

    Of the present round: `convicted` are the members that no set may have; `small` are those sets of certified updates
    that were found to make too small a set; `named` are those certified by the receipts that the fixed set names, None
    where that file is not here; `unmasked` is whether one secret of each member of the cast is known; `opened_until` is
    until when members may open their updates of a round before, and the contract takes no set of this one; else 0.
    """

    copying: tuple[str, ...] = ()
    missing: frozenset[int] = frozenset()
    cast: frozenset[int] = frozenset()
    whole: bool = False
    convicted: frozenset[int] = frozenset()
    small: frozenset[frozenset[int]] = frozenset()
    named: frozenset[int] | None = None
    unmasked: bool = False
    opened_until: int = 0


@dataclass(frozen=True, slots=True)
class AggregatorSituation:
    """What a decision depends on besides the history.

    `now` is the chain's clock; `deep` the latest block that anything may rest on that is shown or signed; `since` when
    this aggregator first saw the job's present state; `ended` when the last round ended, which matters to an aggregator
    with strikes. Of the present round: `known` are the members whose
    openings are here, `certified` those whose updates have a certificate, `signed` is when the last signature that
    counts came. `copying` names what is on its way into the own store; `missing` are the members whose certified bytes
    could not be had yet. `settled` are those certified by signatures as old as `receipts.settled_by` says, where bytes
    of others are lacking and theirs are all here; else empty. `name` is what members are called; `masks` is what a
    masked job's steps depend on, too. `over` says why no further round of the job is opened; empty where one is.
    """

    now: int
    deep: DeepBlock
    since: int
    ended: int = 0
    known: frozenset[int] = frozenset()
    certified: frozenset[int] = frozenset()
    signed: int = 0
    copying: tuple[str, ...] = ()
    missing: frozenset[int] = frozenset()
    settled: frozenset[int] = frozenset()
    name: Name = numbered
    masks: MaskSituation = field(default_factory=MaskSituation)
    over: str = ""
