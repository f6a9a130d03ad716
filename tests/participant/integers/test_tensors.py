"""A torch model's state as the ledger's tensors."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from ledger.errors import Malformed  # noqa: E402
from ledger.formats.artifact import Layout, Tensor  # noqa: E402
from participant.integers.fixed_point import NotRepresentable  # noqa: E402
from participant.integers.tensors import stream_of, table, tensors_of  # noqa: E402

pytestmark = pytest.mark.node


def model() -> "torch.nn.Module":
    torch.manual_seed(5)
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 2, bias=False))


def test_the_table_is_sorted_scalars_have_one_place_counters_no_fraction() -> None:
    tensors = table(model().state_dict(), 20)
    assert [tensor.name for tensor in tensors] == sorted(tensor.name for tensor in tensors)
    assert Tensor("1.num_batches_tracked", (1,), 0, "I64") in tensors
    assert Tensor("0.weight", (3, 4), 20) in tensors
    assert Tensor("1.running_mean", (3,), 20) in tensors


def test_a_model_set_to_a_stream_gives_that_stream_back() -> None:
    trained = model()
    layout = Layout(table(trained.state_dict(), 24))
    trained(torch.randn(8, 4)).sum().backward()
    stream = stream_of(trained.state_dict(), layout)
    other = model()
    other.load_state_dict(tensors_of(layout, stream, other.state_dict()))
    assert (stream_of(other.state_dict(), layout) == stream).all()
    assert other.state_dict()["1.num_batches_tracked"].item() == 1
    assert other.state_dict()["1.num_batches_tracked"].dtype == torch.int64


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_float_types_are_taken(dtype: "torch.dtype") -> None:
    small = torch.nn.Linear(2, 2).to(dtype)
    layout = Layout(table(small.state_dict(), 24))
    other = torch.nn.Linear(2, 2).to(dtype)
    other.load_state_dict(tensors_of(layout, stream_of(small.state_dict(), layout), other.state_dict()))
    assert (stream_of(other.state_dict(), layout) == stream_of(small.state_dict(), layout)).all()


def test_a_diverged_model_is_refused_by_tensor_and_place() -> None:
    trained = model()
    layout = Layout(table(trained.state_dict(), 24))
    with torch.no_grad():
        trained[2].weight[1, 2] = float("nan")
    with pytest.raises(NotRepresentable) as caught:
        stream_of(trained.state_dict(), layout)
    assert caught.value.facts["tensor"] == "2.weight"
    assert caught.value.facts["coordinates"] == (1, 2)


def test_a_model_of_another_make_is_refused() -> None:
    layout = Layout(table(model().state_dict(), 24))
    stream = stream_of(model().state_dict(), layout)
    with pytest.raises(Malformed, match="lacks tensor"):
        tensors_of(layout, stream, torch.nn.Linear(4, 3).state_dict())
    wide = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 5, bias=False))
    with pytest.raises(Malformed, match=r"'2\.weight' has another shape"):
        tensors_of(layout, stream, wide.state_dict())


def test_complex_numbers_have_no_place_on_the_ledger() -> None:
    with pytest.raises(Malformed, match="of a kind that the ledger cannot hold"):
        table({"z": torch.zeros(2, dtype=torch.complex64)}, 24)


@pytest.mark.parametrize(
    ("dtype", "values", "name"),
    [
        (torch.bool, [True, False], "BOOL"),
        (torch.uint8, [0, 255], "U8"),
        (torch.int16, [-32768, 32767], "I16"),
        (torch.uint16, [0, 65535], "U16"),
        (torch.int32, [16777217, 2147483647], "I32"),
        (torch.uint64, [0, 2147483647], "U64"),
        (torch.int64, [16777217, -2147483648], "I64"),
    ],
)
def test_integers_and_booleans_come_back_exactly(dtype: "torch.dtype", values: list[int], name: str) -> None:
    state = {"t": torch.tensor(values, dtype=dtype)}
    layout = Layout(table(state, 24))
    assert layout.tensors == (Tensor("t", (2,), 0, name),)  # type: ignore[arg-type]
    back = tensors_of(layout, stream_of(state, layout), state)["t"]
    assert (back.dtype, back.tolist()) == (dtype, values)


@pytest.mark.parametrize(("dtype", "value"), [(torch.uint64, 2**64 - 1), (torch.uint64, 2**63), (torch.int64, 2**31)])
def test_an_integer_that_the_ledger_cannot_hold_is_refused(dtype: "torch.dtype", value: int) -> None:
    state = {"t": torch.tensor([0, value], dtype=dtype)}
    with pytest.raises(NotRepresentable) as caught:
        stream_of(state, Layout(table(state, 24)))
    assert (caught.value.facts["index"], caught.value.facts["value"]) == (1, value)
    assert "learning rate" not in caught.value.advice


def test_what_a_type_cannot_hold_becomes_the_nearest_and_the_next_update_brings_it_back() -> None:
    state = {"t": torch.tensor([True, False])}
    layout = Layout(table(state, 24))
    loaded = tensors_of(layout, np.array([5, -3], np.int32), state)
    assert loaded["t"].tolist() == [True, False]
    assert stream_of(loaded, layout).tolist() == [1, 0]


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_every_float8_is_taken_exactly(dtype: "torch.dtype") -> None:
    state = {"t": torch.tensor([0.5, -1.75, 0.0]).to(dtype)}
    layout = Layout(table(state, 24))
    back = tensors_of(layout, stream_of(state, layout), state)["t"]
    assert (back.dtype, back.float().tolist()) == (dtype, [0.5, -1.75, 0.0])


def test_a_tensor_of_another_type_than_the_jobs_is_refused() -> None:
    layout = Layout((Tensor("t", (2,), 0, "I64"),))
    for other in (torch.zeros(2), torch.zeros(2, dtype=torch.int32)):
        with pytest.raises(Malformed, match="another type"):
            stream_of({"t": other}, layout)
        with pytest.raises(Malformed, match="another type"):
            tensors_of(layout, np.zeros(2, np.int32), {"t": other})
