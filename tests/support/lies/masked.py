"""An honest history of a masked job, with every kind of event of its board in it, honestly served."""

from functools import cache
from typing import get_args

from support.lies.served import Served, observed
from support.worlds.masked import MaskedWorld

from ledger.events import records as r


@cache
def masked_truth() -> Served:
    """A final round of which one member brought nothing and one is silent; one that nobody aggregates, and that a
    member opens; and a final one in peace.
    """
    world = MaskedWorld().open_job().cast()
    world.honest_round((0, 1, 2, 3), silent=(3,))
    world.begin().fix_set().answer()
    world.advance()
    world.show(1)
    world.honest_round()
    missing = set(get_args(r.AnyMaskEvent)) - {type(event) for event in world.events}
    assert not missing, "a kind of event does not occur"
    files = dict(world.files.files)
    return Served(
        world.foundation,
        tuple(world.events),
        dict(world.transactions),
        files,
        observed(world.history),
        last=world.block,
    )
