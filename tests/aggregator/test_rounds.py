"""Whole rounds on a real chain: honest ones, and every way in which one can go wrong and still end."""

import numpy as np
import pytest
from support.consortia.aggregators import actions, drive, service
from support.consortia.synthetic import LIMITS, SECONDS, TENSORS, Trial, artifact

from aggregator.service import Goal
from demo.liar import publish_wrong_model
from ledger.errors import Unavailable
from ledger.events.records import Reason, Role
from ledger.formats.artifact import Layout, Tensor
from ledger.history.state import Phase
from ledger.jobs.document import Admission, Median
from ledger.rounds.admission import Verdict

ROOMY = Admission(min_updates=2, max_weight=1000, max_value=1 << 20, max_norm=1 << 30)


def verdicts(trial: Trial) -> list[str]:
    return [Verdict(byte).name for byte in trial.round.aggregates[-1].verdicts]


def test_rounds_follow_each_other_and_end(trial) -> None:
    t = trial(members=4, rounds=3)
    a = service(t.parties[0], goal=Goal(complete=True))
    for number in (1, 2, 3):
        drive(a)
        assert (t.round.number, t.round.phase, t.round.opener) == (
            number,
            Phase.COLLECTING,
            t.parties[0].sender.address,
        )
        t.submit()
        drive(a)
        assert t.round.phase is Phase.ATTESTING, "published before the deadline, since everyone submitted"
        t.attest(1, 2)
        assert t.round.phase is Phase.FINALISED
    drive(a)
    assert t.state.complete and a.done
    assert [line["round"] for line in actions(t.parties[0].member.home, "published")] == [1, 2, 3]
    pins = t.parties[0].connection.store.pins()
    assert {"model/1/1", "model/1/3", "update/1/1/3", "update/1/3/2"} <= pins.keys()


@pytest.mark.parametrize("rule", [Median(), None])
def test_participants_and_aggregators_may_be_different_members(trial, rule) -> None:
    t = trial(members=5, roles=[Role.PARTICIPANT] * 3 + [Role.AGGREGATOR] * 2, rounds=1, rule=rule)
    a = service(t.parties[3])
    drive(a)
    t.submit(0, 1, 2)
    drive(a)
    t.attest(0, 1)
    assert t.round.phase is Phase.FINALISED
    assert t.round.aggregates[0].index == 3


def test_publishes_after_the_deadline_with_who_submitted(trial) -> None:
    t = trial(rounds=1)
    a = service(t.parties[0])
    drive(a)
    t.submit(0, 1)
    drive(a)
    t.until(t.round.update_deadline)
    drive(a)
    assert t.round.phase is Phase.COLLECTING, "the deadline's own second is in time for updates"
    t.until(t.round.update_deadline + 1)
    drive(a)
    assert t.round.phase is Phase.ATTESTING
    assert verdicts(t) == ["ADMITTED", "ADMITTED"]


def test_another_takes_over_from_a_dead_opener(trial) -> None:
    t = trial(rounds=2)
    first, second = service(t.parties[0]), service(t.parties[1])
    drive(first)
    t.submit(0, 1, 2)
    drive(second)
    t.until(t.round.update_deadline + SECONDS)
    drive(second)
    assert t.round.phase is Phase.COLLECTING, "still the opener's second"
    t.until(t.round.update_deadline + SECONDS + 1)
    drive(second)
    assert t.round.aggregates[0].index == 1
    t.attest(2, 3)
    drive(second)
    assert (t.round.number, t.round.opener) == (2, t.parties[1].sender.address), "and leads from now on"


def test_a_lie_is_refuted_and_another_finishes_the_round(trial) -> None:
    t = trial(rounds=2)
    liar, honest = t.parties[0], service(t.parties[1])
    own = service(liar)
    drive(own)
    t.submit()
    claim = publish_wrong_model(liar.connection, liar.sender, t.number, 1, value=70)
    t.attest(1, 2)
    assert t.round.phase is Phase.AGGREGATING
    assert claim not in {a.claim for a in t.round.aggregates[0].attestations}
    drive(own)
    assert t.round.attempt == 1, "a refuted aggregator stays quiet"
    drive(honest)
    assert (t.round.attempt, t.round.aggregates[1].index) == (2, 1)
    t.attest(2, 3)
    assert t.round.phase is Phase.FINALISED
    drive(own, honest)
    assert t.round.opener == t.parties[1].sender.address


