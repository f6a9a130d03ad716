"""A masked update as a file: words of 64 bits behind the same kind of header, and never taken for another."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load

from ledger.errors import Malformed
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.header import Binding
from ledger.formats.merkle import root_of

TENSORS = (Tensor("layer.bias", (2,)), Tensor("layer.weight", (2, 3), 20))
LAYOUT = Layout(TENSORS)
OPEN = Binding(kind="masked", chain=31337, contract="0x" + "0" * 40, job=1, round=2, party="0x" + "1" * 40, base=b"b")
BOUND = OPEN.on(569, bytes(range(32)))
WORDS = np.array([0, 1, (1 << 64) - 1, 1 << 63, 5, 6, 7, 8], "<u8")
FILE = LAYOUT.masked.header(BOUND) + WORDS.tobytes()


def test_every_safetensors_library_reads_it() -> None:
    found = load(FILE)
    assert found["layer.bias"].dtype == np.uint64
    assert found["layer.bias"].tolist() == WORDS[:2].tolist()
    assert found["layer.weight"].ravel().tolist() == WORDS[2:].tolist()


def test_sizes_and_leaves() -> None:
    assert (LAYOUT.masked.width, LAYOUT.width) == (8, 4)
    assert LAYOUT.masked.size == len(FILE) == LAYOUT.masked.header_size + 64
    large = Layout((Tensor("w", (129,)),))
    assert (large.leaves, large.masked.leaves) == (1, 2)


@given(st.integers(1, 700_000))
def test_bands_are_the_blocks_of_the_stored_file(values: int) -> None:
    masked = Layout((Tensor("w", (values,)),)).masked
    bands = list(masked.bands())
    assert [start for start, _ in bands[1:]] == [stop for _, stop in bands[:-1]]
    assert (bands[0][0], bands[-1][1]) == (0, values)
    assert all((masked.header_size + 8 * stop) % (1 << 20) == 0 for _, stop in bands[:-1])


def test_it_is_read_by_what_everyone_knows_of_it() -> None:
    body = b"".join(bytes(piece) for piece in LAYOUT.masked.body(iter([FILE]), OPEN))
    assert root_of(body) == root_of(WORDS.tobytes())
    assert LAYOUT.masked.bound(FILE[: LAYOUT.masked.header_size], OPEN) == BOUND


@pytest.mark.parametrize("cut", [1, 4, 8])
def test_it_is_as_long_as_its_words(cut: int) -> None:
    with pytest.raises(Malformed, match="truncated"):
        list(LAYOUT.masked.body(iter([FILE[:-cut]]), OPEN))
    with pytest.raises(Malformed, match="longer"):
        list(LAYOUT.masked.body(iter([FILE + bytes(cut)]), OPEN))


def test_a_masked_update_says_what_it_was_trained_on() -> None:
    with pytest.raises(Malformed, match="says what it was trained on"):
        LAYOUT.masked.header(OPEN)


def test_an_open_update_is_not_taken_for_a_masked_one_nor_the_other_way() -> None:
    update = Binding(**{name: getattr(BOUND, name) for name in BOUND.__struct_fields__} | {"kind": "update"})
    open_file = LAYOUT.header(update) + bytes(32)
    with pytest.raises(Malformed, match="a dtype that is not allowed"):
        list(LAYOUT.masked.body(iter([open_file]), OPEN))
    with pytest.raises(Malformed, match="a dtype that is not allowed"):
        list(LAYOUT.body(iter([FILE]), update))
    words = LAYOUT.masked.header(update) + WORDS.tobytes()
    with pytest.raises(Malformed, match="another kind"):
        list(LAYOUT.masked.body(iter([words]), OPEN))
