"""A torch model's state as the ledger's tensors."""

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
    assert Tensor("1.num_batches_tracked", (1,), 0) in tensors
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
