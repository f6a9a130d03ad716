"""What a member is called: a closed rule, and what stands on the ledger is shown only where it keeps the rule."""

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import Malformed
from ledger.formats.member_name import NameWords, is_plain, name_in, name_words, plain_name

_FILE = Path(__file__).parents[2] / "vectors" / "grammar.json"
VECTORS: list[dict[str, Any]] = json.loads(_FILE.read_text(encoding="utf-8"))["members"]
NAMES = ("a", "North", "臺大醫院", "Clínica São José", "n" * 32, "n" * 33, "n" * 64, "é" * 32)
HOSTILE = {
    "nothing": b"",
    "a right-to-left override": "north\u202e".encode(),
    "a control sign": b"\x1b[31mnorth",
    "a zero inside": b"nor\x00th",
    "bytes that are not UTF-8": b"\xff" * 64,
    "a sign that is cut": ("n" * 63 + "é").encode()[:64],
    "a surrogate": b"\xed\xa0\x80",
    "blanks": b"   ",
    "a blank first": b" north",
    "two blanks": b"north  west",
    "zeros first": b"\x00north",
}


def words(data: bytes) -> NameWords:
    data = data.ljust(64, b"\x00")
    return NameWords(data[:32], data[32:])


@pytest.mark.parametrize("name", NAMES)
def test_a_name_travels(name: str) -> None:
    assert name_in(name_words(name)) == name


@pytest.mark.parametrize("name", ["", "n" * 65, "é" * 33, "n" * 255, "north\u202e", " north", "north\n", "\ud800"])
def test_what_is_not_a_name_is_not_written(name: str) -> None:
    with pytest.raises(Malformed):
        name_words(name)


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_breaks_the_rule_is_not_a_name(data: bytes) -> None:
    assert name_in(words(data)) is None


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: ascii(case["name"])[:30])
def test_vectors(case: dict[str, Any]) -> None:
    assert name_in(words(bytes.fromhex(case["words"]))) == case["name"]


def test_a_member_without_a_name_is_called_by_its_number() -> None:
    assert (plain_name(3), is_plain("member 3"), is_plain("member x"), is_plain("member 3 ")) == (
        "member 3",
        True,
        False,
        False,
    )
