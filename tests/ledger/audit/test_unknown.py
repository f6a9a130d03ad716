"""What could not be looked at is unknown, never right, and convicts nobody."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from support.kept import Kept
from support.worlds import lies
from support.worlds.signing import key
from support.worlds.world import World, altered, open_matters, raw_cid

from ledger.audit import Observed, Question, scope_of
from ledger.audit.report import Check, Open, Report
from ledger.errors import Unavailable, UsageError
from ledger.events import records
from ledger.formats.cid import Cid, of_file
from ledger.formats.digest import NOTHING
from ledger.formats.merkle import root_of
from ledger.history.fold import History

NORTH = f"north ({key(0)})"


def honest() -> World:
    return World().open_job().honest_round().honest_round()


def unknown(report: Report) -> list[Open]:
    assert report.right.answer == "unknown"
    assert report.exit == 3
    assert report.lies.answer == "none"
    return [one for one in open_matters(report) if one.touches]


def named(world: World, cid: Cid) -> tuple[str, int | None]:
    """What a file is, and the round it belongs to."""
    known: dict[Cid, tuple[str, int | None]] = {world.job.cid: ("job", None), world.job.initial_cid: ("initial", None)}
    for round_ in world.state.rounds.values():
        for update in round_.updates.values():
            known[of_file(update.cid, world.layout.size)] = ("update", round_.number)
        known[of_file(round_.aggregates[-1].cid, world.layout.size)] = ("model", round_.number)
        known[raw_cid(round_.aggregates[-1].receipts)] = ("receipts", round_.number)
    return known[cid]


def test_an_honest_history_is_verified_and_says_how_much_was_checked() -> None:
    report = honest().audit()
    assert report.right.answer == "yes"
    assert report.exit == 0
    assert open_matters(report) == []
    assert report.skipped == (Check.SOURCE,)
    assert {Check(number): count for number, count in report.passed.items()} == {
        Check.CODE: 2,
        Check.LOG: 29,
        Check.SIGNED: 6,
        Check.HEADS: 14,
        Check.JOB: 1,
        Check.INITIAL: 1,
        Check.BYTES: 10,
        Check.ADMISSION: 8,
        Check.AGGREGATE: 2,
        Check.ATTESTATION: 4,
        Check.SCORES: 0,
        Check.MASKS: 0,
        Check.EDGES: 0,
        Check.COURT: 0,
    }


@pytest.mark.parametrize("how", ["lost", "damaged"])
def test_without_any_one_file_nothing_is_verified(how: str) -> None:
    """Only the last model is not needed: the audit makes it again."""
    files = list(honest().files.files)
    assert len(files) == 14
    for cid in files:
        world = honest()
        if how == "lost":
            del world.files.files[cid]
        else:
            data = bytearray(world.files.files[cid])
            data[len(data) // 2] ^= 1
            world.files.files[cid] = bytes(data)
        what, number = named(world, cid)
        if (what, number) == ("model", 2):
            assert world.audit().right.answer == "yes"
            continue
        findings = unknown(world.audit())
        expected = {
            "job": Check.JOB,
            "initial": Check.INITIAL,
            "update": Check.BYTES,
            "model": Check.AGGREGATE,
            "receipts": Check.BYTES,
        }[what]
        assert findings[0].check is expected
        if what != "model":
            assert findings[0].cid == str(cid)
        if number is not None:
            assert findings[0].round == (2 if what == "model" else number)


def test_a_missing_update_names_party_and_cid_and_stops_its_round_alone() -> None:
    world = World().open_job().honest_round().open_round()
    world.submit(1)
    sent = world.submit(0)
    world.publish(0)
    world.attest(1)
    world.attest(2)
    world.honest_round()
    del world.files.files[sent.cid]
    bytes_, aggregate = unknown(world.audit())
    assert (bytes_.check, bytes_.party, bytes_.cid, bytes_.round) == (Check.BYTES, NORTH, str(sent.cid), 2)
    assert (aggregate.check, aggregate.round, aggregate.attempt) == (Check.AGGREGATE, 2, 1)
    assert NORTH in aggregate.why
    assert world.audit().passed[Check.AGGREGATE] == 2


def left_out(*, stored: bool) -> World:
    """Nobody signed for member 3's update, whose bytes nobody ever had where they are not stored."""
    world = World().open_job().open_round()
    for member in range(4):
        world.submit(member, stored=stored or member != 3)
    world.publish(0, without=[3])
    world.attest(1)
    world.attest(2)
    return world


