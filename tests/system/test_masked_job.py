"""A masked job with real processes: whoever is killed, whenever, its rounds end, and nobody's update is ever read."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.consortia.masked_hospitals import MaskedHospitals, masked_hospitals

from demo.parties import COORDINATOR, HOSPITALS, PARTIES
from demo.standstill import POLL
from ledger.events.actions import RemoveMember
from ledger.events.records import Choice
from ledger.history.state import Phase
from ledger.party.connection import Connection
from ledger.party.voting import close, execute, proposal, propose, vote
from participant.node.mask_key import rotate

pytestmark = pytest.mark.node
INDEX = {name: index for index, name in enumerate(PARTIES)}


@pytest.fixture(autouse=True)
def torch() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")


def test_a_coordinator_killed_at_every_step_goes_on(tmp_path: Path) -> None:
    """Each time it is killed as soon as the ledger shows the step, and started again."""
    with masked_hospitals(tmp_path / "four", 3) as job:
        steps: list[Callable[[], object]] = [
            lambda: job.masks.segments,
            lambda: job.masks.segments[1].proposals,
            lambda: job.masks.segments[1].cast,
            lambda: job.round(1),
            lambda: len(job.observer.round(1).updates) == 4,
            lambda: job.said(1).proposals,
            lambda: job.said(1).set,
            lambda: job.finished(1),
            lambda: job.round(2),
            lambda: 2 in job.masks.segments,
            lambda: job.said(2).set,
            lambda: job.finished(2),
        ]
        job.coordinate()
        for step in steps:
            job.go_on(lambda step=step: bool(step()))  # type: ignore[misc]
            job.kill(COORDINATOR)
            job.coordinate()
        job.go_on(lambda: job.finished(3))
        assert all(job.said(number).set == {1, 2, 3, 4} for number in (1, 2, 3))
        assert all(len(job.said(number).proposals) == 1 for number in (1, 2, 3)), "one set a round, proposed once"
        report = job.audit()
        assert (report["right"]["answer"], report["lies"]["answer"]) == ("yes", "none")


def test_where_the_coordinator_stays_dead_another_goes_on_with_its_set(tmp_path: Path) -> None:
    with masked_hospitals(tmp_path / "four", 2) as job:
        job.coordinate()
        job.go_on(lambda: job.said(1).set is not None)
        job.kill(COORDINATOR)
        round_ = job.observer.round(1)
        job.parties.aggregator(HOSPITALS[0])
        job.go_on(lambda: len(job.said(1).answers) == 4)
        job.pass_phase("aggregate_seconds")
        job.go_on(lambda: job.finished(1))
        final = job.observer.round(1).final
        assert round_.opener_index == INDEX[COORDINATOR]
        assert final is not None
        assert final.index == INDEX[HOSPITALS[0]]
        assert final.receipts == job.said(1).proposals[0].receipts, "under the receipts that the set was proposed under"
        job.go_on(lambda: job.finished(2))
        assert job.audit()["right"]["answer"] == "yes"


def test_where_too_few_answer_the_round_is_lost_and_the_next_goes_on(tmp_path: Path) -> None:
    """Two of four stand still from the proposal of a set on: with their seeds missing, two shares rebuild nothing."""
    still = HOSPITALS[2:]
    with masked_hospitals(tmp_path / "four", 2, segment=8) as job:
        with job.held() as chain:
            job.coordinate()
            job.go_on(lambda: chain.seal() or opened(job, 1) == 4)  # type: ignore[func-returns-value]
            job.go_on(chain.waits)
            for name in still:
                job.stage.lasting[name].pause()
        job.go_on(lambda: job.said(1).set is not None)
        assert job.said(1).set == {1, 2, 3, 4}
        job.go_on(lambda: job.said(1).answers.keys() == {1, 2})
        job.pass_phase("unmask_seconds")
        job.go_on(lambda: len(job.said(1).given) == 2)
        for _ in range(2):  # the opener's time to aggregate, and then anyone's
            job.pass_phase("aggregate_seconds")
        job.go_on(lambda: job.observer.round(1).phase.terminal)
        for name in still:
            job.stage.lasting[name].resume()
        assert job.observer.round(1).phase is Phase.ABANDONED
        assert job.said(1).answers.keys() == {1, 2}
        assert len(job.said(1).given) == 2
        job.pass_phase("aggregate_seconds")  # in which it leaves it to others to open the next
        job.go_on(lambda: job.finished(2))
        assert job.audit()["right"]["answer"] == "yes"


def opened(job: MaskedHospitals, number: int) -> int:
    """How many updates of a round are open."""
    round_ = job.round(number)
    return 0 if round_ is None else len(round_.updates)


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MaskedHospitals]:
    """A job whose members rotate a key in its first segment, and of which one leaves in the second."""
    with masked_hospitals(tmp_path_factory.mktemp("moved") / "four", 5) as job:
        stop_once(job, lambda: bool(job.masks.segments))
        member = job.parties[HOSPITALS[1]]
        rotate(member.home, member.passphrase_file)
        stop_once(job, lambda: job.round(3) is not None)
        remove(job, HOSPITALS[3])
        job.coordinate()
        job.go_on(lambda: job.said(3).answers.keys() >= {1, 2, 3})
        job.pass_phase("unmask_seconds")  # the one that left shows nothing
        job.go_on(lambda: job.finished(5))
        yield job


def stop_once(job: MaskedHospitals, reached: Callable[[], bool]) -> None:
    """Let the coordinator go on until something holds, and kill it before there is another block: nothing is opened
    while members act.
    """
    with job.held() as chain:
        job.coordinate()
        job.go_on(lambda: chain.seal() or reached())  # type: ignore[func-returns-value]
        job.kill(COORDINATOR)


def remove(job: MaskedHospitals, name: str) -> None:
    """Three of five vote a member out."""
    made = None
    for speaker in HOSPITALS[:3]:
        party = job.parties[speaker]
        with Connection.open(party.home) as connection:
            connection.refresh()
            sender = connection.sender(party.signer)
            if made is None:
                made = propose(connection, sender, RemoveMember(index=INDEX[name]))
            vote(connection, sender, proposal(connection, made.number), Choice.FOR)
            if speaker == HOSPITALS[2]:
                close(connection, sender, proposal(connection, made.number))
                while connection.client.time() < proposal(connection, made.number).executable_from:
                    time.sleep(POLL)
                execute(connection, sender, proposal(connection, made.number))


def test_a_key_that_rotates_counts_from_the_next_segment_on(moved: MaskedHospitals) -> None:
    index = INDEX[HOSPITALS[1]]
    first, second = moved.masks.segments[1], moved.masks.segments[2]
    before = [one.key for one in first.keys if one.index == index]
    after = [one.key for one in second.keys if one.index == index]
    assert len(after) == len(before) + 1
    assert index in (second.cast or ())
    assert all(index in (moved.said(number).set or ()) for number in (1, 2, 3, 4, 5))


def test_who_leaves_is_in_no_later_set_and_the_others_go_on(moved: MaskedHospitals) -> None:
    left = INDEX[HOSPITALS[3]]
    assert left in (moved.masks.segments[2].cast or ())
    assert moved.said(5).set == {1, 2, 3}
    assert left not in (moved.masks.segments[3].roster)
    report = moved.audit()
    assert (report["right"]["answer"], report["lies"]["answer"]) == ("yes", "none")
