"""A release's file has one form: floats rounded once, read by safetensors and torch, and its card by Hugging Face."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any, get_args

import msgspec
import numpy as np
import pytest
from huggingface_hub import ModelCard
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load
from support.worlds.member_lies import begun
from support.worlds.noise import noise_of
from support.worlds.releases import release as publish
from support.worlds.releases import report_on
from support.worlds.world import NAMES, World

from ledger.errors import Malformed, Refuted
from ledger.events.proposals import Release
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.digest import sha256
from ledger.formats.dtypes import FLOAT, NUMPY, Dtype
from ledger.history.state import Scoring, ScoringPhase
from ledger.releases.card import Card
from ledger.releases.file import ModelFile
from ledger.releases.report import Evaluation
from ledger.releases.values import Values

BOARD = "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0"
TENSORS = (Tensor("a", (3,), 0), Tensor("b", (2, 200), 24), Tensor("c", (4, 60), 24), Tensor("d", (1,), 30))
HOSTILE = '](javascript:x) <script>"|\n---\nlicense: stolen \u202e `'


def file_of(world: World, release: Release) -> ModelFile:
    return ModelFile(world.place, BOARD, release, world.state, world.job)


def card_of(world: World, release: Release, report: Evaluation | None, **changes: Any) -> str:
    proposal = world.history.decisions.proposal(1)
    card = Card(file_of(world, release), report, proposal, (), NAMES.__getitem__, "Four hospitals")
    return replace(card, **changes).text()


@pytest.fixture(scope="module")
def world() -> World:
    return World(tensors=TENSORS).open_job().honest_round().honest_round()


@pytest.fixture(scope="module")
def release(world: World) -> Release:
    return publish(world)


def released(layout: Layout, pieces: Iterator[bytes]) -> dict[str, np.ndarray[Any, Any]]:
    """What safetensors reads of a file with these values."""
    given, values = b"".join(pieces), Values(layout)
    header = json.dumps(values.entries()).encode()
    header += b" " * (-len(header) % 8)
    data = b"".join(piece for group in values.groups for piece in group.pieces(iter([given])))
    assert len(data) == values.size
    read: dict[str, np.ndarray[Any, Any]] = load(len(header).to_bytes(8, "little") + header + data)
    return read


def nearest(value: Fraction) -> np.float32:
    """The float32 nearest to a number, ties to even, found by exact comparison."""
    guess = np.float32(float(value))
    near = [np.nextafter(guess, np.float32(-np.inf)), guess, np.nextafter(guess, np.float32(np.inf))]
    return min(near, key=lambda one: (abs(Fraction(float(one)) - value), one.view(np.uint32) & 1))


INT32 = st.integers(-(1 << 31), (1 << 31) - 1) | st.integers(22, 31).flatmap(
    lambda bits: st.integers((1 << bits) - 3, min((1 << bits) + 3, (1 << 31) - 1))
)


@given(bits=st.integers(0, 30), values=st.lists(INT32, min_size=1, max_size=20))
def test_a_value_is_rounded_once_to_the_nearest_float(bits: int, values: list[int]) -> None:
    layout = Layout((Tensor("t", (len(values),), bits),))
    (group,) = Values(layout).groups
    (floats,) = group.pieces(iter([np.array(values, "<i4").tobytes()]))
    expected = [nearest(Fraction(value, 1 << bits)) for value in values]
    assert floats == np.array(expected, "<f4").tobytes()


@given(sizes=st.lists(st.integers(1, 3), min_size=1, max_size=6), bits=st.data(), piece=st.integers(1, 20))
def test_pieces_of_any_size_make_the_same_floats(sizes: list[int], bits: Any, piece: int) -> None:
    fractions = [bits.draw(st.sampled_from([0, 1, 24])) for _ in sizes]
    tensors = [Tensor(f"{n}", (size,), f) for n, (size, f) in enumerate(zip(sizes, fractions, strict=True))]
    layout = Layout(tuple(tensors))
    values = np.arange(1, layout.values + 1, dtype="<i4").tobytes()
    pieces = (values[at : at + 4 * piece] for at in range(0, len(values), 4 * piece))
    scales = np.repeat([2.0**-f for f in fractions], sizes)
    expected = (np.arange(1, layout.values + 1) * scales).astype("<f4").tobytes()
    (group,) = Values(layout).groups
    assert b"".join(group.pieces(pieces)) == expected


EXTREMES = [-(1 << 31), -32769, -129, -1, 0, 1, 2, 127, 128, 255, 256, 32768, 65535, 65536, 16777217, (1 << 31) - 1]


@pytest.mark.parametrize("dtype", get_args(Dtype))
def test_integers_and_booleans_keep_their_type_and_value(dtype: Dtype) -> None:
    """16777217 has no float32. What a type cannot hold is the nearest that it can."""
    layout = Layout((Tensor("t", (len(EXTREMES),), 0, dtype),))
    read = released(layout, iter([np.array(EXTREMES, "<i4").tobytes()]))["t"]
    kind = np.dtype(NUMPY[dtype])
    low, high = (0, 1) if kind.kind == "b" else (np.iinfo(kind).min, np.iinfo(kind).max)
    assert read.dtype == kind
    assert [int(value) for value in read] == [min(max(value, low), high) for value in EXTREMES]


@given(kinds=st.lists(st.sampled_from([*get_args(Dtype), FLOAT]), min_size=1, max_size=8), piece=st.integers(1, 9))
def test_every_value_is_aligned_in_a_file_of_many_types(kinds: list[Any], piece: int) -> None:
    """Loaders view the bytes as they lie, so a wide type comes first."""
    tensors = [Tensor(f"{n}", (2, n + 1), 0, msgspec.UNSET if kind == FLOAT else kind) for n, kind in enumerate(kinds)]
    layout = Layout(tuple(tensors))
    model = np.arange(layout.values, dtype="<i4") % 2
    data = model.tobytes()
    read = released(layout, (data[at : at + 4 * piece] for at in range(0, len(data), 4 * piece)))
    values = Values(layout)
    for tensor, start in zip(layout.tensors, layout.starts, strict=False):
        entry: Any = values.entries()[tensor.name]
        assert entry["data_offsets"][0] % np.dtype(NUMPY[tensor.released]).itemsize == 0
        assert read[tensor.name].dtype == np.dtype(NUMPY[tensor.released])
        assert (read[tensor.name].ravel() == model[start : start + tensor.values]).all()
        assert values.locate(entry["data_offsets"][1] - 1) == (tensor.name, tensor.values - 1)


def test_a_model_of_many_types_is_released_and_read() -> None:
    tensors = (Tensor("a.flags", (5,), 0, "BOOL"), Tensor("a.ids", (2,), 0, "I64"), Tensor("b", (300,), 24))
    mixed = World(tensors=tensors, initial=[1, 0, 1, 1, 0, 16777217, -5, *range(300)]).open_job().honest_round()
    made = file_of(mixed, publish(mixed))
    mixed.files.piece = 11
    data = b"".join(bytes(piece) for piece in made.pieces(mixed.files.fetch))
    assert len(data) == made.size
    assert {name: tensor.dtype.str for name, tensor in load(data).items()} == {
        "a.flags": "|b1",
        "a.ids": "<i8",
        "b": "<f4",
    }


@pytest.mark.node
def test_torch_loads_a_file_of_every_type() -> None:
    torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')
    from safetensors.torch import load as load_torch

    tensors = [Tensor(f"{dtype}", (3,), 0, dtype) for dtype in sorted(get_args(Dtype))]
    layout = Layout((*tensors, Tensor("a", (1,))))
    header = json.dumps(Values(layout).entries()).encode()
    data = (len(header) + -len(header) % 8).to_bytes(8, "little") + header + b" " * (-len(header) % 8)
    model = np.ones(layout.values, "<i4").tobytes()
    data += b"".join(piece for group in Values(layout).groups for piece in group.pieces(iter([model])))
    state = load_torch(data)
    assert {tensor.dtype for name, tensor in state.items() if name != "a"} >= {torch.bool, torch.int64, torch.uint8}
    assert all(bool((tensor == 1).all()) for name, tensor in state.items() if name != "a")


def test_safetensors_reads_it(world: World, release: Release) -> None:
    file = file_of(world, release)
    data = b"".join(bytes(piece) for piece in file.pieces(world.files.fetch))
    assert len(data) == file.size
    length = int.from_bytes(data[:8], "little")
    assert length % 8 == 0
    assert json.loads(data[8 : 8 + length])["__metadata__"]["root"] == release.root.hex()
    final = world.round.final
    assert final is not None
    stored = next(data for cid, data in world.files.files.items() if cid.digest == final.cid)
    whole = np.frombuffer(stored, "<i4", offset=world.layout.header_size)
    read = load(data)
    assert {name: tensor.dtype for name, tensor in read.items()} == dict.fromkeys("abcd", np.dtype("<f4"))
    for tensor, start in zip(TENSORS, world.layout.starts, strict=False):
        values = whole[start : start + tensor.values].astype(np.float64) / (1 << tensor.fraction_bits)
        assert np.array_equal(read[tensor.name], values.astype(np.float32).reshape(tensor.shape))


@pytest.mark.node
def test_torch_reads_it(world: World, release: Release) -> None:
    pytest.importorskip("torch")
    from safetensors.torch import load as load_torch

    data = b"".join(bytes(piece) for piece in file_of(world, release).pieces(world.files.fetch))
    assert {name: tuple(tensor.shape) for name, tensor in load_torch(data).items()} == {
        t.name: t.shape for t in TENSORS
    }


def test_the_bytes_are_the_same_for_everyone(release: Release, world: World) -> None:
    """Another party, with its own copy of the ledger, whose store returns other pieces."""
    other = World(tensors=TENSORS).open_job().honest_round().honest_round()
    other.files.piece = 7
    again = publish(other)
    made = [
        b"".join(bytes(piece) for piece in file_of(one, which).pieces(one.files.fetch))
        for one, which in ((world, release), (other, again))
    ]
    assert made[0] == made[1]
    assert file_of(world, release).tag == file_of(other, again).tag
    assert card_of(world, release, report_on(world, "a")) == card_of(other, again, report_on(other, "a"))


def test_a_model_that_is_not_the_ledgers_raises_before_its_end(world: World, release: Release) -> None:
    file = file_of(world, release)
    stored = {cid: data for cid, data in world.files.files.items() if cid.digest == file.model.cid.digest}
    (data,) = stored.values()
    changed = data[:-1] + bytes([data[-1] ^ 1])

    def fetch(_cid: object, start: int, stop: int | None) -> Iterator[bytes]:
        yield changed[start:stop]

    for read in (lambda: list(file.pieces(fetch)), lambda: file.digest(fetch)):
        with pytest.raises(Malformed, match="tensor root"):
            read()
    file.digest(world.files.fetch)


def test_a_release_of_another_root_is_refuted(world: World, release: Release) -> None:
    with pytest.raises(Refuted, match="not the model"):
        file_of(world, replace(release, root=bytes(32))).digest(world.files.fetch)


def test_hugging_face_reads_the_card(world: World, release: Release) -> None:
    report = report_on(world, "North & Söhne 🏥", "West", no="1")
    card = ModelCard(card_of(world, release, report))
    data = card.data
    assert (data.license, data.library_name, data.model_name) == ("cc-by-4.0", "fedledger", "cardio")
    assert data.tags == ["fedledger", "federated-learning", "safetensors", "tabular"]
    results = {(one.dataset_name, one.metric_type): one.metric_value for one in data.eval_results or []}
    parties = ("North & Söhne 🏥, own file", "West, own file")
    assert results == {
        (party, metric): value for party in parties for metric, value in (("accuracy", 0.9823), ("no", 1))
    }
    assert ModelCard(str(card)).data.to_dict() == data.to_dict()
    sections = [line[3:] for line in card.text.splitlines() if line.startswith("## ")]
    expected = ["Use", "Data", "Parties", "Rounds", "Scores", "Metrics", "Lineage", "Verdict", "Verify", "Licence"]
    assert sections == expected


def test_a_card_without_a_report_names_no_licence_and_no_metric(world: World, release: Release) -> None:
    data = ModelCard(card_of(world, release, None)).data
    assert (data.license, data.eval_results) == ("unknown", None)


def test_the_scores_that_a_release_names_stand_beside_their_parties() -> None:
    world = World(tensors=TENSORS).open_job().honest_round().honest_round()
    made = replace(publish(world), scores=b"s" * 32)
    world.state.scorings[2] = Scoring(
        job=1,
        round=2,
        opener=world.keys[0],
        seed=bytes(32),
        updates=4,
        epoch=1,
        scorers=3,
        quorum=2,
        commit_deadline=0,
        reveal_deadline=0,
        tx=bytes(32),
        medians=(5, -3, 0, 7),
        root=b"s" * 32,
        outcome=ScoringPhase.SETTLED,
    )
    text = card_of(world, made, None)
    for row in ("| north | 5 |", "| east | -3 |", "| west | 7 |"):
        assert row in text
    assert "without contribution scores" in card_of(world, replace(made, scores=bytes(32)), None)


def test_what_others_named_is_text_in_the_card(world: World, release: Release) -> None:
    job = world.job
    renamed = replace(file_of(world, release), job=_named(job, HOSTILE.replace("\n", "")))
    text = card_of(world, release, None, file=renamed, name=lambda _: HOSTILE, network=HOSTILE)
    data = ModelCard(text).data
    assert data.license == "unknown"
    assert data.tags is not None
    assert data.tags[-1] == HOSTILE.replace("\n", "")
    body = re.sub(r"(?ms)^```json$.*?^```$", "", text[text.index("\n# ") :])
    assert "<script>" not in body.replace("\\<script\\>", "")
    assert "](" not in body.replace("\\]\\(", "").replace("\\](", "")
    assert "\u202e" not in body
    assert "\n---" not in body


def _named(job: Any, name: str) -> Any:
    from msgspec.structs import replace as changed

    task = changed(job.task, name=name, version=name, settings={name: [name]})
    return changed(job, name=name, task=task)


MIXED = (
    Tensor("a", (3,), 0, "I8"),
    Tensor("b", (2, 200), 24),
    Tensor("c", (300,), 0, "I64"),
    Tensor("d", (5,), 30),
    Tensor("e", (7,), 0, "BOOL"),
)


@pytest.fixture(scope="module")
def mixed() -> tuple[ModelFile, World, bytes]:
    """A file of several types, in a store that returns odd pieces."""
    world = World(tensors=MIXED).open_job().honest_round()
    world.files.piece = 7
    file = file_of(world, publish(world))
    return file, world, b"".join(file.pieces(world.files.fetch))


@given(st.data())
def test_a_part_is_cut_from_the_whole(mixed: tuple[ModelFile, World, bytes], data: st.DataObject) -> None:
    file, world, whole = mixed
    start = data.draw(st.integers(0, len(whole) - 1))
    stop = data.draw(st.integers(start + 1, len(whole)))
    assert b"".join(file.part(world.files.fetch, start, stop)) == whole[start:stop]


def test_a_digest_is_of_the_whole(mixed: tuple[ModelFile, World, bytes]) -> None:
    file, world, whole = mixed
    assert file.digest(world.files.fetch) == sha256(whole)


def test_a_card_says_what_noise_hides_and_what_is_a_partys_word() -> None:
    """Of rows and of members, with ε of the rounds that a party took part in at most, and of the whole budget."""
    rows = World(tensors=TENSORS, dp=noise_of(5)).open_job()
    for _ in range(2):
        rows.open_round()
        for member in range(4):
            rows.spend(member)
            rows.submit(member)
        rows.publish(0)
        for member in (1, 2):
            rows.attest(member)
    whole = begun().honest_round().honest_round()
    for world, hides, word in (
        (rows, "Single rows are hidden by noise in training", "that a person has one row"),
        (whole, "Whole parties are hidden by noise under masks", "work together know their own noise"),
    ):
        dp = world.job.dp
        assert dp is not None
        text = " ".join(card_of(world, publish(world), None).split())
        assert hides in text
        assert word in text
        assert f"2 at most, which costs ε = {dp.epsilon(2 * dp.cost)} at δ = {dp.delta}" in text
        assert f"together may cost ε = {dp.epsilon(dp.budget)}." in text
