"""One pass over the bytes comes to what two come to, whatever is refused or lacking, and wherever."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.kept import Kept
from support.two_passes import Expected, expected
from support.worlds.masked_job import MASKED
from support.worlds.world import LIMITS, Files, World, altered, artifact

from ledger import kernel
from ledger.errors import FedledgerError, Malformed, Unavailable
from ledger.formats import artifact as artifacts
from ledger.formats.artifact import Buffer, Tensor
from ledger.formats.cid import Cid
from ledger.formats.digest import NOTHING
from ledger.formats.merkle import LEAF, root_of
from ledger.jobs.compression import Compression
from ledger.jobs.rules import CentredClipping, GeometricMedian, Median, MultiKrum, Rule, TrimmedMean, WeightedMean
from ledger.kernel import pure
from ledger.kernel.rooms import Rooms
from ledger.rounds import one_pass
from ledger.rounds.admission import Verdict
from ledger.rounds.facts import initial_binding
from ledger.rounds.one_pass import Pass, readers_of
from ledger.rounds.outcome import recompute

BAND = 2048
"""Bytes of a band in these tests, so that a small model has many."""
VALUES, MEMBERS = 3000, 5
NORM = 1 << 22
RULES: list[Rule] = [
    WeightedMean(),
    Median(),
    TrimmedMean(trim=1),
    GeometricMedian(),
    CentredClipping(radius=1 << 19),
    MultiKrum(f=1),
]
FAULTS = {
    "honest": {},
    "weight": {"weight": LIMITS.max_weight + 1},
    "header": {"bound": {"base": bytes(32)}},
    "junk": {"data": b"\x80\x04K\x01." * 9},
    "empty": {"data": b""},
    "truncated": {"cut": -4},
    "half": {"cut": -6001},
    "longer": {"cut": 4},
    "root": {"root": bytes(32)},
    "range, first": {"at": 0, "by": 1 << 30},
    "range, last": {"at": VALUES - 1, "by": -(1 << 31)},
    "norm, first": {"at": 3, "by": NORM + (1 << 17)},
    "norm, last": {"at": VALUES - 2, "by": NORM + (1 << 17)},
    "root and range": {"root": bytes(32), "at": 1500, "by": 1 << 30},
    "no tree": {"fails": (Malformed, 0)},
    "no tree, late": {"fails": (Malformed, 9000)},
    "missing": {"fails": (Unavailable, 0)},
    "missing, late": {"fails": (Unavailable, 9000)},
}
KINDS = st.sampled_from(["honest"] * 12 + list(FAULTS))
SEEN: Counter[int | str] = Counter()


@pytest.fixture(autouse=True)
def narrow_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "CHUNK", BAND)


class Failing(Files):
    """Files of which some end in an error from an offset on. With `leased` pieces come with their leaf hashes."""

    def __init__(self, piece: int, *, leased: bool = False) -> None:
        super().__init__(piece)
        self.fails: dict[Cid, tuple[type[FedledgerError], int]] = {}
        self.leased = leased and piece % LEAF == 0

    def fetch(self, cid: Cid, start: int, stop: int | None) -> Iterator[Buffer]:
        error, at = self.fails.get(cid, (None, 0))
        for piece in super().fetch(cid, start, stop):
            start += len(piece)
            if error is not None and start > at:
                raise error("fails here", file=cid)
            yield lease(piece) if self.leased else piece


def lease(piece: bytes) -> memoryview:
    """A piece as a store hands it out that made its leaf hashes along with its digests."""
    room = Rooms(len(piece), 1).take(len(piece))
    assert room is not None
    room[:] = piece
    room.obj.leaves = pure.leaf_hashes(piece, LEAF)  # type: ignore[attr-defined]
    return room.toreadonly()


def filled(
    kinds: list[str],
    rule: Any = WeightedMean(),  # noqa: B008
    piece: int = 1024,
    clips: bool = False,
    leased: bool = False,
    **job: Any,
) -> World:
    """A round with an update of each kind."""
    needed = 5 if isinstance(rule, MultiKrum) else 3
    on_norm = "clip" if clips else "refuse"
    limits = msgspec.structs.replace(LIMITS, min_updates=needed, max_value=1 << 24, max_norm=NORM, on_norm=on_norm)
    tensors, files = (Tensor("w", (VALUES,)),), Failing(piece, leased=leased)
    world = World(MEMBERS, rule=rule, limits=limits, tensors=tensors, files=files).open_job().open_round()
    world.job = msgspec.structs.replace(world.job, **job)
    for member, kind in enumerate(kinds):
        send(world, member, dict(FAULTS[kind]))
    return world


def send(world: World, member: int, fault: dict[str, Any]) -> None:
    values = np.random.default_rng(member).integers(-1 << 15, 1 << 15, VALUES).astype("<i4")
    if "at" in fault:
        values = values.astype(np.int64)
        values[fault["at"]] = fault["by"]
        values = values.astype("<i4")
    binding = msgspec.structs.replace(world.binding(member), **fault.get("bound", {}))
    data = fault.get("data", artifact(world.layout, binding, values))
    if "cut" in fault:
        data = data[: fault["cut"]] if fault["cut"] < 0 else data + bytes(fault["cut"])
    root = fault.get("root", root_of(values))
    sent = world.submit(member, values, data=data, root=root, weight=fault.get("weight", 10 + member))
    if "fails" in fault:
        world.files.fails[sent.cid] = fault["fails"]  # type: ignore[attr-defined]


def spoil_base(world: World, how: str) -> None:
    """A base model that is missing, too short, or so high that its sum with any mean does not fit."""
    values = np.full(VALUES, (1 << 31) - 1, "<i4") if how == "high" else world.initial
    data = artifact(world.layout, initial_binding(), values)
    cid = world.files.put(data[:-4] if how == "short" else data)
    if how == "missing":
        del world.files.files[cid]
    initial = msgspec.structs.replace(world.job.initial_model, cid=str(cid))
    world.job = msgspec.structs.replace(world.job, initial_model=initial)


def one(world: World, certified: set[int], threads: int) -> Expected | str:
    kept = Kept()
    try:
        made = recompute(world.facts, world.files.fetch, certified, threads=threads, keep=kept)
    except FedledgerError as error:
        return type(error).__name__
    assert bool(made.why) == (made.root == NOTHING)
    return Expected(made.verdicts, made.root, made.cid, made.sums, kept.data, made.carried.scalars)


def two(world: World, certified: set[int]) -> Expected | str:
    try:
        return expected(world.facts, world.files.fetch, certified)
    except FedledgerError as error:
        return type(error).__name__


@settings(
    max_examples=500,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    kinds=st.lists(KINDS, min_size=0, max_size=MEMBERS),
    rule=st.sampled_from(RULES),
    piece=st.sampled_from([1024, 1000, BAND, 1 << 20]),
    base=st.sampled_from(["good"] * 6 + ["missing", "short", "high"]),
    away=st.sets(st.integers(0, MEMBERS - 1), max_size=1),
    threads=st.integers(1, 4),
    held=st.sampled_from([0, 1 << 20]),
    clips=st.booleans(),
    leased=st.booleans(),
)
def test_one_pass_is_two(
    kinds: list[str],
    rule: Any,
    piece: int,
    base: str,
    away: set[int],
    threads: int,
    held: int,
    clips: bool,
    leased: bool,
) -> None:
    world = filled(kinds, rule, piece, clips, leased)
    if base != "good":
        spoil_base(world, base)
    certified = set(range(len(kinds))) - away
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_pass, "HELD", held)
        found = one(world, certified, threads)
    assert found == two(world, certified)
    SEEN.update([found] if isinstance(found, str) else [*found.verdicts, f"model {found.root != NOTHING}"])


def test_the_rounds_had_every_end() -> None:
    if not SEEN:
        test_one_pass_is_two()
    elsewhere = {Verdict.CAST, Verdict.SET, Verdict.BUDGET, Verdict.EDGE, Verdict.STALE}
    assert set(SEEN) == {*Verdict, "Unavailable", "Malformed", "model True", "model False"} - elsewhere


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("clips", [False, True])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_each_fault_alone(kind: str, clips: bool, rule: Any) -> None:
    world = filled(["honest", "honest", kind, "honest", "honest"], rule, clips=clips)
    everyone = set(range(MEMBERS))
    assert one(world, everyone, 2) == two(world, everyone)


@pytest.mark.parametrize("kind", FAULTS)
def test_each_fault_where_the_store_made_the_leaf_hashes(kind: str) -> None:
    kinds = ["honest", "honest", kind, "honest", "honest"]
    world, everyone = filled(kinds, Median(), piece=BAND, leased=True), set(range(MEMBERS))
    assert one(world, everyone, 2) == two(world, everyone) == one(filled(kinds, Median()), everyone, 2)


def test_leaf_hashes_that_a_store_made_are_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def hashed(leased: bool) -> int:
        world, made, leaf_hashes = filled(["honest"] * 5, Median(), piece=BAND), list[int](), kernel.leaf_hashes
        world.files.leased = leased  # type: ignore[attr-defined]

        def counted(data: Buffer, size: int) -> bytes:
            made.append(len(data))
            return leaf_hashes(data, size)

        with monkeypatch.context() as patch:
            patch.setattr(kernel, "leaf_hashes", counted)
            one(world, set(range(MEMBERS)), 1)
        return len(made)

    assert hashed(leased=True) < hashed(leased=False) / 2


def reads(world: World, **options: Any) -> Counter[Cid]:
    """How often each file was asked for in one computation."""
    world.files.read.clear()
    world.outcome(**options)
    return Counter(world.files.read)


def test_each_update_is_read_once() -> None:
    assert set(reads(filled(["honest"] * 5)).values()) == {1}


@pytest.mark.parametrize("rule", [GeometricMedian(), MultiKrum(f=1)], ids=lambda rule: type(rule).__name__)
def test_a_rule_by_shares_reads_updates_twice_and_the_base_once(rule: Any) -> None:
    asked = reads(filled(["honest"] * 5, rule), keep=(kept := Kept()))
    assert sorted(asked.values()) == [1, 2, 2, 2, 2, 2]
    assert kept.asked == 1


def test_a_job_that_clips_takes_one_pass_where_no_update_is_too_long() -> None:
    assert set(reads(filled(["honest"] * 5, clips=True)).values()) == {1}
    long = filled(["honest", "norm, last", "honest", "honest", "honest"], clips=True)
    assert set(reads(long).values()) == {2}
    assert [factor < 1 << 16 for factor in long.outcome().carried.scalars] == [False, True, False, False, False]


def test_a_refused_header_costs_no_second_pass() -> None:
    world = filled(["honest", "header", "honest", "honest", "weight"])
    asked = reads(world, keep=(kept := Kept()))
    assert set(asked.values()) == {1}
    assert len(asked) == 5  # the base and four updates: one is too heavy to be read
    assert kept.asked == 1


@pytest.mark.parametrize("kind", ["root", "range, first", "longer"])
def test_an_update_refused_later_restarts_the_pass(kind: str) -> None:
    world = filled(["honest", "honest", kind, "honest", "honest"])
    asked = reads(world, keep=(kept := Kept()))
    assert kept.asked == 2
    assert max(asked.values()) == 2
    assert kept.data


def test_first_blocks_that_are_too_many_to_hold_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_pass, "HELD", 0)
    asked = reads(filled(["honest"] * 5))
    assert sorted(asked.values()) == [1, 2, 2, 2, 2, 2]


def test_too_few_updates_are_judged_without_arithmetic() -> None:
    world = filled(["honest", "honest"])
    asked = reads(world, keep=(kept := Kept()))
    assert (kept.asked, set(asked.values())) == (0, {1})
    assert Cid.parse(world.job.initial_model.cid) not in asked


def test_an_update_that_cannot_be_had_leaves_the_others_judged() -> None:
    world = filled(["honest", "missing, late", "root", "honest", "honest"])
    read = Pass(world.facts, world.files.fetch, range(5), threads=2)
    assert read.model(range(5), None) is None
    read.finish()
    assert [read.decision(k).verdict for k in (0, 2, 3, 4)] == [0, Verdict.ROOT, 0, 0]
    with pytest.raises(Unavailable, match="fails here"):
        read.decision(1)


@pytest.mark.parametrize("kinds", [["honest"] * 5, ["honest", "root", "weight", "honest", "header"], ["empty"], []])
def test_progress_is_every_byte_once(kinds: list[str]) -> None:
    world, heard = filled(kinds), list[int]()
    world.outcome(progress=heard.append)
    assert sum(heard) == len(kinds) * world.layout.size
    assert all(part >= 0 for part in heard)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_no_other_thread_reads_where_hashing_is_most_of_it(rule: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "readers", lambda _: 0)
    plain = filled(["honest"] * 5, rule).job
    masked = msgspec.structs.replace(plain, privacy=MASKED)
    compressed = msgspec.structs.replace(plain, compression=Compression(bits=8, error_feedback=False))
    few = 0 if isinstance(rule, WeightedMean) else 4
    assert [readers_of(job, 4) for job in (plain, masked, compressed)] == [few, 4, 4]


def test_what_a_store_says_of_a_model_is_taken() -> None:
    """A store hashes what it writes: the model is not hashed for its CID a second time."""
    world = filled(["honest"] * 3)

    def keep(pieces: Iterator[Any]) -> Cid:
        for _ in pieces:
            pass
        return Cid(0x55, b"\x07" * 32)

    assert world.outcome(keep=keep).cid == b"\x07" * 32


def test_a_change_of_a_value_changes_the_sums() -> None:
    world, other = filled(["honest"] * 3), filled(["honest"] * 2)
    values = np.random.default_rng(2).integers(-1 << 15, 1 << 15, VALUES).astype("<i4")
    other.submit(2, altered(values, VALUES - 1), weight=12)
    assert world.outcome().sums != other.outcome().sums


def test_without_further_threads_progress_is_heard_after_each_update() -> None:
    world, heard = filled(["honest"] * 4), list[int]()
    Pass(world.facts, world.files.fetch, range(1, 5), threads=0, progress=heard.append).finish()
    assert [part for part in heard if part] == [world.layout.size] * 4
