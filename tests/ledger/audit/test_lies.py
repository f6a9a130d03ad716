"""One test per lie: each is refuted, with the check, the culprit and the evidence it must name."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import pytest
from support.worlds import lies
from support.worlds.chain import CONTRACT
from support.worlds.signing import key
from support.worlds.world import NAMES, World, culprit, open_matters

from ledger.audit import Question
from ledger.audit.report import Check, Lie, Report
from ledger.events import records
from ledger.events.rounds import Form
from ledger.formats.cid import Cid
from ledger.formats.digest import sha256

AGGREGATOR = f"east ({key(1)})"
MEMBER = f"south ({key(2)})"


@dataclass(frozen=True)
class Told:
    tell: Callable[[], World]
    check: Check
    says: str
    fields: dict[str, Any] = field(default_factory=dict)
    others: frozenset[Check] = frozenset()
    state: str = "pending"
    answer: str = "no"
    signed: bool = False
    """Whether members signed the history up to here."""


BY_AGGREGATOR = {"culprit": AGGREGATOR, "job": 1, "round": 2, "attempt": 1}
VALUE = BY_AGGREGATOR | {"tensor": "layer.weight", "value": 300, "chunk": 1}
LARGE = BY_AGGREGATOR | {"tensor": "layer.weight", "value": 555_555, "chunk": 2170}
PROPOSER = {"culprit": f"north ({key(0)})", "job": 1}
VOTE = {"culprit": MEMBER, "round": 2, "attempt": 1}
ALONE = VOTE | {"actual": "03" * 32}
AGGREGATE, ADMISSION = Check.AGGREGATE, Check.ADMISSION
REST = frozenset({Check.AGGREGATE})
LIES = [
    Told(lies.wrong_value, AGGREGATE, "differs in 1 of 3 chunks, first in value 300 of tensor 'layer.weight'", VALUE),
    Told(lies.wrong_value_in_a_large_model, AGGREGATE, "differs in 1 of 2,344 chunks", LARGE),
    Told(lies.wrong_value_members_agree, Check.ATTESTATION, "attested something other", VOTE, REST),
    Told(lies.wrong_value_with_an_excuse, Check.ATTESTATION, "attested something other", VOTE, REST),
    Told(lies.model_not_stored, AGGREGATE, "bytes could not be had", BY_AGGREGATOR),
    Told(lies.another_file, AGGREGATE, "published CID is not that of its file", BY_AGGREGATOR),
    Told(lies.root_of_another_file, AGGREGATE, "does not have the published root", BY_AGGREGATOR),
    Told(lies.a_file_that_is_not_a_model, AGGREGATE, "is not a model of this round", BY_AGGREGATOR),
    Told(lies.a_model_of_another_round, AGGREGATE, "is not a model of this round", BY_AGGREGATOR),
    Told(
        lies.wrong_verdict, ADMISSION, "is not the one that the job's rules lead to", BY_AGGREGATOR | {"party": MEMBER}
    ),
    Told(
        lies.unknown_verdict,
        ADMISSION,
        "is not the one that the job's rules lead to",
        BY_AGGREGATOR | {"actual": "200 (no such verdict)"},
    ),
    Told(
        lies.bad_update_admitted,
        ADMISSION,
        "is not the one that the job's rules lead to",
        BY_AGGREGATOR | {"party": f"west ({key(3)})"},
    ),
    Told(
        lies.uses_bytes_without_a_certificate,
        ADMISSION,
        "0 members signed to hold it, 2 are needed",
        BY_AGGREGATOR | {"party": f"west ({key(3)})", "actual": "0 (admitted)"},
        REST,
    ),
    Told(
        lies.leaves_out_what_has_a_certificate,
        ADMISSION,
        "is not the one that the job's rules lead to",
        BY_AGGREGATOR | {"party": f"west ({key(3)})", "expected": "0 (admitted)"},
        REST,
    ),
    Told(
        lies.head_of_another_history,
        Check.SIGNED,
        "is not that of the ledger's events",
        BY_AGGREGATOR,
        state="caught",
        answer="yes",
    ),
    Told(lies.no_model_though_one_can_be_made, AGGREGATE, "no model can be made, but one can", BY_AGGREGATOR),
    Told(lies.a_model_though_none_can_be_made, AGGREGATE, "a model, but 1 update was admitted", BY_AGGREGATOR),
    Told(
        lies.attests_against_the_truth,
        Check.ATTESTATION,
        "attested something other",
        VOTE | {"actual": "03" * 32},
        answer="yes",
    ),
    Told(
        lies.agrees_with_a_copied_witness,
        Check.ATTESTATION,
        f"but a copy of that of north ({key(0)})",
        VOTE,
        state="caught",
        answer="yes",
    ),
    Told(
        lies.agrees_without_computing,
        Check.ATTESTATION,
        "it agreed without computing",
        VOTE | {"actual": "01" * 32},
        state="caught",
        answer="yes",
    ),
    Told(lies.job_model_differs, Check.JOB, "disagree on the models", PROPOSER, state="standing"),
    Told(lies.job_terms_differ, Check.JOB, "disagree on the terms", PROPOSER, state="standing"),
    Told(lies.masks_differ, Check.JOB, "disagree on the masks", PROPOSER, state="standing", signed=True),
    Told(lies.masks_untold, Check.JOB, "told the contract of none", PROPOSER, state="standing", signed=True),
    Told(lies.masks_not_asked_for, Check.JOB, "the document asks for none", PROPOSER, state="standing", signed=True),
    Told(lies.costs_differ, Check.JOB, "disagree on the costs", PROPOSER, state="standing", signed=True),
    Told(lies.costs_untold, Check.JOB, "told the contract of none", PROPOSER, state="standing", signed=True),
    Told(lies.costs_not_asked_for, Check.JOB, "the document asks for none", PROPOSER, state="standing", signed=True),
    Told(lies.not_a_job, Check.JOB, "is not a job", PROPOSER, state="standing"),
    Told(lies.no_document_at_all, Check.JOB, "is not a job", PROPOSER, state="standing"),
    Told(lies.job_root_is_not_hexadecimal, Check.JOB, "initial_model.root", PROPOSER, state="standing"),
    Told(
        lies.job_with_a_field_that_clears_the_screen, Check.JOB, "unknown field `\\x9b2J`", PROPOSER, state="standing"
    ),
    Told(lies.initial_model_altered, Check.INITIAL, "tensor root", PROPOSER, state="standing"),
    Told(lies.initial_model_of_a_ledger, Check.INITIAL, "another kind", PROPOSER, state="standing"),
    Told(lies.initial_model_truncated, Check.INITIAL, "truncated", PROPOSER, state="standing"),
]


def refutations(report: Report, check: Check | None = None) -> list[Lie]:
    return [lie for lie in report.lies.list if check in (None, lie.check)]


def report_name(world: World, signer: str) -> str:
    member = world.history.member_of(signer)
    assert member is not None
    return f"{NAMES[member.index]} ({signer})"


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.tell.__name__)
def test_a_lie_is_refuted_by_name(lie: Told) -> None:
    world = lie.tell()
    report = world.audit(signed_to=world.block if lie.signed else -1)
    assert (report.right.answer, report.lies.answer) == (lie.answer, lie.state)
    assert report.exit == (1 if lie.answer == "no" else 0)
    found = refutations(report, lie.check)
    assert len(found) == 1, report.lies
    assert lie.says in found[0].why
    known = {"culprit": culprit(found[0])} | msgspec.structs.asdict(found[0])
    assert {name: known[name] for name in lie.fields} == lie.fields
    assert {f.check for f in refutations(report)} <= {lie.check} | lie.others
    for refuted in refutations(report):
        assert culprit(refuted) == report_name(world, refuted.evidence.signer)
    assert report.to_json().isascii()


@pytest.mark.parametrize("lie", [one for one in LIES if one.signed], ids=lambda lie: lie.tell.__name__)
def test_what_a_node_can_hide_of_a_job_is_no_lie_of_its_proposer(lie: Told) -> None:
    """Under no signed head a node could leave out what was told of masks and costs, or show it for another job."""
    report = lie.tell().audit()
    assert (report.right.answer, report.lies.answer) == ("unknown", "none")
    (found,) = open_matters(report)
    assert lie.says in found.why
    assert "too few members have signed" in found.why


def test_the_value_is_shown_as_it_should_be_and_as_it_is() -> None:
    world = lies.wrong_value()
    (found,) = refutations(world.audit())
    assert int(found.actual or "") == int(found.expected or "") + 1
    assert int(found.expected or "") == lies.honest_values(world)[310]
    assert found.cid == str(Cid(0x55, world.aggregate.cid))
    assert found.tx == world.aggregate.tx.hex()


@pytest.mark.parametrize("at", [0, 9, 10, 255, 256, 511, 512, 609])
def test_the_value_is_found_wherever_it_stands(at: int) -> None:
    world = lies.begun()
    lies.publish_altered(world, at)
    (found,) = refutations(world.audit())
    tensor, value = ("layer.bias", at) if at < 10 else ("layer.weight", at - 10)
    assert (found.tensor, found.value, found.chunk) == (tensor, value, at // 256)


def test_honest_members_that_refute_a_lie_are_not_blamed() -> None:
    """Each lie of an aggregator, voted down by members that recompute as the audit does: nobody else is named."""
    for lie in LIES:
        if lie.fields.get("culprit") != AGGREGATOR:
            continue
        world = lie.tell()
        for member in (2, 3):
            if world.round.number == 2 and world.round.attempt == 1:
                world.attest(member)
        culprits = {culprit(f) for f in refutations(world.audit())}
        assert culprits == {AGGREGATOR}, lie.tell.__name__


def test_a_false_verdict_beside_another_honest_view_blames_nobody_else() -> None:
    """South recomputes under east's receipts, west under its own, in which its own update has a certificate."""
    world = lies.begun()
    world.open_pending()
    for _ in range(2):
        world.emit(records.Announced, index=0, gateway="")
    world.publish(1, without=[3], verdicts=bytes([0, 7, 0, 9]))
    world.attest(2)
    lies.oppose(world, 3, world.receipts())
    report = world.audit()
    assert {culprit(f) for f in refutations(report)} == {AGGREGATOR}
    assert {one.check for one in open_matters(report)} == {Check.LOG}
    assert report.passed[Check.ATTESTATION] == 2 + 2


