"""Whole rounds on a real chain: honest ones, and every way in which one can go wrong and still end."""

import numpy as np
import pytest
from support.consortia.aggregators import actions, drive, end_pauses, service
from support.consortia.synthetic import LIMITS, SECONDS, TENSORS, Trial, artifact

from aggregator.service import Goal, Service
from demo.liar import Liar
from ledger.errors import Unavailable
from ledger.events.records import Reason, Role
from ledger.formats.artifact import Layout, Tensor
from ledger.history.state import Phase
from ledger.jobs.document import Admission
from ledger.jobs.rules import Median
from ledger.rounds.admission import Verdict

ROOMY = Admission(min_updates=2, max_weight=1000, max_value=1 << 20, max_norm=1 << 30)


def verdicts(trial: Trial) -> list[str]:
    return [Verdict(byte).name for byte in trial.round.aggregates[-1].verdicts]


def collect(t: Trial, a: Service, *indices: int) -> None:
    """These parties, or all, commit; the aggregator opens their updates, everyone signs for them, and it publishes."""
    t.commit(*indices)
    if t.phase is Phase.COLLECTING:
        t.until(t.round.update_deadline + 1)
    drive(a)
    t.vouch()
    drive(a)


def test_rounds_follow_each_other_and_end(trial) -> None:
    t = trial(members=4, rounds=3)
    a = service(t.parties[0], goal=Goal(complete=True))
    for number in (1, 2, 3):
        drive(a)
        now = (t.round.number, t.round.phase, t.round.opener)
        assert now == (number, Phase.COLLECTING, t.parties[0].sender.address)
        collect(t, a)
        assert t.round.phase is Phase.ATTESTING, "published long before the deadlines, since nobody was late"
        t.attest(1, 2)
        assert t.round.phase is Phase.FINALISED
    drive(a)
    assert t.state.complete and a.done
    assert [line["round"] for line in actions(t.parties[0].member.home, "published")] == [1, 2, 3]
    pins = t.parties[0].connection.store.pins()
    assert {"model/1/1", "model/1/3", "update/1/1/3", "update/1/3/2", "receipts/1/3/1"} <= pins.keys()


def test_openings_that_one_gateway_knows_are_enough(trial) -> None:
    """All are opened in one transaction, whoever showed them to whom."""
    t = trial(members=4, rounds=1)
    a = service(t.parties[0])
    drive(a)
    t.commit()
    name = t.parties[1].facts.name
    for party in t.parties[2:]:
        t.parties[1].openings.take(name, party.opening())
        party.serving.close()
    drive(a)
    assert sorted(t.round.updates) == [0, 1, 2, 3]
    (opened,) = actions(t.parties[0].member.home, "shown")
    assert opened["members"] == [0, 1, 2, 3]


def test_an_opening_that_fits_no_commitment_is_not_taken(trial) -> None:
    t = trial(members=3, rounds=1)
    a = service(t.parties[0])
    drive(a)
    t.commit()
    name, lie = t.parties[1].facts.name, t.parties[1].opening()._replace(weight=11)
    t.parties[1].openings.take(name, lie)
    drive(a)
    assert t.round.updates[1].weight == 10


@pytest.mark.parametrize("rule", [Median(), None])
def test_participants_and_aggregators_may_be_different_members(trial, rule) -> None:
    t = trial(members=5, roles=[Role.PARTICIPANT] * 3 + [Role.AGGREGATOR] * 2, rounds=1, rule=rule)
    a = service(t.parties[3])
    drive(a)
    collect(t, a, 0, 1, 2)
    t.attest(0, 1)
    assert t.round.phase is Phase.FINALISED
    assert t.round.aggregates[0].index == 3


