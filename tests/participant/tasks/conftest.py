"""Trials of tasks without the seconds in which each process imports torch."""

from functools import partial

import pytest


@pytest.fixture
def forked_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials, but for those of the second round alone, in processes that are forked: see `support.warm.trial`."""
    from support import warm

    from participant.tasks import trial

    monkeypatch.setattr(trial, "in_a_process", partial(warm.trial, trial.in_a_process))
