"""A masked job's terms, and limits that go with them."""

from msgspec.structs import replace
from support.worlds.world import LIMITS

from ledger.jobs.privacy import Masked

MASKED = Masked(
    segment=16,
    smallest=3,
    threshold=0,
    set_up_seconds=60,
    set_seconds=20,
    unmask_seconds=20,
    share_seconds=12,
    weights="public",
    on_bad_sum="open",
)
"""It fits the terms of `worlds.world`."""
THREE = replace(LIMITS, min_updates=3)
"""As many updates as its least set has."""