def test_a_claim_that_recomputes_under_no_receipts_is_a_lie() -> None:
    world = lies.begun()
    world.publish(1, without=[3])
    world.say(2, Form.OTHER, bytes([3]) * 32, sha256(world.receipts()))
    world.attest(0)
    (found,) = refutations(world.audit())
    assert (culprit(found), found.check, found.actual) == (MEMBER, Check.ATTESTATION, "03" * 32)


def test_a_claim_is_not_judged_while_its_history_or_its_receipts_are_unknown() -> None:
    """The claim hides its head: until members sign the history up to there, a server may have hidden an event."""
    world = lies.begun()
    world.publish(1)
    world.attest(2, bytes([3]) * 32)
    assert refutations(world.audit()) == []
    assert "too few members have signed" in open_matters(world.audit())[0].why
    world = lies.begun()
    world.publish(1)
    world.say(2, Form.OTHER, bytes([3]) * 32, bytes([9]) * 32)
    world.attest(0)
    assert refutations(world.audit()) == []
    assert [one.fault for one in open_matters(world.audit()) if one.check is Check.ATTESTATION] == [MEMBER]


def test_who_lacks_bytes_is_not_blamed_and_blames_nobody() -> None:
    world = lies.begun()
    world.publish(1)
    world.say(2, Form.MISSING, world.aggregate.claim, (1 << 3).to_bytes(32))
    world.say(3, Form.MISSING, world.aggregate.claim, (1 << 255).to_bytes(32))
    report = world.audit()
    assert report.lies.answer == "none"
    told = [one.why for one in open_matters(report) if one.check is Check.ATTESTATION]
    assert told == ["it could not have the updates of west", "it could not have the receipts file"]


