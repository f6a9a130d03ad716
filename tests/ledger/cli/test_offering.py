"""What a proposer does until the others hold its job: it waits, also while the chain goes back and forth."""

from types import SimpleNamespace
from typing import Any

import pytest

from ledger.cli import offering
from ledger.errors import Unavailable
from ledger.history.fold import HistoryError

DIGEST = b"d" * 32
OPEN = SimpleNamespace(digest=DIGEST, open=True, closed=False)


class Chain:
    """A connection whose history is another, or an error, at each look."""

    def __init__(self, *looks: Any) -> None:
        self._looks = iter(looks)
        self.follower = SimpleNamespace(wait=lambda _: None)

    def refresh(self) -> Any:
        look = next(self._looks)
        if isinstance(look, Exception):
            raise look
        return SimpleNamespace(jobs=look)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(offering, "_tell", lines.append)
    monkeypatch.setattr(offering, "holding_text", lambda *_: "held")
    return lines


def serve(chain: Chain) -> None:
    offering._serve_until_held(chain, SimpleNamespace(check=lambda: None), 3, DIGEST)  # type: ignore[arg-type]


def test_a_proposal_that_the_chain_takes_back_is_waited_for(told: list[str]) -> None:
    other = SimpleNamespace(digest=b"o" * 32, open=True, closed=False)
    serve(Chain({}, {3: other}, {3: OPEN}))
    assert told == ["the chain took the proposal back", "held", "job 3 is open"]


@pytest.mark.parametrize("error", [HistoryError("another chain"), Unavailable("no node")], ids=["history", "node"])
def test_a_chain_that_cannot_be_read_is_waited_for(told: list[str], error: Exception) -> None:
    serve(Chain(error, {3: OPEN}))
    assert told == [f"chain: {error.message}", "held", "job 3 is open"]  # type: ignore[attr-defined]


def test_what_others_push_meanwhile_is_signed_for(told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []

    def serve_and_announce(*arguments: Any) -> Any:
        given.extend(arguments)
        return SimpleNamespace(here=False, close=lambda: None)

    monkeypatch.setattr(offering, "serve_and_announce", serve_and_announce)
    settings, signer = SimpleNamespace(store=SimpleNamespace(reachable=True)), object()
    connection = SimpleNamespace(sender=lambda key: ("sender", key))
    offering.offer(connection, signer, settings, 3, SimpleNamespace())  # type: ignore[arg-type]
    assert given == [connection, ("sender", signer), settings, signer]
