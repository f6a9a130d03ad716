"""Trials of tasks without the seconds in which each process imports torch."""

import pytest


@pytest.fixture
def forked_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials in processes that are forked: see `support.warm.trial`."""
    from support import warm

    from participant.tasks import trial

    monkeypatch.setattr(trial, "in_a_process", warm.trial)
