"""A child that is asked to end is waited for while it works, and made to end where it does nothing."""

import itertools
import signal
import subprocess
from collections.abc import Iterator

import pytest

from demo import children


class Child:
    """Ends at a look after the first signal that it heeds."""

    pid = 0

    def __init__(self, heeds: signal.Signals, looks: int) -> None:
        self.returncode: int | None = None
        self.signals: list[int] = []
        self._heeds, self._looks = heeds, looks

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        self._looks -= self._heeds in self.signals
        if self._looks > 0:
            raise subprocess.TimeoutExpired("child", timeout or 0.0)
        self.returncode = 0
        return 0

    def send_signal(self, sig: int, /) -> None:
        self.signals.append(sig)


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "IDLE", dict.fromkeys(children.IDLE, 0.0))


def works(monkeypatch: pytest.MonkeyPatch, seconds: Iterator[float]) -> None:
    monkeypatch.setattr(children, "work_of", lambda _process: next(seconds))


def test_one_that_works_is_not_asked_louder(monkeypatch: pytest.MonkeyPatch) -> None:
    works(monkeypatch, itertools.count(0.0, 0.01))
    child = Child(signal.SIGINT, 50)
    children.end(child)
    assert (child.returncode, child.signals) == (0, [signal.SIGINT])


def test_one_that_does_nothing_is_made_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    works(monkeypatch, itertools.repeat(1.0))
    child = Child(signal.SIGKILL, 1)
    children.end(child)
    assert (child.returncode, child.signals) == (0, [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])


def test_one_that_works_and_never_ends_is_made_to(monkeypatch: pytest.MonkeyPatch) -> None:
    works(monkeypatch, itertools.count(0.0, 0.01))
    monkeypatch.setattr(children, "LONGEST", 0.01)
    child = Child(signal.SIGKILL, 1)
    children.end(child)
    assert child.signals == [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]
