"""One test per lie: each is refuted, with the check, the culprit and the evidence it must name."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import pytest
from ledger_world import CONTRACT, LIMITS, TERMS, World, altered, artifact, key

from ledger.artifact import Tensor
from ledger.cid import Cid
from ledger.merkle import root_of
from ledger.report import Check, Finding, Report, Verdict
from ledger.rounds import NOTHING, base_of, initial_binding, model_binding

BIG = (Tensor("layer.bias", (10,)), Tensor("layer.weight", (600, 1000)))
AGGREGATOR = f"east ({key(1)})"
MEMBER = f"south ({key(2)})"


def begun(updates: int = 4, **options: Any) -> World:
    """A second round with updates of all members, the first one honest and final."""
    world = World(**options).open_job().honest_round().open_round()
    for member in range(updates):
        world.submit(member)
    return world


def model_file(world: World, values: np.ndarray) -> tuple[bytes, Cid]:
    """A model stored for the current round, and its root."""
    base = base_of(world.state, world.job, world.round.number)
    binding = model_binding(world.place, 1, world.round.number, base.root)
    return root_of(values), world.files.put(artifact(world.layout, binding, values))


def honest_values(world: World) -> np.ndarray:
    pieces: list[bytes] = []
    world.outcome(keep=lambda stream: pieces.extend(bytes(piece) for piece in stream))
    data = b"".join(pieces)
    world.files.put(data)
    return np.frombuffer(data, "<i4", offset=world.layout.header_size)


def publish_altered(world: World, at: int) -> None:
    root, cid = model_file(world, altered(honest_values(world), at))
    world.publish(1, root=root, cid=cid.digest)


def wrong_value() -> World:
    world = begun()
    publish_altered(world, 10 + 300)
    return world


def wrong_value_in_a_large_model() -> World:
    world = begun(tensors=BIG)
    publish_altered(world, 10 + 555_555)
    return world


def wrong_value_members_agree() -> World:
    world = wrong_value()
    world.attest(2, world.aggregate.claim)
    return world


def wrong_value_with_an_excuse() -> World:
    """The model is false, and an update is called unavailable: who agrees has signed the false model all the same."""
    world = begun()
    honest = honest_values(world)
    root, cid = model_file(world, altered(honest, 0))
    world.publish(1, root=root, cid=cid.digest, verdicts=bytes([0, 0, 0, 9]))
    world.attest(2, world.aggregate.claim)
    return world


def model_not_stored() -> World:
    world = begun()
    root, cid = model_file(world, altered(honest_values(world), 0))
    del world.files.files[cid]
    world.publish(1, root=root, cid=cid.digest)
    return world


def another_file() -> World:
    world = begun()
    honest_values(world)
    world.publish(1, cid=world.files.put(b"no model").digest)
    return world


def root_of_another_file() -> World:
    world = begun()
    _, cid = model_file(world, honest_values(world))
    world.publish(1, root=bytes([7]) * 32, cid=cid.digest)
    return world


def a_file_that_is_no_model() -> World:
    world = begun()
    world.publish(1, root=bytes([7]) * 32, cid=world.files.put(b"\x1b[2J" * 900).digest)
    return world


def a_model_of_another_round() -> World:
    world = begun()
    first = world.state.rounds[1].aggregates[0]
    world.publish(1, root=first.root, cid=first.cid)
    return world


def wrong_verdict() -> World:
    world = begun()
    world.publish(1, verdicts=bytes([0, 0, 7, 0]))
    return world


def unknown_verdict() -> World:
    world = begun()
    world.publish(1, verdicts=bytes([0, 0, 200, 0]))
    return world


def bad_update_admitted() -> World:
    world = begun(3)
    world.submit(3, weight=LIMITS.max_weight + 1)
    world.publish(1, verdicts=bytes(4))
    return world


def too_few_verdicts() -> World:
    world = begun()
    world.publish(1, verdicts=bytes(3))
    return world


def too_many_verdicts() -> World:
    world = begun()
    world.publish(1, verdicts=bytes([0, 9, 0, 0, 0]))
    return world


def no_model_though_one_can_be_made() -> World:
    world = begun()
    world.publish(1, root=NOTHING, cid=NOTHING)
    return world


def a_model_though_none_can_be_made() -> World:
    world = begun(1)
    root, cid = model_file(world, world.initial)
    world.publish(1, root=root, cid=cid.digest)
    return world


def attests_against_the_truth() -> World:
    world = begun()
    world.publish(1)
    world.attest(2, bytes([3]) * 32)
    return world


def job_terms_differ() -> World:
    world = World()
    world.open_job(terms=msgspec.structs.replace(TERMS, attempts=9))
    return world.honest_round()


def no_job() -> World:
    world = World()
    digest = world.files.put(b'{"fedledger": "job/1"}').digest
    return world.open_job(digest=digest).honest_round()


def no_document_at_all() -> World:
    world = World()
    return world.open_job(digest=world.files.put(b"\x80\x04.").digest).honest_round()


def job_root_is_no_hexadecimal() -> World:
    world = World()
    data = world.job.encode().replace(world.job.initial_model.root.encode(), b"z" * 64)
    return world.open_job(digest=world.files.put(data).digest).honest_round()


def job_with_a_field_that_clears_the_screen() -> World:
    world = World()
    data = world.job.encode().replace(b'"name":"tabular"', b'"\\u001b[2J":1,"name":"tabular"')
    return world.open_job(digest=world.files.put(data).digest).honest_round()


def initial(world: World, data: bytes, root: bytes | None = None) -> World:
    said = {"cid": str(world.files.put(data)), "root": (root or root_of(world.initial)).hex()}
    model = msgspec.structs.replace(world.job.initial_model, **said)
    world.job = msgspec.structs.replace(world.job, initial_model=model)
    world.files.put(world.job.encode())
    return world.open_job().open_round()


def initial_model_altered() -> World:
    world = World()
    return initial(world, artifact(world.layout, initial_binding(), altered(world.initial, 5)))


def initial_model_of_a_ledger() -> World:
    world = World()
    return initial(world, artifact(world.layout, model_binding(world.place, 1, 1, bytes(32)), world.initial))


def initial_model_truncated() -> World:
    world = World()
    return initial(world, artifact(world.layout, initial_binding(), world.initial)[:-2])


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
    Lie(wrong_value, AGGREGATE, "differs in 1 of 3 chunks, first in value 300 of tensor 'layer.weight'", VALUE),
    Lie(wrong_value_in_a_large_model, AGGREGATE, "differs in 1 of 2344 chunks", LARGE),
    Lie(wrong_value_members_agree, Check.ATTESTATION, "attested something else", VOTE, REST),
    Lie(wrong_value_with_an_excuse, Check.ATTESTATION, "attested something else", VOTE, REST),
    Lie(model_not_stored, AGGREGATE, "bytes could not be had", BY_AGGREGATOR),
    Lie(another_file, AGGREGATE, "published CID is not that of its file", BY_AGGREGATOR),
    Lie(root_of_another_file, AGGREGATE, "does not have the published root", BY_AGGREGATOR),
    Lie(a_file_that_is_no_model, AGGREGATE, "is no model of this round", BY_AGGREGATOR),
    Lie(a_model_of_another_round, AGGREGATE, "is no model of this round", BY_AGGREGATOR),
    Lie(wrong_verdict, ADMISSION, "another verdict", BY_AGGREGATOR | {"party": MEMBER}),
    Lie(unknown_verdict, ADMISSION, "another verdict", BY_AGGREGATOR | {"actual": "200 (no such verdict)"}),
    Lie(bad_update_admitted, ADMISSION, "another verdict", BY_AGGREGATOR | {"party": f"west ({key(3)})"}),
    Lie(too_few_verdicts, ADMISSION, "does not judge every update", {"expected": "4 verdicts", "actual": "3 verdicts"}),
    Lie(too_many_verdicts, ADMISSION, "does not judge every update", BY_AGGREGATOR),
    Lie(no_model_though_one_can_be_made, AGGREGATE, "no model can be made, but one can", BY_AGGREGATOR),
    Lie(a_model_though_none_can_be_made, AGGREGATE, "a model, but 1 updates were admitted", BY_AGGREGATOR),
    Lie(attests_against_the_truth, Check.ATTESTATION, "attested something else", VOTE | {"actual": "03" * 32}),
    Lie(job_terms_differ, Check.JOB, "disagree on the terms", PROPOSER),
    Lie(no_job, Check.JOB, "is no job", PROPOSER),
    Lie(no_document_at_all, Check.JOB, "is no job", PROPOSER),
    Lie(job_root_is_no_hexadecimal, Check.JOB, "initial_model.root", PROPOSER),
    Lie(job_with_a_field_that_clears_the_screen, Check.JOB, "unknown field `\\x1b[2J`", PROPOSER),
    Lie(initial_model_altered, Check.INITIAL, "tensor root", PROPOSER),
    Lie(initial_model_of_a_ledger, Check.INITIAL, "another kind", PROPOSER),
    Lie(initial_model_truncated, Check.INITIAL, "truncated", PROPOSER),
]


def refutations(report: Report, check: Check | None = None) -> list[Finding]:
    return [f for f in report.findings if f.status == "refuted" and check in (None, f.check)]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.tell.__name__)
def test_a_lie_is_refuted_by_name(lie: Lie) -> None:
    world = lie.tell()
    report = world.audit()
    assert report.verdict is Verdict.REFUTED
    assert report.verdict.exit_code == 1
    found = refutations(report, lie.check)
    assert len(found) == 1, report.findings
    assert lie.says in found[0].message
    assert {name: getattr(found[0], name) for name in lie.fields} == lie.fields
    assert {f.check for f in refutations(report)} <= {lie.check} | lie.others
    assert report.to_json().isascii()


def test_the_value_is_shown_as_it_should_be_and_as_it_is() -> None:
    world = wrong_value()
    (found,) = refutations(world.audit())
    assert int(found.actual or "") == int(found.expected or "") + 1
    assert int(found.expected or "") == honest_values(world)[310]
    assert found.cid == str(Cid(0x55, world.aggregate.cid))
    assert found.tx == world.aggregate.tx.hex()


@pytest.mark.parametrize("at", [0, 9, 10, 255, 256, 511, 512, 609])
def test_the_value_is_found_wherever_it_stands(at: int) -> None:
    world = begun()
    publish_altered(world, at)
    (found,) = refutations(world.audit())
    tensor, value = ("layer.bias", at) if at < 10 else ("layer.weight", at - 10)
    assert (found.tensor, found.value, found.chunk) == (tensor, value, at // 256)


def test_honest_members_who_refute_a_lie_are_not_blamed() -> None:
    """Each lie of an aggregator, voted down by members that recompute as the audit does: nobody else is named."""
    for lie in LIES:
        if lie.fields.get("culprit") != AGGREGATOR and lie.tell is not too_few_verdicts:
            continue
        world = lie.tell()
        for member in (2, 3):
            world.attest(member)
        culprits = {f.culprit for f in refutations(world.audit())}
        assert culprits == {AGGREGATOR}, lie.tell.__name__


def test_a_false_verdict_beside_an_excuse_blames_nobody_else() -> None:
    world = begun()
    world.publish(1, verdicts=bytes([0, 7, 0, 9]))
    world.attest(2)
    world.attest(3, world.outcome().claim)
    report = world.audit()
    assert {f.culprit for f in refutations(report)} == {AGGREGATOR}
    notices = {f.check for f in report.findings if f.status == "notice"}
    assert notices == {ADMISSION, Check.ATTESTATION}


def test_the_round_after_a_lie_is_judged_on_its_own() -> None:
    world = wrong_value()
    for member in (2, 3):
        world.attest(member)
    world.publish(2)
    world.attest(0)
    world.attest(3)
    report = world.audit()
    assert [(f.attempt, f.culprit) for f in refutations(report)] == [(1, AGGREGATOR)]
    assert world.audit(number=1).verdict is Verdict.VERIFIED
    assert report.passed[Check.AGGREGATE] == 2


def test_code_that_is_not_the_pinned_one() -> None:
    world = World().open_job().honest_round()
    observed = world.observed()
    code = {"RoundLedger": ("0x22", "0x23")}
    report = world.audit(type(observed)(code, {"RoundLedger": False}, observed.heads))
    assert [(f.check, f.status) for f in report.findings] == [(Check.CODE, "refuted"), (Check.SOURCE, "refuted")]
    assert report.ledger == CONTRACT
