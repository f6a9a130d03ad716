"""RLP is read strictly: what is taken is the one encoding of what comes back."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.chain import rlp

TEXTS = st.binary(max_size=70)
ITEMS = st.recursive(TEXTS, lambda inner: st.lists(inner, max_size=5), max_leaves=12)


def depth(item: rlp.Item) -> int:
    return 0 if isinstance(item, bytes) else 1 + max(map(depth, item), default=0)


@given(ITEMS.filter(lambda item: depth(item) <= rlp.DEEPEST))
def test_what_is_encoded_is_read_back(item: rlp.Item) -> None:
    assert rlp.decode(rlp.encode(item)) == item


@given(st.lists(TEXTS, max_size=4), st.data())
def test_what_is_taken_is_its_one_encoding(texts: list[bytes], data: st.DataObject) -> None:
    """One byte is changed, and some are cut or added: mostly it is refused; else it says what it reads as."""
    changed = bytearray(rlp.encode([texts, *texts]))
    place = data.draw(st.integers(0, len(changed) - 1))
    changed[place] = data.draw(st.integers(0, 255))
    shown = bytes(changed[: data.draw(st.integers(0, len(changed)))]) + data.draw(st.binary(max_size=1))
    with suppress(ValueError):
        assert rlp.encode(rlp.decode(shown)) == shown


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ("c282aa", "cut"),
        ("c6c283aabbccdd", "cut"),
        ("c3b7aabb", "cut"),
        ("c28105", "as itself"),
        ("c000", "left over"),
        ("b802aabb", "shortest"),
        ("", "missing"),
        ("c5c4c3c2c1c0", "too deep"),
    ],
)
def test_anything_else_is_refused(shown: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        rlp.decode(bytes.fromhex(shown))


@given(st.binary(max_size=rlp.SHORT))
def test_the_length_of_an_encoding_is_known_before(text: bytes) -> None:
    assert rlp.length(text) == len(rlp.encode(text))
