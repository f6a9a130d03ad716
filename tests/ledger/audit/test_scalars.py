"""A lie in what an update counts is refuted under its aggregator's name, with whose update it is and both integers."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from support.kept import Kept
from support.worlds.world import LIMITS, NAMES, World

from ledger.audit.report import Check, Report
from ledger.errors import Malformed
from ledger.formats.artifact import Tensor
from ledger.formats.merkle import root_of
from ledger.history.state import Phase
from ledger.jobs.rules import CentredClipping, GeometricMedian, MultiKrum, Rule, WeightedMean
from ledger.rounds.carried import Carried
from ledger.rounds.model import make_model
from ledger.rounds.outcome import Outcome
from ledger.rounds.scaled import Scalars, ScaledInputs, by_member

MEMBERS, LIAR = 5, 1
NORM = 1 << 18
RULES: list[Rule] = [GeometricMedian(), MultiKrum(f=1), CentredClipping(radius=1 << 19)]


def begun(rule: Rule, **limits: Any) -> tuple[World, Outcome]:
    """A second round before it is aggregated, and its honest outcome, stored; the last update is far."""
    said = msgspec.structs.replace(LIMITS, min_updates=MEMBERS, **limits)
    world = World(MEMBERS, rule=rule, limits=said, tensors=(Tensor("w", (600,)),)).open_job().honest_round()
    world.open_round()
    for member in range(MEMBERS):
        reach = 1 << (17 if member == MEMBERS - 1 else 13)
        world.submit(member, np.random.default_rng(member).integers(-reach, reach, 600).astype("<i4"))
    world.open_pending()
    outcome = world.outcome(keep=(kept := Kept()))
    world.files.put(kept.data)
    return world, outcome


def lied(world: World, outcome: Outcome, scalars: Sequence[int], **lies: Any) -> Report:
    """The round after the liar claims these scalars, with honest members."""
    digest = world.files.put(Carried(outcome.carried.streams, tuple(scalars)).encode()).digest
    world.publish(LIAR, outcome, carried=digest, **lies)
    for member in (0, 2, 3):
        world.attest(member)
    assert world.aggregate.outcome is Phase.REFUTED
    return world.audit()


def moved(scalars: Sequence[int], place: int, by: int) -> list[int]:
    return [scalar + by * (place == k) for k, scalar in enumerate(scalars)]


def told(report: Report, kind: str, member: int, expected: int, actual: int) -> None:
    assert (report.right.answer, report.lies.answer) == ("yes", "caught")
    (lie,) = report.lies.list
    assert (lie.who, lie.check, lie.why) == (
        *(NAMES[LIAR], Check.AGGREGATE),
        f"the {kind} of an update is not the one that the job's rules lead to",
    )
    assert (lie.party or "").startswith(f"{NAMES[member]} (0x")
    assert (lie.expected, lie.actual) == (str(expected), str(actual))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_an_honest_round_is_right(rule: Rule) -> None:
    world, _ = begun(rule)
    world.publish(0)
    for member in (1, 2, 3):
        world.attest(member)
    assert world.audit().right.answer == "yes"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
@pytest.mark.parametrize("member", [0, 3, 4])
def test_one_unit_in_a_share_is_refuted(rule: Rule, member: int) -> None:
    world, outcome = begun(rule)
    shares = outcome.carried.scalars
    report = lied(world, outcome, moved(shares, member, 1))
    told(report, "share", member, shares[member], shares[member] + 1)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_a_model_that_fits_a_false_share_is_refuted_by_the_share(rule: Rule) -> None:
    """The liar makes the model of its own shares: chunk by chunk it is right, and the first false share is told."""
    world, outcome = begun(rule)
    honest = outcome.inputs
    assert isinstance(honest, ScaledInputs)
    shares = list(honest.shares)
    shares[4] += 7000
    inputs = ScaledInputs(honest, honest.factors, honest.centre, shares)
    model = make_model(inputs, world.facts.binding, 1, (kept := Kept()))
    world.files.put(kept.data)
    assert model.root != outcome.root
    report = lied(world, outcome, shares[:MEMBERS], root=model.root, cid=model.cid)
    told(report, "share", 4, honest.shares[4], honest.shares[4] + 7000)


@pytest.mark.parametrize("rule", [WeightedMean(), *RULES], ids=lambda rule: type(rule).__name__)
def test_a_false_factor_is_refuted(rule: Rule) -> None:
    world, outcome = begun(rule, max_norm=NORM, on_norm="clip")
    scalars = outcome.carried.scalars
    assert scalars[MEMBERS - 1] < 1 << 16
    report = lied(world, outcome, moved(scalars, MEMBERS - 1, 1))
    told(report, "factor", MEMBERS - 1, scalars[MEMBERS - 1], scalars[MEMBERS - 1] + 1)


def test_a_false_chunk_under_right_shares_is_refuted_by_the_chunk() -> None:
    world, outcome = begun(GeometricMedian())
    kept = Kept()
    world.outcome(keep=kept)
    body = np.frombuffer(kept.data[world.layout.header_size :], "<i4").copy()
    body[300] += 1
    cid = world.files.put(kept.data[: world.layout.header_size] + body.tobytes())
    report = lied(world, outcome, outcome.carried.scalars, root=root_of(body.tobytes()), cid=cid.digest)
    (lie,) = report.lies.list
    assert (lie.tensor, lie.chunk, lie.value) == ("w", 1, 300)
    assert int(lie.actual or "0") == int(lie.expected or "0") + 1


def test_scalars_are_told_by_member() -> None:
    job = begun(GeometricMedian(), max_norm=NORM, on_norm="clip")[0].job
    assert by_member(job, [1, 4], [65536, 3, 7, 8]) == {1: Scalars(65536, 7), 4: Scalars(3, 8)}
    shared = msgspec.structs.replace(job, admission=msgspec.structs.replace(job.admission, on_norm="refuse"))
    assert by_member(shared, [1, 4], [7, 8]) == {1: Scalars(None, 7), 4: Scalars(None, 8)}
    clipped = msgspec.structs.replace(job, aggregation=WeightedMean())
    assert by_member(clipped, [1], [7]) == {1: Scalars(7, None)}
    plain = msgspec.structs.replace(shared, aggregation=WeightedMean())
    assert by_member(plain, [1], []) == {1: Scalars(None, None)}
    for wrong in ([], [1], [1, 2, 3], [1] * 5):
        with pytest.raises(Malformed, match="scalars"):
            by_member(job, [1, 4], wrong)
