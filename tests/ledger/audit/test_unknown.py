"""What could not be looked at is UNKNOWN, never VERIFIED, and convicts nobody."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.worlds.signing import key
from support.worlds.world import World, altered

from ledger.audit import Observed, scope_of
from ledger.audit.report import AuditVerdict, Check, Finding, Report
from ledger.errors import Unavailable
from ledger.events import records
from ledger.formats.cid import Cid, of_file
from ledger.formats.claims import NO_HEAD
from ledger.formats.merkle import root_of
from ledger.history.fold import History, HistoryError
from ledger.rounds.admission import Verdict

NORTH = f"north ({key(0)})"


def honest() -> World:
    return World().open_job().honest_round().honest_round()


def unknown(report: Report) -> list[Finding]:
    assert report.verdict is AuditVerdict.UNKNOWN
    assert report.verdict.exit_code == 3
    assert not [f for f in report.findings if f.status == "refuted"]
    return [f for f in report.findings if f.status == "unknown"]


def named(world: World, cid: Cid) -> tuple[str, int | None]:
    """What a file is, and the round it belongs to."""
    known: dict[Cid, tuple[str, int | None]] = {world.job.cid: ("job", None), world.job.initial_cid: ("initial", None)}
    for round_ in world.state.rounds.values():
        for update in round_.updates.values():
            known[of_file(update.cid, world.layout.size)] = ("update", round_.number)
        known[of_file(round_.aggregates[-1].cid, world.layout.size)] = ("model", round_.number)
    return known[cid]


def test_an_honest_history_is_verified_and_says_how_much_was_checked() -> None:
    report = honest().audit()
    assert report.verdict is AuditVerdict.VERIFIED
    assert report.verdict.exit_code == 0
    assert report.findings == []
    assert report.skipped == [Check.SOURCE]
    assert {Check(number): count for number, count in report.passed.items()} == {
        Check.CODE: 2,
        Check.LOG: 27,
        Check.HEADS: 8,
        Check.JOB: 1,
        Check.INITIAL: 1,
        Check.BYTES: 8,
        Check.ADMISSION: 8,
        Check.AGGREGATE: 2,
        Check.ATTESTATION: 4,
        Check.SCORES: 0,
    }


@pytest.mark.parametrize("how", ["lost", "damaged"])
def test_without_any_one_file_nothing_is_verified(how: str) -> None:
    """Only the last model is not needed: the audit makes it again."""
    files = list(honest().files.files)
    assert len(files) == 12
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
            assert world.audit().verdict is AuditVerdict.VERIFIED
            continue
        findings = unknown(world.audit())
        expected = {"job": Check.JOB, "initial": Check.INITIAL, "update": Check.BYTES, "model": Check.AGGREGATE}[what]
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
    assert bytes_.culprit is None
    assert (aggregate.check, aggregate.round, aggregate.attempt) == (Check.AGGREGATE, 2, 1)
    assert NORTH in aggregate.message
    assert aggregate.culprit is None
    assert world.audit().passed[Check.AGGREGATE] == 2


def excused_world() -> World:
    """Member 3 registered bytes that nobody ever had, and everyone says so."""
    world = World().open_job().open_round()
    for member in range(4):
        world.submit(member, stored=member != 3)
    world.publish(0, world.outcome([3]))
    world.attest(1)
    world.attest(2)
    return world


def test_one_party_that_stores_nothing_cannot_make_every_verdict_unknown() -> None:
    world = excused_world()
    report = world.audit()
    assert report.verdict is AuditVerdict.VERIFIED
    (notice,) = report.findings
    assert (notice.status, notice.check, notice.party) == ("notice", Check.BYTES, f"west ({key(3)})")


def test_an_update_excused_by_one_attempt_and_used_by_another_is_needed() -> None:
    world = World().open_job().open_round()
    sent = [world.submit(member) for member in range(4)]
    world.publish(0, verdicts=bytes([0, 0, 0, 9]))
    for member in (1, 2):
        world.attest(member, world.outcome().claim)
    world.publish(1)
    world.attest(2)
    world.attest(3)
    del world.files.files[sent[3].cid]
    report = world.audit()
    assert {f.status for f in report.findings if f.check is Check.BYTES} == {"unknown"}


def test_bytes_that_come_back_are_a_notice() -> None:
    world = excused_world()
    update = world.round.updates[3]
    world = World(seed=1).open_job().open_round()
    for member in range(4):
        world.submit(member)
    world.publish(0, world.outcome([3]))
    world.attest(1)
    world.attest(2)
    report = world.audit()
    assert report.verdict is AuditVerdict.VERIFIED
    (notice,) = report.findings
    assert notice.message == "the update was left out as unavailable; its bytes can be had now"
    assert notice.cid == str(of_file(update.cid, world.layout.size))


@pytest.mark.parametrize("change", ["altered", "unread", "left out", "foreign"])
def test_a_log_that_is_not_the_contracts_is_unknown(change: str) -> None:
    world = World().open_job().open_round()
    for member in range(4):
        world.submit(member)
    heads = dict(world.observed().heads)
    history = world.history
    if change == "altered":
        heads[1, key(0)] = bytes(28)
    elif change == "unread":
        del heads[1, key(0)]
    elif change == "foreign":
        heads[1, key(9)] = b"\x05" * 28
    else:
        kept = [e for e in world.events if not (isinstance(e, records.UpdateSubmitted) and e.party == key(0))]
        history = History(world.foundation, kept)
    report = world.audit(replace(world.observed(), heads=heads), history=history)
    found = [f for f in report.findings if f.check is Check.HEADS]
    assert [f.status for f in found] == ["unknown"]
    assert report.verdict is AuditVerdict.UNKNOWN
    assert found[0].party == (key(9) if change == "foreign" else NORTH)


def test_a_key_that_never_submitted_has_no_head() -> None:
    world = honest()
    heads = {**world.observed().heads, (1, key(9)): NO_HEAD, (2, key(0)): b"\x01" * 28}
    assert world.audit(replace(world.observed(), heads=heads)).verdict is AuditVerdict.VERIFIED


@pytest.mark.parametrize("root", [None, b"\x07" * 32, bytes(32)])
def test_a_model_that_the_contract_does_not_know_is_a_damaged_log(root: bytes | None) -> None:
    world = honest()
    models = dict(world.observed().models)
    del models[1, 1]
    report = world.audit(replace(world.observed(), models=models if root is None else {**models, (1, 1): root}))
    assert [(f.check, f.status, f.round) for f in report.findings] == [(Check.HEADS, "unknown", 1)]
    assert report.verdict is AuditVerdict.UNKNOWN


def test_an_empty_scope_is_unknown() -> None:
    assert (
        World().open_job().audit(Observed({"RoundLedger": ("0x22", "0x22")}, None, {}, {}, {})).verdict
        is AuditVerdict.UNKNOWN
    )


def test_code_that_was_not_read_is_unknown() -> None:
    world = honest()
    assert world.audit(replace(world.observed(), code={})).verdict is AuditVerdict.UNKNOWN


def test_sources_that_could_not_be_compiled_are_unknown() -> None:
    world = honest()
    report = world.audit(replace(world.observed(), source="no compiler"))
    assert [f.message for f in unknown(report)] == ["no compiler"]


def test_a_model_that_vanishes_while_it_is_compared() -> None:
    """The lie is proven by the roots; where the bytes go away the evidence is less exact, no crash."""
    world = World().open_job().open_round()
    for member in range(4):
        world.submit(member)
    made: list[bytes] = []
    world.outcome(keep=lambda stream: made.extend(bytes(piece) for piece in stream))
    size = world.layout.header_size
    data = bytearray(b"".join(made))
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
    (found,) = world.audit().findings
    assert (found.status, found.tensor, found.chunk, found.value) == ("refuted", "layer.weight", 1, None)


def test_scopes() -> None:
    world = honest().open_round()
    assert scope_of(world.history) == [(1, 1), (1, 2), (1, 3)]
    assert scope_of(world.history, number=2) == scope_of(world.history, 1, 2) == [(1, 2)]
    assert scope_of(world.history, 2) == scope_of(world.history, 1, 9) == []


PUBLISHED = [
    (records.JobProposed, "digest"),
    (records.UpdateSubmitted, "weight"),
    (records.UpdateSubmitted, "root"),
    (records.UpdateSubmitted, "cid"),
    (records.AggregatePublished, "root"),
    (records.AggregatePublished, "cid"),
    (records.AggregatePublished, "verdicts"),
    (records.Attested, "claim"),
    (records.RoundFinalised, "root"),
    (records.RoundFinalised, "cid"),
]


@pytest.mark.parametrize(("kind", "name"), PUBLISHED, ids=lambda part: getattr(part, "__name__", part))
@given(place=st.integers(0, 7), bit=st.integers(0, 255))
def test_no_history_with_one_bit_altered_is_verified(
    kind: type[records.Event], name: str, place: int, bit: int
) -> None:
    """Altered on the way to the auditor: the fold refuses it, or a check does, and blames nobody; heads are true."""
    world = BASELINE
    chosen = [i for i, event in enumerate(world.events) if type(event) is kind]
    at = chosen[place % len(chosen)]
    event = world.events[at]
    changes: dict[str, Any] = {name: flipped(getattr(event, name), bit)}
    if kind is records.Attested:
        changes["agrees"] = False
    events = [*world.events[:at], msgspec.structs.replace(event, **changes), *world.events[at + 1 :]]
    try:
        history = History(world.foundation, events)
    except HistoryError:
        return
    report = world.audit(history=history)
    assert report.verdict is AuditVerdict.UNKNOWN
    assert [finding.culprit for finding in report.findings if finding.culprit] == []


@given(place=st.integers(0, 7), bit=st.integers(0, 255), data=st.data())
def test_no_lying_contract_with_one_bit_altered_is_verified(place: int, bit: int, data: st.DataObject) -> None:
    """Altered at the source, everything after it in agreement: only recomputing shows it."""
    name = data.draw(st.sampled_from(["root", "cid", "verdicts"]))
    world = World().open_job().honest_round().open_round()
    for member in range(4):
        world.submit(member)
    outcome = world.outcome()
    world.publish(0, **{name: flipped(getattr(outcome, name), bit)})
    for member in (1, 2):
        world.attest(member, world.aggregate.claim)
    report = world.audit()
    if report.verdict is not AuditVerdict.REFUTED:
        changed = world.aggregate.verdicts
        assert Verdict.UNAVAILABLE in changed
        assert report.verdict is AuditVerdict.UNKNOWN


def flipped(value: Any, bit: int) -> Any:
    if isinstance(value, int):
        return value ^ (1 << bit % 9) or 1000
    data = bytearray(value)
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    return bytes(data)


BASELINE = honest()


def test_altered_is_altered() -> None:
    assert (altered(BASELINE.initial, 3) != BASELINE.initial).sum() == 1