def test_goes_on_after_the_deadline_with_who_committed(trial) -> None:
    t = trial(rounds=1)
    a = service(t.parties[0])
    drive(a)
    t.commit(0, 1)
    drive(a)
    t.until(t.round.update_deadline)
    drive(a)
    assert t.phase is Phase.COLLECTING, "the deadline's own second is in time for updates"
    t.until(t.round.update_deadline + 1)
    drive(a)
    assert sorted(t.round.updates) == [0, 1]
    t.vouch()
    drive(a)
    assert t.round.phase is Phase.ATTESTING
    assert verdicts(t) == ["ADMITTED", "ADMITTED"]


def test_who_committed_and_does_not_show_its_update_is_waited_for_to_half_time(trial) -> None:
    t = trial(rounds=1)
    a = service(t.parties[0])
    drive(a)
    for party in t.parties:
        party.submit(shown=party.index != 2)
    t.look()
    drive(a)
    assert not t.round.updates
    t.until(t.round.deadline - SECONDS // 2)
    drive(a)
    assert sorted(t.round.updates) == [0, 1, 3]
    t.until(t.round.deadline + 1)
    t.vouch()
    drive(a)
    assert verdicts(t) == ["ADMITTED"] * 3
    t.attest(1, 3)
    assert t.round.phase is Phase.FINALISED
    assert [made.index for made in t.round.unopened] == [2]


def test_another_takes_over_from_a_dead_opener(trial) -> None:
    t = trial(rounds=2)
    first, second = service(t.parties[0]), service(t.parties[1])
    drive(first)
    t.commit()
    drive(second)
    t.until(t.round.deadline - SECONDS // 2)
    drive(second)
    assert len(t.round.updates) == 4, "it opens the updates"
    t.vouch()
    t.until(t.round.deadline - SECONDS)
    drive(second)
    assert t.round.phase is Phase.AGGREGATING, "still the opener's second"
    t.until(t.round.deadline - SECONDS + 1)
    drive(second)
    assert t.round.aggregates[0].index == 1
    assert t.state.strikes == {0: 1}
    t.attest(2, 3)
    drive(second)
    assert (t.round.number, t.round.opener) == (2, t.parties[1].sender.address), "and leads from now on"


def test_who_left_its_turn_waits_before_it_opens_another_round(trial) -> None:
    t = trial(rounds=2)
    first = service(t.parties[0])
    drive(first)
    t.submit()
    t.until(t.round.deadline + 1)
    t.consortium.send(2, "ledger", "advance", t.number, 1)
    drive(first)
    assert t.round.number == 1
    t.until(t.consortium.client.course(t.number).ended_at + SECONDS)
    drive(first)
    assert t.round.number == 2


def test_a_lie_is_refuted_and_another_finishes_the_round(trial) -> None:
    t = trial(rounds=2)
    own, honest = service(t.parties[0], kind=Liar, value=70), service(t.parties[1])
    drive(own)
    collect(t, own)
    claim = t.round.aggregates[0].claim
    t.attest(1, 2)
    assert t.round.phase is Phase.AGGREGATING
    assert claim not in {a.claim for a in t.round.aggregates[0].attestations}
    drive(own)
    assert t.round.attempt == 1, "an aggregator whose attempt failed stays quiet"
    drive(honest)
    assert (t.round.attempt, t.round.aggregates[1].index) == (2, 1)
    t.attest(2, 3)
    assert t.round.phase is Phase.FINALISED
    drive(own, honest)
    assert t.round.opener == t.parties[1].sender.address


def test_lies_until_no_attempt_is_left(trial) -> None:
    t = trial(rounds=2, attempts=1)
    liar = service(t.parties[0], kind=Liar)
    drive(liar)
    collect(t, liar)
    t.attest(1, 2)
    assert t.round.phase is Phase.REFUTED
    second = service(t.parties[1])
    drive(second)
    assert t.round.number == 2, "the job goes on with the next round"


def test_too_few_updates_are_agreed_on_and_the_job_goes_on(trial) -> None:
    t = trial(rounds=2)
    a = service(t.parties[0])
    drive(a)
    collect(t, a, 2)
    assert t.round.aggregates[0].empty
    t.attest(1, 2)
    assert (t.round.phase, t.round.reason) == (Phase.ABANDONED, Reason.TOO_FEW_UPDATES)
    drive(a)
    assert t.round.number == 2


def test_nobody_commits_at_all(trial) -> None:
    t = trial(rounds=1)
    a = service(t.parties[0])
    drive(a)
    t.until(t.round.update_deadline + 8)
    drive(a)
    assert (t.state.rounds[1].phase, t.state.rounds[1].reason) == (Phase.ABANDONED, Reason.TOO_FEW_UPDATES)
    assert t.round.number == 2, "and it counts for nothing"


def test_every_reason_of_refusal_stands_on_record_and_the_round_goes_on(trial) -> None:
    t = trial(members=12, rounds=1)
    a = service(t.parties[0])
    drive(a)
    for party in t.parties[:3]:
        party.submit()
    honest, layout = np.ones(t.layout.values, "<i4"), t.layout
    other = Layout((TENSORS[0], Tensor("layer.weighs", (30, 20))))
    p = t.parties
    p[3].submit(honest, data=artifact(layout, p[3].binding(), honest)[:-1])
    p[4].submit(honest, binding=p[4].binding(round=2))
    p[5].submit(honest, binding=p[5].binding(base=b"\x05" * 32))
    p[6].submit(honest, data=artifact(other, p[6].binding(), honest))
    p[7].submit(honest, root=b"\x07" * 32)
    p[8].submit(honest, weight=LIMITS.max_weight + 1)
    p[9].submit(honest * (LIMITS.max_value + 1))
    p[10].submit(honest * LIMITS.max_value)
    p[11].submit(honest, stored=False)
    t.look()
    drive(a)
    t.vouch()
    drive(a)
    assert t.round.phase is Phase.AGGREGATING, "an update whose bytes are missing is waited for"
    t.pass_time(SECONDS // 4)
    drive(a)
    names = ["HEADER"] * 4 + ["ROOT", "WEIGHT", "RANGE", "NORM", "UNAVAILABLE"]
    assert verdicts(t) == ["ADMITTED"] * 3 + names
    t.attest(*range(1, 7))
    assert t.round.phase is Phase.FINALISED
    written = actions(t.parties[0].member.home, "published")[0]
    assert written["verdicts"]["9"] == "RANGE" and "magnitude" in written["reasons"]["9"]


def test_bytes_that_come_late_are_in_time(trial) -> None:
    t = trial(members=3, rounds=1)
    a = service(t.parties[0])
    drive(a)
    for party in t.parties[:2]:
        party.submit()
    values = np.ones(t.layout.values, "<i4")
    data = artifact(t.layout, t.parties[2].binding(), values)
    t.parties[2].submit(values, data=data, stored=False)
    t.look()
    drive(a)
    t.vouch()
    drive(a)
    assert t.round.phase is Phase.AGGREGATING
    t.parties[2].connection.put([data], "late")
    t.vouch()
    end_pauses(a)
    drive(a)
    assert verdicts(t) == ["ADMITTED"] * 3


def test_a_participant_that_dies_after_others_hold_its_update_holds_nobody_up(trial) -> None:
    t = trial(members=3, rounds=1)
    a = service(t.parties[0])
    drive(a)
    t.commit()
    drive(a)
    t.parties[2].vouch()
    t.parties[1].serving.close()
    drive(a)
    assert verdicts(t) == ["ADMITTED"] * 3


def test_what_too_few_hold_is_waited_for_a_quarter_of_the_time_then_unavailable(trial) -> None:
    t = trial(members=4, rounds=1)
    a = service(t.parties[0])
    drive(a)
    for party in t.parties:
        party.submit(stored=party.index != 3)
    t.look()
    drive(a)
    t.vouch(1, 2)
    drive(a)
    assert t.round.phase is Phase.AGGREGATING
    signed = t.parties[0].connection.time()
    t.until(signed + SECONDS // 4 - 5)
    drive(a)
    assert t.round.phase is Phase.AGGREGATING, "not early"
    t.until(signed + SECONDS // 4 + 2)
    drive(a)
    assert verdicts(t) == ["ADMITTED"] * 3 + ["UNAVAILABLE"]
    t.attest(1, 2)
    assert t.round.phase is Phase.FINALISED


@pytest.mark.parametrize("phase", [Phase.OPENING, Phase.AGGREGATING, Phase.ATTESTING])
def test_what_nobody_finishes_is_moved_on(trial, phase) -> None:
    t = trial(members=4, rounds=2)
    first, second = service(t.parties[0]), service(t.parties[1])
    drive(first)
    t.commit()
    if phase is not Phase.OPENING:
        t.open_updates()
        t.vouch()
    if phase is Phase.ATTESTING:
        drive(first)
    assert t.phase is phase
    end = t.round.deadline + (1 if phase is Phase.OPENING else 10)
    if phase is Phase.ATTESTING:
        t.until(t.round.deadline)
        drive(second)
        assert t.round.phase is phase, "the deadline's own second is in time"
        t.until(end)
        drive(second)
        assert t.round.aggregates[0].outcome is Phase.ABANDONED
        assert (t.round.attempt, t.round.phase) in ((1, Phase.AGGREGATING), (2, Phase.ATTESTING))
        return
    if phase is Phase.OPENING:
        drive(second)
        assert t.phase is phase, "it has the job's document now, and opens nothing before half time"
        for party in t.parties:
            party.serving.close()
        t.until(end + 8)
    else:
        t.until(end)
    drive(second)
    reason = Reason.TOO_FEW_UPDATES if phase is Phase.OPENING else Reason.NO_AGGREGATE
    assert (t.state.rounds[1].phase, t.state.rounds[1].reason) == (Phase.ABANDONED, reason)


def test_several_chunks_and_a_tree_that_is_none(trial) -> None:
    t = trial(members=3, rounds=1, tensors=[Tensor("big", (700_000,))], limits=ROOMY)
    a = service(t.parties[0])
    drive(a)
    for party in t.parties[:2]:
        party.submit()
    values = np.zeros(t.layout.values, "<i4")
    t.parties[2].submit(values, data=artifact(t.layout, t.parties[2].binding(), values)[:-4])
    t.look()
    drive(a)
    t.vouch()
    drive(a)
    t.attest(1)
    assert t.round.phase is Phase.FINALISED
    assert verdicts(t) == ["ADMITTED", "ADMITTED", "HEADER"]


def test_a_full_disk_makes_no_update_unavailable(trial, monkeypatch) -> None:
    monkeypatch.setattr("ledger.party.pacing.LONGEST_BACKOFF", 0.0)
    t = trial(members=4, rounds=1)
    a = service(t.parties[0])
    drive(a)
    t.submit()
    t.vouch(1, 2, 3)

    def full(*_arguments, **_options):
        raise Unavailable("cannot write: No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(t.parties[0].connection.store, "put", full)
        t.until(t.round.deadline - SECONDS - 1)
        drive(a)
        assert t.round.phase is Phase.AGGREGATING, "publishes no model that it cannot keep, and blames nobody"
    assert "failed" in {line["action"] for line in actions(t.parties[0].member.home)}
    drive(a)
    assert verdicts(t) == ["ADMITTED"] * 4


def test_one_failing_job_does_not_stop_the_others(trial) -> None:
    t = trial(members=3, rounds=1)
    good = t.number
    broken = t.propose(digest=b"\x42" * 32)
    a = service(t.parties[0])
    drive(a)
    failures = actions(t.parties[0].member.home, "failed")
    assert [line["job"] for line in failures] == [broken]
    t.number = good
    collect(t, a)
    t.attest(1)
    assert t.round.phase is Phase.FINALISED


def test_once_opens_no_second_round(trial) -> None:
    t = trial(members=3, rounds=3)
    a = service(t.parties[0], goal=Goal(once=True))
    drive(a)
    collect(t, a)
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
    collect(t, a)
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
