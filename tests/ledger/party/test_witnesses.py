"""Other chain nodes that take their time: each has a deadline, and is asked one question at a time."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.consortia.neighbours import network

from ledger.audit.report import Endpoint
from ledger.config import Network
from ledger.party.nodes import witnesses
from ledger.party.nodes.witnesses import DEADLINE, HistoryPoint, Witnesses

FIRST, SECOND = (HistoryPoint(number, bytes([number] * 32), b"head") for number in (1, 2))
AGREES, DRIPS = "http://agrees.example", "http://drips.example"


class Node:
    """A node that agrees: at once, or once it is let go where its name says that it drips."""

    def __init__(self, _network: Network, url: str, _index: Path) -> None:
        self.url, self.asked, self.go = url, list[HistoryPoint](), threading.Event()
        MADE[url] = self
        if url != DRIPS:
            self.go.set()

    def says(self, point: HistoryPoint) -> Endpoint:
        self.asked.append(point)
        self.go.wait(200)
        return Endpoint(url=self.url, same=True)

    def close(self) -> None:
        """It has no connection."""


MADE: dict[str, Node] = {}


@pytest.fixture
def now() -> list[float]:
    return [100.0]


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, now: list[float]) -> Iterator[Witnesses]:
    monkeypatch.setattr(witnesses, "_Witness", Node)
    asked = Witnesses(network(), [DRIPS, AGREES], tmp_path, clock=lambda: now[0])
    yield asked
    MADE[DRIPS].go.set()
    asked.close(10)


def test_a_node_that_drips_holds_up_nothing_that_another_agrees_to(both: Witnesses, now: list[float]) -> None:
    assert DRIPS in both.ask(FIRST).refusal
    now[0] += DEADLINE - 1
    assert DRIPS in both.ask(FIRST).refusal
    now[0] += 1
    late = both.ask(FIRST)
    assert not late.refusal
    assert "has not answered within" in str(next(one for one in late.answers if one.url == DRIPS).trouble)


def test_a_late_node_is_asked_one_question_at_a_time_and_waited_for_once(both: Witnesses, now: list[float]) -> None:
    both.ask(FIRST)
    now[0] += DEADLINE
    assert not both.ask(FIRST).refusal
    assert not both.ask(SECOND).refusal
    assert MADE[DRIPS].asked == [FIRST]


def test_a_late_answer_counts_once_it_comes(both: Witnesses, now: list[float]) -> None:
    both.ask(FIRST)
    now[0] += DEADLINE
    both.ask(FIRST)
    MADE[DRIPS].go.set()
    both.settle(60)
    assert [one.same for one in both.ask(FIRST).answers] == [True, True]
    both.ask(SECOND, seconds=60)
    assert MADE[DRIPS].asked == [FIRST, SECOND]