def test_a_receipts_file_that_breaks_the_form_certifies_nothing() -> None:
    """So there can be no model, and one that is published is a lie."""
    report = lies.receipts_that_are_none().audit()
    assert {(culprit(f), f.check) for f in refutations(report)} == {(AGGREGATOR, ADMISSION), (AGGREGATOR, AGGREGATE)}
    assert len(refutations(report, ADMISSION)) == 4


def test_a_head_that_is_not_signed_yet_is_in_doubt_and_nobody_is_blamed() -> None:
    world = lies.begun()
    world.publish(1, head=bytes([4]) * 32)
    world.attest(2)
    report = world.audit(question=Question.of_round(1, 2))
    assert (report.right.answer, report.lies.answer) == ("unknown", "none")
    (found,) = [one for one in open_matters(report) if one.check is Check.SIGNED]
    assert "no majority has signed either" in found.why
    assert world.audit().right.answer == "yes"


def test_the_round_after_a_lie_is_judged_on_its_own() -> None:
    world = lies.wrong_value()
    for member in (2, 3):
        world.attest(member)
    world.publish(2)
    world.attest(0)
    world.attest(3)
    report = world.audit()
    assert [(f.attempt, culprit(f)) for f in refutations(report)] == [(1, AGGREGATOR)]
    assert world.audit(question=Question.of_round(1, 1)).right.answer == "yes"
    assert report.passed[Check.AGGREGATE] == 2


def test_code_that_is_not_the_pinned_one() -> None:
    world = World().open_job().honest_round()
    observed = world.observed()
    report = world.audit(replace(observed, code={"RoundLedger": ("0x22", "0x23")}))
    assert (report.right.answer, report.exit, report.lies.answer) == ("unknown", 3, "none")
    (found,) = open_matters(report)
    assert (found.check, found.fault, found.actual) == (Check.CODE, "the chain node", "0x23")
    assert report.ledger == CONTRACT


def test_code_that_is_not_these_sources_compiled() -> None:
    world = World().open_job().honest_round()
    report = world.audit(replace(world.observed(), source={"RoundLedger": False}))
    assert (report.right.answer, report.exit, report.lies.answer) == ("no", 1, "none")
    assert [(one.claim, one.why) for one in report.right.claims if one.answer == "no"] == [
        ("code", "the code of RoundLedger on chain is not these sources compiled")
    ]