def test_lies_until_no_attempt_is_left(trial) -> None:
    t = trial(rounds=2, attempts=1)
    liar = t.parties[0]
    drive(service(liar))
    t.submit()
    publish_wrong_model(liar.connection, liar.sender, t.number, 1)
    t.attest(1, 2)
    assert t.round.phase is Phase.REFUTED
    second = service(t.parties[1])
    drive(second)
    assert t.round.number == 2, "the job goes on with the next round"


def test_too_few_updates_are_agreed_on_and_the_job_goes_on(trial) -> None:
    t = trial(rounds=2)
    a = service(t.parties[0])
    drive(a)
    t.submit(2)
    t.until(t.round.update_deadline + 1)
    drive(a)
    assert t.round.aggregates[0].empty
    t.attest(1, 2)
    assert (t.round.phase, t.round.reason) == (Phase.ABANDONED, Reason.TOO_FEW_UPDATES)
    drive(a)
    assert t.round.number == 2


def test_nobody_submits_at_all(trial) -> None:
    t = trial(rounds=1)
    a = service(t.parties[0])
    drive(a)
    t.until(t.round.update_deadline + 1)
    drive(a)
    assert t.round.aggregates[0].verdicts == b""


def test_every_reason_of_refusal_stands_on_record_and_the_round_goes_on(trial) -> None:
    t = trial(members=12, rounds=1)
    a = service(t.parties[0])
    drive(a)
    t.submit(0, 1, 2)
    honest, layout = np.ones(t.layout.values, "<i4"), t.layout
    other = Layout((TENSORS[0], Tensor("layer.weighs", (30, 20))))
    p = t.parties
    p[3].submit(honest, data=artifact(layout, p[3].binding(), honest)[:-1])
    p[4].submit(honest, binding=p[4].binding(round=2))
    p[5].submit(honest, binding=p[5].binding(base=b"\x05" * 32))
    p[6].submit(honest, data=artifact(other, p[6].binding(), honest))
    p[7].submit(honest, root=b"\x07" * 32)
    p[8].submit(honest, weight=LIMITS.max_weight + 1, stored=False)
    p[9].submit(honest * (LIMITS.max_value + 1))
    p[10].submit(honest * LIMITS.max_value)
    p[11].submit(honest, stored=False)
    drive(a)
    assert t.round.phase is Phase.COLLECTING, "an update whose bytes are missing is waited for"
    t.until(t.round.update_deadline + SECONDS - SECONDS // 3)
    drive(a)
    names = ["HEADER"] * 4 + ["ROOT", "WEIGHT", "RANGE", "NORM", "UNAVAILABLE"]
    assert verdicts(t) == ["ADMITTED"] * 3 + names
    t.attest(*range(1, 7))
    assert t.round.phase is Phase.FINALISED
    written = actions(t.parties[0].member.home, "published")[0]
    assert written["verdicts"]["9"] == "RANGE" and "magnitude" in written["reasons"]["9"]


def test_bytes_that_come_late_are_in_time(trial, monkeypatch) -> None:
    monkeypatch.setattr("ledger.party.copying.FIRST_PAUSE", 0.0)
    t = trial(members=3, rounds=1)
    a = service(t.parties[0])
    drive(a)
    t.submit(0, 1)
    values = np.ones(t.layout.values, "<i4")
    data = artifact(t.layout, t.parties[2].binding(), values)
    t.parties[2].submit(values, data=data, stored=False)
    drive(a)
    assert t.round.phase is Phase.COLLECTING
    t.parties[2].connection.put([data], "late")
    drive(a)
    assert verdicts(t) == ["ADMITTED"] * 3


def test_a_participant_that_dies_after_it_submitted_holds_nobody_up(trial) -> None:
    t = trial(members=3, rounds=1)
    a = service(t.parties[0])
    drive(a)
    t.submit(1, 2)
    drive(a)
    t.parties[1].serving.close()
    t.submit(0)
    drive(a)
    assert verdicts(t) == ["ADMITTED"] * 3


def test_a_dead_holder_is_waited_for_then_called_unavailable(trial) -> None:
    t = trial(members=4, rounds=1)
    a = service(t.parties[0])
    drive(a)
    t.submit()
    t.parties[3].serving.close()
    drive(a)
    assert t.round.phase is Phase.COLLECTING
    t.until(t.round.update_deadline + SECONDS - SECONDS // 3 - 1)
    drive(a)
    assert t.round.phase is Phase.COLLECTING, "not a second early"
    t.until(t.round.update_deadline + SECONDS - SECONDS // 3)
    drive(a)
    assert verdicts(t) == ["ADMITTED"] * 3 + ["UNAVAILABLE"]
    t.attest(1, 2)
    assert t.round.phase is Phase.FINALISED


@pytest.mark.parametrize("phase", [Phase.COLLECTING, Phase.ATTESTING, Phase.AGGREGATING])
def test_what_nobody_finishes_is_abandoned(trial, phase) -> None:
    t = trial(members=4, rounds=2)
    first, second = service(t.parties[0]), service(t.parties[1])
    drive(first)
    t.submit()
    if phase is Phase.ATTESTING:
        drive(first)
    if phase is Phase.AGGREGATING:
        publish_wrong_model(t.parties[0].connection, t.parties[0].sender, t.number, 1)
        t.attest(1, 2)
    view = t.consortium.client.round(t.number)
    assert view.phase is phase
    end = view.deadline + (2 * SECONDS if phase is Phase.COLLECTING else 0)
    t.until(end)
    if phase is Phase.ATTESTING:
        drive(second)
        assert t.round.phase is phase, "the deadline's own second is in time"
    t.until(end + 10)
    drive(second)
    reason = Reason.NO_QUORUM if phase is Phase.ATTESTING else Reason.NO_AGGREGATE
    assert (t.state.rounds[1].phase, t.state.rounds[1].reason) == (Phase.ABANDONED, reason)


def test_several_chunks_and_a_tree_that_is_none(trial) -> None:
    t = trial(members=3, rounds=1, tensors=[Tensor("big", (700_000,))], limits=ROOMY)
    a = service(t.parties[0])
    drive(a)
    t.submit(0, 1)
    values = np.zeros(t.layout.values, "<i4")
    t.parties[2].submit(values, data=artifact(t.layout, t.parties[2].binding(), values)[:-4])
    drive(a)
    t.attest(1)
    assert t.round.phase is Phase.FINALISED
    assert verdicts(t) == ["ADMITTED", "ADMITTED", "HEADER"]


def test_a_full_disk_makes_no_update_unavailable(trial, monkeypatch) -> None:
    monkeypatch.setattr("ledger.party.pacing.LONGEST_BACKOFF", 0.0)
    t = trial(members=3, rounds=1)
    a = service(t.parties[0])
    drive(a)
    t.submit()

    def full(*_arguments, **_options):
        raise Unavailable("cannot write: No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(t.parties[0].connection.store, "put", full)
        t.until(t.round.update_deadline + SECONDS - 1)
        drive(a)
        assert t.round.phase is Phase.COLLECTING, "publishes no model that it cannot keep, and blames nobody"
    assert "failed" in {line["action"] for line in actions(t.parties[0].member.home)}
    drive(a)
    assert verdicts(t) == ["ADMITTED"] * 3


def test_one_failing_job_does_not_stop_the_others(trial) -> None:
    t = trial(members=3, rounds=1)
    good = t.number
    broken = t.propose(digest=b"\x42" * 32)
    a = service(t.parties[0])
    drive(a)
    failures = actions(t.parties[0].member.home, "failed")
    assert [line["job"] for line in failures] == [broken]
    t.number = good
    t.submit()
    drive(a)
    t.attest(1)
    assert t.round.phase is Phase.FINALISED


def test_once_opens_no_second_round(trial) -> None:
    t = trial(members=3, rounds=3)
    a = service(t.parties[0], goal=Goal(once=True))
    drive(a)
    t.submit()
    drive(a)
    assert not a.done
    t.attest(1)
    drive(a)
    assert a.done and t.round.number == 1


def test_waits_for_a_job(trial) -> None:
    t = trial(members=3, rounds=1, propose=False)
    a = service(t.parties[0], only=1)
    drive(a)
    drive(a)
    assert [line["action"] for line in actions(t.parties[0].member.home)] == ["waiting"]
    t.propose()
    drive(a)
    assert t.round.number == 1


def test_a_chain_that_is_away_is_waited_for(trial, monkeypatch) -> None:
    t = trial(members=3, rounds=1)
    a = service(t.parties[0], goal=Goal(rounds=1))
    drive(a)
    t.submit()
    drive(a)
    t.attest(1)
    connection, home = t.parties[0].connection, t.parties[0].member.home
    refresh, answers = connection.refresh, [Unavailable("the node is away"), Unavailable("the node is away")]

    def away():
        if answers:
            raise answers.pop()
        return refresh()

    monkeypatch.setattr(connection, "refresh", away)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    a.run()
    assert a.done
    noted = [line["action"] for line in actions(home, "failed", "recovered")]
    assert noted == ["failed", "recovered"], "said once, however long it lasts"