def test_one_party_that_stores_nothing_cannot_make_every_verdict_unknown() -> None:
    world = left_out(stored=False)
    report = world.audit()
    assert report.right.answer == "yes"
    (owed,) = open_matters(report)
    assert (owed.touches, owed.check, owed.party) == ((), Check.BYTES, f"west ({key(3)})")


def test_an_update_without_a_certificate_in_one_attempt_and_used_by_another_is_needed() -> None:
    world = World().open_job().open_round()
    sent = [world.submit(member) for member in range(4)]
    world.publish(0, without=[3])
    for member in (1, 2):
        lies.oppose(world, member, world.receipts())
    world.publish(1)
    world.attest(2)
    world.attest(3)
    del world.files.files[sent[3].cid]
    report = world.audit()
    assert {f.touches for f in open_matters(report) if f.check is Check.BYTES} == {("model 1/1",)}


def test_bytes_without_a_certificate_that_can_be_had_are_a_notice_of_who_signed() -> None:
    world = left_out(stored=True)
    report = world.audit()
    assert report.right.answer == "yes"
    (notice,) = open_matters(report)
    assert "0 of 2 needed signed to hold it; not north, east, south, west; its bytes can be had now" in notice.why
    assert notice.cid == str(of_file(world.round.updates[3].cid, world.layout.size))


@pytest.mark.parametrize("change", ["altered", "unread", "left out", "foreign"])
def test_a_log_that_is_not_the_contracts_is_unknown(change: str) -> None:
    world = World().open_job().open_round()
    for member in range(4):
        world.submit(member)
    commitments = dict(world.observed().commitments)
    history = world.history
    if change == "altered":
        commitments[1, key(0)] = (bytes(28), 0)
    elif change == "unread":
        del commitments[1, key(0)]
    elif change == "foreign":
        commitments[1, key(9)] = (b"\x05" * 28, 1)
    else:
        deadline = {records.UpdateCommitted: 1000}
        kept = [e for e in world.events if not (isinstance(e, records.UpdateCommitted) and e.party == key(0))]
        kept = [structs.replace(e, deadline=deadline[type(e)]) if type(e) in deadline else e for e in kept]
        history = History(world.foundation, kept)
    report = world.audit(replace(world.observed(), commitments=commitments), history=history)
    found = [f for f in report.open.list if f.check is Check.HEADS]
    assert [f.fault for f in found] == ["the chain node"]
    assert report.right.answer == "unknown"
    assert found[0].party == (key(9) if change == "foreign" else NORTH)


@pytest.mark.parametrize("strikes", [0, 2, None])
def test_other_strikes_than_the_contract_keeps_are_a_damaged_log(strikes: int | None) -> None:
    world = World().open_job().honest_round().open_round(3)
    world.submit(0)
    world.open_pending().advance()
    observed = world.observed()
    assert observed.strikes[1, 3] == 1
    assert world.audit(observed).right.answer == "yes"
    kept = {place: count for place, count in observed.strikes.items() if place != (1, 3)}
    report = world.audit(replace(observed, strikes=kept if strikes is None else {**kept, (1, 3): strikes}))
    assert [(f.check, f.party) for f in open_matters(report)] == [(Check.HEADS, "west")]


def test_a_key_that_never_committed_has_nothing_on_record() -> None:
    world = honest()
    nothing = {(1, key(9)): (bytes(28), 0), (2, key(0)): (b"\x01" * 28, 1)}
    commitments = {**world.observed().commitments, **nothing}
    assert world.audit(replace(world.observed(), commitments=commitments)).right.answer == "yes"


