"""The project's verdict on bundles: what is right, what is a lie and whose, what is missing, and what is left open."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.bundles import Staged
from support.corpus.scene import Draw
from support.corpus.voting import Voting, bent
from support.worlds.signing import key
from support.worlds.world import LIMITS

from ledger.bundle.check import BundleCheck, check_bundle
from ledger.bundle.findings import BundleVerdict
from ledger.bundle.form import BundleScope
from ledger.events.records import Form
from ledger.formats.artifact import Tensor
from ledger.formats.digest import NOTHING
from ledger.jobs.document import Admission
from ledger.jobs.rules import GeometricMedian, Median, Rule, TrimmedMean, WeightedMean

FALSE = b"\x07" * 32


def checked(staged: Staged, folder: Path, scope: BundleScope | None = None) -> BundleVerdict:
    path = staged.write(folder / "it.car", scope) if scope else staged.write(folder / "it.car")
    return check_bundle(path)


def said(verdict: BundleVerdict) -> list[tuple[str, str, int, int, int]]:
    return [(one.check, one.code, one.round, one.attempt, one.value) for one in verdict.findings]


def submitted(staged: Staged, opener: int = 0) -> Staged:
    staged.open_round(opener)
    for member in range(len(staged.keys)):
        staged.submit(member)
    staged.open_updates()
    return staged


@pytest.mark.parametrize("members", [4, 5])
@pytest.mark.parametrize("rule", [WeightedMean(), Median(), TrimmedMean(1)], ids=["mean", "median", "trimmed"])
def test_what_honest_members_did_is_verified(rule: Rule, members: int, tmp_path: Path) -> None:
    staged = Staged(members, rule=rule, limits=Admission(3, 1000, 1 << 20, 1 << 28), seed=members)
    found = checked(staged.honest_round().honest_round(), tmp_path)
    assert (found.verdict, found.findings, found.scope) == ("VERIFIED", (), "job 1, all rounds")
    counted = {"ADMISSION": 2 * members, "AGGREGATE": 2, "CONVICTION": 0, "JOB": 1}
    assert found.checked == counted | {"REPLAY": len(staged.mined), "SIGNATURES": len(staged.mined)}


def test_files_of_several_blocks_and_openings_in_several_calls(tmp_path: Path) -> None:
    staged = Staged(tensors=(Tensor("a", (3, 100_001)),))
    staged.open_round()
    for member in range(4):
        staged.submit(member)
    staged.open_updates(0, 1, 2, 1)
    staged.publish()
    staged.attest(1, 2)
    assert checked(staged, tmp_path).verdict == "VERIFIED"


def test_right_verdicts_on_bad_updates_are_no_lies(tmp_path: Path) -> None:
    staged = Staged(6)
    staged.open_round()
    staged.submit(0)
    staged.submit(1, weight=2000)
    staged.submit(2, root=b"\x01" * 32)
    staged.submit(3, np.full(staged.layout.values, 1 << 21, "<i4"))
    staged.submit(4, data=b"something else, and not as long")
    staged.submit(5)
    staged.open_updates()
    staged.publish()
    staged.attest(1, 2, 3)
    found = checked(staged, tmp_path)
    assert list(staged.round.aggregates[0].verdicts) == [0, 6, 5, 7, 1, 0]
    assert (found.verdict, found.checked["ADMISSION"]) == ("VERIFIED", 6)


LIES: dict[str, tuple[dict[str, object], tuple[str, str, int, int, int]]] = {
    "root": ({"root": FALSE}, ("AGGREGATE", "ROOT", 1, 1, 0)),
    "cid": ({"cid": FALSE}, ("AGGREGATE", "CID", 1, 1, 0)),
    "carried": ({"carried": FALSE}, ("AGGREGATE", "CARRIED", 1, 1, 0)),
    "verdict": ({"verdicts": bytes([0, 0, 7, 0])}, ("ADMISSION", "VERDICT", 1, 1, 2)),
    "no model": ({"root": NOTHING, "cid": NOTHING}, ("AGGREGATE", "ROOT", 1, 1, 0)),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_that_stands_names_those_who_signed_it_and_nobody_else(name: str, tmp_path: Path) -> None:
    lies, expected = LIES[name]
    staged = submitted(Staged())
    staged.publish(**lies)
    staged.attest(1, 2)
    found = checked(staged, tmp_path)
    assert (found.verdict, found.exit) == ("REFUTED", 1)
    refuting = [one for one in found.findings if one.check != "SCOPE"]
    assert said(found)[-1] == expected
    assert [one.who for one in refuting] == [tuple(sorted((staged.keys[i] for i in range(3)), key=str.lower))]


def test_a_lie_that_was_caught_is_told_and_does_not_refute(tmp_path: Path) -> None:
    staged = submitted(Staged())
    staged.publish(root=FALSE)
    staged.attest(1, 2, form=Form.OTHER)
    staged.publish(1)
    staged.attest(0, 2)
    found = checked(staged, tmp_path)
    assert (found.verdict, said(found)) == ("VERIFIED", [("CAUGHT", "ROOT", 1, 1, 0)])
    assert found.findings[0].who == (staged.keys[0],)


def test_a_base_with_a_false_root_is_none_whatever_attempt_had_its_cid_right(tmp_path: Path) -> None:
    staged = submitted(Staged())
    staged.publish()
    staged.attest(1, 2, form=Form.MISSING)
    staged.publish(1, root=FALSE)
    staged.attest(0, 2)
    submitted(staged, 1)
    staged.publish(1, root=b"\x08" * 32, cid=b"\x09" * 32)
    staged.attest(0, 2)
    found = checked(staged, tmp_path)
    assert said(found) == [("AGGREGATE", "ROOT", 1, 2, 0), ("AGGREGATE", "BASE", 2, 0, 0)]


def test_what_an_aggregate_calls_unavailable_is_left_open(tmp_path: Path) -> None:
    staged = submitted(Staged())
    staged.publish(without=[2])
    staged.attest(1, 2)
    found = checked(staged, tmp_path)
    assert (found.verdict, said(found)) == ("UNKNOWN", [("ADMISSION", "UNAVAILABLE", 1, 1, 2)])
    assert found.checked["ADMISSION"] == 3


def lost_update(staged: Staged) -> None:
    del staged.files.blocks[staged.state.rounds[1].updates[2].cid]


def lost_base(staged: Staged) -> None:
    del staged.files.blocks[staged.job.initial_cid.digest]


def lost_model(staged: Staged) -> None:
    final = staged.state.rounds[1].final
    assert final is not None
    del staged.files.blocks[final.cid]


def lost_document(staged: Staged) -> None:
    del staged.files.blocks[staged.state.digest]


@pytest.mark.parametrize(
    ("lose", "code", "round_", "member"),
    [
        (lost_update, "MISSING", 1, 2),
        (lost_base, "BASE", 1, 0),
        (lost_model, "BASE", 2, 0),
        (lost_document, "MISSING", 0, 0),
    ],
)
def test_missing_bytes_are_unknown_and_it_is_said_who_owed_them(
    lose: Callable[[Staged], None], code: str, round_: int, member: int, tmp_path: Path
) -> None:
    staged = Staged().honest_round().honest_round()
    lose(staged)
    found = checked(staged, tmp_path)
    assert (found.verdict, found.exit) == ("UNKNOWN", 4)
    assert [(one.code, one.round, one.who) for one in found.findings] == [(code, round_, (staged.keys[member],))]
    assert len(staged.written.lacking) == 1


def test_scopes_say_what_they_leave_out(tmp_path: Path) -> None:
    staged = Staged().honest_round().honest_round()
    later = checked(staged, tmp_path, BundleScope("rounds", 1, 2))
    assert (later.verdict, later.checked["AGGREGATE"]) == ("VERIFIED", 1)
    assert later.scope == "job 1, from round 2; the model before is attested, not recomputed"
    released = checked(staged, tmp_path, BundleScope("release", 1, 1, 1, "heart@1"))
    assert (released.verdict, released.scope) == ("VERIFIED", "release heart@1: job 1, rounds 1 to 1")
    evidence = checked(staged, tmp_path, BundleScope("evidence"))
    assert (evidence.verdict, said(evidence)) == ("UNKNOWN", [("SCOPE", "BYTES", 0, 0, 0)])


@pytest.mark.parametrize(
    "scope", [BundleScope("rounds", 1, 2), BundleScope("release", 1, 1, 2, "heart@2"), BundleScope("rounds", 7, 1)]
)
def test_an_empty_scope_is_unknown(scope: BundleScope, tmp_path: Path) -> None:
    staged = Staged().honest_round()
    found = checked(staged, tmp_path, scope)
    assert found.verdict == "UNKNOWN"
    assert ("SCOPE", "EMPTY") in [(one.check, one.code) for one in found.findings]


def test_a_job_that_is_not_plain_is_said_to_be(tmp_path: Path) -> None:
    staged = Staged(rule=GeometricMedian())
    found = checked(submitted(staged), tmp_path)
    assert found.verdict == "UNKNOWN"
    job = next(one for one in found.findings if one.check == "JOB")
    assert (job.code, job.value, job.actual) == ("UNSUPPORTED", 0, "aggregation.rule")


def test_terms_that_are_not_the_document_s_name_who_signed_them(tmp_path: Path) -> None:
    staged = Staged(opened=False)
    staged.propose(staged.job.encode().replace(b'"max_weight":1000', b'"max_weight":1001'))
    found = checked(staged.honest_round(), tmp_path)
    assert found.verdict == "REFUTED"
    lie = found.findings[-1]
    assert (lie.code, lie.value, lie.expected, lie.actual) == ("TERMS", 5, "1001", "1000")
    assert lie.who == (staged.keys[0],)


def test_a_document_that_is_none_is_unknown(tmp_path: Path) -> None:
    staged = Staged(opened=False)
    staged.propose(b'{"a":' * 50 + b"1" + b"}" * 50)
    found = checked(staged, tmp_path)
    assert [one.code for one in found.findings] == ["EMPTY", "DOCUMENT"]


def test_weights_are_capped_by_member(tmp_path: Path) -> None:
    limits = Admission(2, LIMITS.max_weight, LIMITS.max_value, LIMITS.max_norm, {"1": 5})
    staged = Staged(limits=limits).honest_round()
    assert list(staged.round.aggregates[0].verdicts) == [0, 6, 0, 0]
    assert checked(staged, tmp_path).verdict == "VERIFIED"


def test_a_key_is_rotated_by_its_owner_and_by_the_others(tmp_path: Path) -> None:
    from support.worlds.signing import key

    staged = Staged().honest_round()
    staged.send(3, "consortium", "rotateKey", key(3, 1))
    staged.keys[3] = key(3, 1)
    for member in (0, 1, 3):
        staged.send(member, "consortium", "approveRotation", 2, key(2, 1))
    staged.keys[2] = key(2, 1)
    found = checked(staged.honest_round(), tmp_path)
    assert (found.verdict, found.findings) == ("VERIFIED", ())


def test_members_by_vote_are_counted(tmp_path: Path) -> None:
    """Three of four admit a fifth: one by its own call, two by signatures in a batch beside one that is bent."""
    scene = Voting(Draw("members by vote", 0), 4)
    motion = scene.admission(key(4))
    scene.say(motion, 1)
    votes = [scene.signed_vote(motion, member) for member in (2, 3)]
    scene.relay(motion, bent(votes[1], 5, b"\7" * 32), *votes, by=key(20))
    scene.wait()
    scene.carry_out(motion, by=key(20))
    scene.keys.append(key(4))
    scene.honest(4)
    found = checked(scene, tmp_path)
    assert (found.verdict, said(found)) == ("VERIFIED", [])
    assert found.checked["ADMISSION"] == 5
    assert found.checked["SIGNATURES"] == found.checked["REPLAY"] + 2 == len(scene.mined) + 2


def test_short_updates_are_read_without_further_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Staged().honest_round().write(tmp_path / "it.car")
    monkeypatch.delattr("ledger.rounds.one_pass.ThreadPoolExecutor")
    found = check_bundle(path, BundleCheck(threads=2))
    assert (found.verdict, found.checked["ADMISSION"]) == ("VERIFIED", 4)
