"""A clock that a test sets, and buckets to which nothing comes back."""

import pytest

from ledger.http.buckets import Buckets


class Clock:
    """Says `now`, in seconds."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def fill_no_bucket(patch: pytest.MonkeyPatch) -> None:
    """Time stands still for buckets made from now on: how many requests are served does not depend on how fast they
    come, which a busy machine decides.
    """
    patch.setattr(Buckets.__init__, "__defaults__", (lambda: 0.0,))