@pytest.mark.parametrize("root", [None, b"\x07" * 32, bytes(32)])
def test_a_model_that_the_contract_does_not_know_is_a_damaged_log(root: bytes | None) -> None:
    world = honest()
    models = dict(world.observed().models)
    del models[1, 1]
    report = world.audit(replace(world.observed(), models=models if root is None else {**models, (1, 1): root}))
    assert [(f.check, f.fault, f.round) for f in open_matters(report)] == [(Check.HEADS, "the chain node", 1)]
    assert report.right.answer == "unknown"


def test_a_job_without_a_round_is_looked_at() -> None:
    world = World().open_job()
    report = world.audit()
    assert [(one.claim, one.answer) for one in report.right.claims] == [("code", "yes"), ("job 1", "yes")]
    assert report.passed[Check.JOB] == report.passed[Check.INITIAL] == 1
    world.files.files.clear()
    assert unknown(world.audit())[0].check is Check.JOB


def test_where_nothing_stands_nothing_is_wrong() -> None:
    report = World().audit(Observed({"RoundLedger": ("0x22", "0x22")}, None, {}, {}, {}))
    assert (report.right.answer, [one.claim for one in report.right.claims]) == ("yes", ["code"])


def test_code_that_was_not_read_is_unknown() -> None:
    world = honest()
    assert world.audit(replace(world.observed(), code={})).right.answer == "unknown"


def test_sources_that_could_not_be_compiled_are_open() -> None:
    world = honest()
    report = world.audit(replace(world.observed(), source="no compiler"))
    assert [f.why for f in report.open.list] == ["no compiler"]
    assert report.right.answer == "yes"


def test_a_model_that_vanishes_while_it_is_compared() -> None:
    """The lie is proven by the roots; where the bytes go away the evidence is less exact, no crash."""
    world = World().open_job().open_round()
    for member in range(4):
        world.submit(member)
    world.outcome(keep=(made := Kept()))
    size = world.layout.header_size
    data = bytearray(made.data)
    data[size + 4 * 400] ^= 1
    lie = world.files.put(bytes(data))
    world.publish(1, root=root_of(data[size:]), cid=lie.digest)
    fetch, asked = world.files.fetch, 0

    def once(cid: Cid, start: int, stop: int | None) -> Iterator[Any]:
        nonlocal asked
        asked += cid == lie
        if cid == lie and asked > 1:
            raise Unavailable("gone")
        return fetch(cid, start, stop)

    world.files.fetch = once  # type: ignore[method-assign]
    (found,) = world.audit().lies.list
    assert (found.state, found.tensor, found.chunk, found.value) == ("pending", "layer.weight", 1, None)


def test_scopes() -> None:
    world = honest().open_round()
    for question in (Question(), Question.of_job(1), Question.of_model(1, 1)):
        assert scope_of(world.history, question).rounds == [(1, 1), (1, 2), (1, 3)]
    assert scope_of(world.history, Question.of_round(1, 2)).rounds == [(1, 2)]
    for question in (Question.of_job(2), Question.of_round(1, 9), Question.of_model(1, 3), Question.of_model(2, 1)):
        with pytest.raises(UsageError):
            scope_of(world.history, question)


@given(place=st.integers(0, 7), bit=st.integers(0, 255), data=st.data())
def test_no_lying_contract_with_one_bit_altered_is_verified(place: int, bit: int, data: st.DataObject) -> None:
    """Altered at the source, everything after it in agreement: only recomputing shows it."""
    name = data.draw(st.sampled_from(["root", "cid", "verdicts", "receipts"]))
    world = World().open_job().honest_round().open_round()
    for member in range(4):
        world.submit(member)
    honest = world.outcome().claimed(world.standpoint(world.receipts()))
    world.publish(0, **{name: flipped(getattr(honest, name), bit)})
    for member in (1, 2):
        world.attest(member, world.aggregate.claim, NOTHING)
    report = world.audit()
    assert report.right.answer == ("unknown" if name == "receipts" else "no")


def flipped(value: Any, bit: int) -> Any:
    if isinstance(value, int):
        return value ^ (1 << bit % 9) or 1000
    data = bytearray(value)
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    return bytes(data)


BASELINE = honest()


def test_altered_is_altered() -> None:
    assert (altered(BASELINE.initial, 3) != BASELINE.initial).sum() == 1
