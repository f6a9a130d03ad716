"""One test per lie: each is refuted, with the check, the culprit and the evidence it must name."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from support.worlds import lies
from support.worlds.chain import CONTRACT
from support.worlds.signing import key
from support.worlds.world import NAMES, World

from ledger.audit.report import AuditVerdict, Check, Finding, Report
from ledger.formats.cid import Cid

AGGREGATOR = f"east ({key(1)})"
MEMBER = f"south ({key(2)})"


@dataclass(frozen=True)
class Lie:
    tell: Callable[[], World]
    check: Check
    says: str
    fields: dict[str, Any] = field(default_factory=dict)
    others: frozenset[Check] = frozenset()


BY_AGGREGATOR = {"culprit": AGGREGATOR, "job": 1, "round": 2, "attempt": 1}
VALUE = BY_AGGREGATOR | {"tensor": "layer.weight", "value": 300, "chunk": 1}
LARGE = BY_AGGREGATOR | {"tensor": "layer.weight", "value": 555_555, "chunk": 2170}
PROPOSER = {"culprit": f"north ({key(0)})", "job": 1}
VOTE = {"culprit": MEMBER, "round": 2, "attempt": 1}
AGGREGATE, ADMISSION = Check.AGGREGATE, Check.ADMISSION
REST = frozenset({Check.AGGREGATE})
LIES = [
    Lie(lies.wrong_value, AGGREGATE, "differs in 1 of 3 chunks, first in value 300 of tensor 'layer.weight'", VALUE),
    Lie(lies.wrong_value_in_a_large_model, AGGREGATE, "differs in 1 of 2,344 chunks", LARGE),
    Lie(lies.wrong_value_members_agree, Check.ATTESTATION, "attested something other", VOTE, REST),
    Lie(lies.wrong_value_with_an_excuse, Check.ATTESTATION, "attested something other", VOTE, REST),
    Lie(lies.model_not_stored, AGGREGATE, "bytes could not be had", BY_AGGREGATOR),
    Lie(lies.another_file, AGGREGATE, "published CID is not that of its file", BY_AGGREGATOR),
    Lie(lies.root_of_another_file, AGGREGATE, "does not have the published root", BY_AGGREGATOR),
    Lie(lies.a_file_that_is_not_a_model, AGGREGATE, "is not a model of this round", BY_AGGREGATOR),
    Lie(lies.a_model_of_another_round, AGGREGATE, "is not a model of this round", BY_AGGREGATOR),
    Lie(
        lies.wrong_verdict, ADMISSION, "is not the one that the job's rules lead to", BY_AGGREGATOR | {"party": MEMBER}
    ),
    Lie(
        lies.unknown_verdict,
        ADMISSION,
        "is not the one that the job's rules lead to",
        BY_AGGREGATOR | {"actual": "200 (no such verdict)"},
    ),
    Lie(
        lies.bad_update_admitted,
        ADMISSION,
        "is not the one that the job's rules lead to",
        BY_AGGREGATOR | {"party": f"west ({key(3)})"},
    ),
    Lie(
        lies.too_few_verdicts,
        ADMISSION,
        "does not judge every update",
        BY_AGGREGATOR | {"expected": "4 verdicts", "actual": "3 verdicts"},
    ),
    Lie(lies.too_many_verdicts, ADMISSION, "does not judge every update", BY_AGGREGATOR),
    Lie(lies.no_model_though_one_can_be_made, AGGREGATE, "no model can be made, but one can", BY_AGGREGATOR),
    Lie(lies.a_model_though_none_can_be_made, AGGREGATE, "a model, but 1 update was admitted", BY_AGGREGATOR),
    Lie(lies.attests_against_the_truth, Check.ATTESTATION, "attested something other", VOTE | {"actual": "03" * 32}),
    Lie(lies.job_terms_differ, Check.JOB, "disagree on the terms", PROPOSER),
    Lie(lies.not_a_job, Check.JOB, "is not a job", PROPOSER),
    Lie(lies.no_document_at_all, Check.JOB, "is not a job", PROPOSER),
    Lie(lies.job_root_is_not_hexadecimal, Check.JOB, "initial_model.root", PROPOSER),
    Lie(lies.job_with_a_field_that_clears_the_screen, Check.JOB, "unknown field `\\x9b2J`", PROPOSER),
    Lie(lies.initial_model_altered, Check.INITIAL, "tensor root", PROPOSER),
    Lie(lies.initial_model_of_a_ledger, Check.INITIAL, "another kind", PROPOSER),
    Lie(lies.initial_model_truncated, Check.INITIAL, "truncated", PROPOSER),
]


def refutations(report: Report, check: Check | None = None) -> list[Finding]:
    return [f for f in report.findings if f.status == "refuted" and check in (None, f.check)]


def report_name(world: World, signer: str) -> str:
    member = world.history.member_of(signer)
    assert member is not None
    return f"{NAMES[member.index]} ({signer})"


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.tell.__name__)
def test_a_lie_is_refuted_by_name(lie: Lie) -> None:
    world = lie.tell()
    report = world.audit()
    assert report.verdict is AuditVerdict.REFUTED
    assert report.verdict.exit_code == 1
    found = refutations(report, lie.check)
    assert len(found) == 1, report.findings
    assert lie.says in found[0].message
    assert {name: getattr(found[0], name) for name in lie.fields} == lie.fields
    assert {f.check for f in refutations(report)} <= {lie.check} | lie.others
    for refuted in refutations(report):
        assert refuted.evidence is not None
        assert refuted.culprit == report_name(world, refuted.evidence.signer)
    assert report.to_json().isascii()


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
            world.attest(member)
        culprits = {f.culprit for f in refutations(world.audit())}
        assert culprits == {AGGREGATOR}, lie.tell.__name__


def test_a_false_verdict_beside_an_excuse_blames_nobody_else() -> None:
    world = lies.begun()
    world.publish(1, verdicts=bytes([0, 7, 0, 9]))
    world.attest(2)
    world.attest(3, world.outcome().claim)
    report = world.audit()
    assert {f.culprit for f in refutations(report)} == {AGGREGATOR}
    notices = {f.check for f in report.findings if f.status == "notice"}
    assert notices == {ADMISSION, Check.ATTESTATION}


def test_the_round_after_a_lie_is_judged_on_its_own() -> None:
    world = lies.wrong_value()
    for member in (2, 3):
        world.attest(member)
    world.publish(2)
    world.attest(0)
    world.attest(3)
    report = world.audit()
    assert [(f.attempt, f.culprit) for f in refutations(report)] == [(1, AGGREGATOR)]
    assert world.audit(number=1).verdict is AuditVerdict.VERIFIED
    assert report.passed[Check.AGGREGATE] == 2


def test_code_that_is_not_the_pinned_one() -> None:
    world = World().open_job().honest_round()
    observed = world.observed()
    code = {"RoundLedger": ("0x22", "0x23")}
    report = world.audit(replace(observed, code=code, source={"RoundLedger": False}))
    assert [(f.check, f.status) for f in report.findings] == [(Check.CODE, "refuted"), (Check.SOURCE, "refuted")]
    assert report.ledger == CONTRACT
