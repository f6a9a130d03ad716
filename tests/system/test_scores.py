"""Scores by real processes: nodes that score a committed set, one of them killed between commit and reveal, and a
scorer that never reveals."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command import fedledger
from support.consortia.chaos import COORDINATOR, PARTICIPANTS, Consortium
from support.consortia.trainers import COMMITTED

from ledger.audit.report import Check
from ledger.formats.claims import scores_commitment
from ledger.history.state import JobState
from ledger.scores.contributions import score_round

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes end with their parent on Linux only"),
]
ROUNDS = 2
COORDINATORS, KILLED = 0, 3
"""Indices: of the scorer that commits by hand and never reveals, and of the one that is killed."""


@pytest.fixture
def consortium(tmp_path: Path) -> Iterator[Consortium]:
    """Three hospitals and their coordinator, all of them scorers; the coordinator runs an aggregator only."""
    pytest.importorskip("torch")
    scoring = COMMITTED.replace("score_seconds = 600", "score_seconds = 900").replace("scorers = 2", "scorers = 3")
    made = Consortium(tmp_path / "scores", ROUNDS, scoring=scoring)
    yield made
    made.close()


def commit_as_coordinator(consortium: Consortium, number: int) -> None:
    """A commitment that nobody will ever see opened."""
    from ledger.party.connection import Connection

    resident = consortium.local.residents[COORDINATOR]
    with Connection.open(resident.home) as connection:
        connection.refresh()
        sender, board = connection.sender(resident.signer), connection.network.contracts.scores.address
        where = (connection.place.chain, board, 1, number, sender.address)
        sender.send("scores", "commitScores", 1, number, scores_commitment(*where, bytes(32), (1, 2, 3)))


def committed(state: JobState, number: int) -> bool:
    return number in state.scorings and set(state.scorings[number].commitments) >= {1, 2, 3}


def settled(state: JobState, number: int) -> bool:
    return number in state.scorings and state.scorings[number].medians is not None


def test_scores_survive_a_kill_and_a_scorer_that_never_reveals(consortium: Consortium) -> None:
    consortium.start()
    consortium.wait(lambda state: committed(state, 1))
    consortium.kill_node(PARTICIPANTS[KILLED - 1])
    state = consortium.state()
    assert state is not None
    before = state.scorings[1].commitments[KILLED]
    assert not state.scorings[1].reveals
    commit_as_coordinator(consortium, 1)
    consortium.wait(lambda state: set(state.scorings[1].reveals) == {1, 2, 3})
    consortium.wait(lambda state: state.complete)
    consortium.pass_time(1501)
    consortium.wait(lambda state: committed(state, 2))
    consortium.pass_time(901)
    consortium.wait(lambda state: settled(state, 2))
    assert consortium.ended == []
    check(consortium, before)


def check(consortium: Consortium, before: object) -> None:
    state = consortium.state()
    assert state is not None
    view = consortium.view
    document = view.document(state)
    for number, scoring in state.scorings.items():
        expected = score_round(state, document, state.rounds[number], scoring.seed, view.fetch)
        assert scoring.medians == expected
        assert {reveal.scores for reveal in scoring.reveals.values()} == {expected}
    assert state.scorings[1].commitments[KILLED] == before
    assert [state.scorings[number].withheld for number in (1, 2)] == [{COORDINATORS}, frozenset()]
    report = consortium.audit()
    assert (report.right.answer, report.lies.answer) == ("yes", "none"), report
    found = [one for one in report.open.list if one.check not in (Check.SOURCE, Check.SIGNED)]
    assert [(one.check, one.touches, one.round) for one in found] == [(Check.SCORES, (), 1)]
    assert report.passed[Check.SCORES] == ROUNDS * (3 * 3 + 3)
    shown = fedledger("scores", "--network", consortium.local.network_file, "--home", consortium.folder / "reader")
    assert shown.returncode == 0, shown.stderr
    assert f"{COORDINATOR} committed to scores and never revealed them" in shown.stdout
    for median in state.scorings[2].medians or ():
        assert f"{median:+,}" in shown.stdout
