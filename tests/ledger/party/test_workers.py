"""Rounds checked by workers: the same report, byte for byte, whatever the rounds hold and whatever the workers do."""

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.consortia.audited import LACKING, audit, play
from support.consortia.synthetic import Trial

from ledger.audit import run
from ledger.party.workers import staff
from ledger.party.workers.messages import encode, parse_findings, parse_part, parse_setup
from ledger.party.workers.rounds import Executor
from ledger.party.workers.serving import answered
from ledger.party.workers.trade import ROUNDS
from ledger.party.workers.worker import RoundsWorker


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rounds that the audit's own process checks."""
    rounds: list[int] = []

    class Counted(run.RoundAudit):
        def run(self) -> None:
            rounds.append(self.round.number)
            super().run()

    monkeypatch.setattr(run, "RoundAudit", Counted)
    return rounds


def test_the_report_is_the_same_for_any_number_of_workers(consortium: Any, tmp_path: Path, counted: list[int]) -> None:
    with Trial(consortium, rounds=3) as trial:
        play(trial)
        alone = audit(consortium.network, tmp_path / "alone")
        report = msgspec.json.decode(alone)
        assert (report["right"]["answer"], report["lies"]["answer"]) == ("yes", "caught")
        assert report["rests_on"]
        assert counted == [1, 2, 3]
        for workers in (2, 3):
            counted.clear()
            assert audit(consortium.network, tmp_path / str(workers), workers=workers) == alone
            assert counted == [LACKING]


def through(change: Callable[[int, bytes], bytes | None]) -> Executor:
    """An executor in this process, whose answers are changed."""

    def execute(setup: bytes, parts: Sequence[bytes], workers: int) -> Generator[bytes | None, None, None]:
        for place, part in enumerate(parts):
            yield change(place, answered(ROUNDS.module, setup, part))

    return execute


@pytest.mark.parametrize(
    "change",
    [
        lambda place, answer: None,
        lambda place, answer: b"" if place else answer,
        lambda place, answer: encode(parse_findings(answer) * 2),
    ],
    ids=["no answer", "no message", "another part's"],
)
def test_what_no_worker_answers_is_checked_by_the_audit_itself(
    consortium: Any, tmp_path: Path, counted: list[int], monkeypatch: pytest.MonkeyPatch, change: Any
) -> None:
    with Trial(consortium, rounds=3) as trial:
        play(trial)
        alone = audit(consortium.network, tmp_path / "alone")
        counted.clear()
        monkeypatch.setattr(staff, "on_processes", through(change))
        assert audit(consortium.network, tmp_path / "two", workers=2) == alone
        assert {2, 3} <= set(counted)


def test_a_worker_says_with_all_that_it_reads_that_it_goes_on(
    consortium: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats: list[int] = []

    def execute(setup: bytes, parts: Sequence[bytes], workers: int) -> Generator[bytes | None, None, None]:
        worker = RoundsWorker(parse_setup(setup), lambda: beats.append(1))
        for part in map(parse_part, parts):
            before, found = len(beats), worker.check(part)
            assert len(beats) - before > 2 * len(part.numbers)
            yield encode(found)

    with Trial(consortium, rounds=3) as trial:
        play(trial)
        monkeypatch.setattr(staff, "on_processes", execute)
        audit(consortium.network, tmp_path / "two", workers=2)
    assert beats
