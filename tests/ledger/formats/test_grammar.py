"""One grammar: names, texts and documents are accepted or refused by closed rules, on every interpreter alike."""

import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.vectors import script

from ledger.errors import SHOWN, Malformed, plain
from ledger.formats.digest import encode
from ledger.formats.grammar import MAX_INTEGER, check_depth, check_json, check_name, check_text

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "tests" / "vectors"
VECTORS: dict[str, Any] = json.loads((FOLDER / "grammar.json").read_text(encoding="utf-8"))


def bytes_of(case: dict[str, Any]) -> bytes:
    """The document of a vector."""
    if "hex" in case:
        return bytes.fromhex(case["hex"])
    return str(case["text"] if "text" in case else case["repeated"] * case["times"]).encode()


def test_the_script_writes_what_is_committed() -> None:
    assert script("make_grammar").text() == (FOLDER / "grammar.json").read_text(encoding="utf-8")


def test_the_vectors_are_many() -> None:
    assert len(VECTORS["names"]) >= 40
    assert len(VECTORS["texts"]) >= 40
    assert len(VECTORS["documents"]) >= 60
    assert len(VECTORS["members"]) >= 20
    for kind in ("names", "texts", "documents"):
        assert {case["accepted"] for case in VECTORS[kind]} == {True, False}


def test_the_shown_signs_are_the_same_set_forever() -> None:
    marks = bytes(SHOWN.fullmatch(chr(point)) is not None for point in range(0x110000))
    assert sum(marks) == 908_833
    assert hashlib.sha256(marks).hexdigest() == VECTORS["shown"]


@pytest.mark.parametrize("case", VECTORS["names"], ids=lambda case: ascii(case["value"])[:30])
def test_names(case: dict[str, Any]) -> None:
    if case["accepted"]:
        check_name(case["value"], "name")
        return
    with pytest.raises(Malformed, match=r"task\.name"):
        check_name(case["value"], "task.name")


@pytest.mark.parametrize("case", VECTORS["texts"], ids=lambda case: ascii(case["value"])[:30])
def test_texts(case: dict[str, Any]) -> None:
    if case["accepted"]:
        check_text(case["value"], "name")
        return
    with pytest.raises(Malformed, match="a name"):
        check_text(case["value"], "a name")


@pytest.mark.parametrize("case", VECTORS["documents"], ids=lambda case: str(case["name"]))
def test_documents(case: dict[str, Any]) -> None:
    data = bytes_of(case)
    if case["accepted"]:
        check_json(data, "the document")
        assert encode(json.loads(data)) == data
        return
    with pytest.raises(Malformed, match="the document is not") as caught:
        check_json(data, "the document")
    assert len(str(caught.value)) < 500


def test_a_refusal_names_the_thing_the_rule_and_the_code_point() -> None:
    with pytest.raises(Malformed) as caught:
        check_name("heart\U0001fae8", "task.name")
    assert caught.value.message == "task.name has a character that is not allowed"
    assert caught.value.facts == {"allowed": 'U+0021 to U+007E but " and \\', "actual": "U+1FAE8"}
    with pytest.raises(Malformed) as caught:
        check_text("a\u202eb", "name")
    assert caught.value.facts["actual"] == "U+202E"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.text(st.characters(min_codepoint=0x20)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


def sayable(value: Any, depth: int = 0) -> bool:
    """Whether a document can say this value."""
    if isinstance(value, str):
        return not any(sign < " " or "\ud800" <= sign <= "\udfff" for sign in value)
    if isinstance(value, list | dict):
        items = [*value, *value.values()] if isinstance(value, dict) else value
        return depth < 8 and all(sayable(item, depth + 1) for item in items)
    return True


@given(VALUES)
def test_what_is_encoded_is_accepted_where_a_document_can_say_it(value: Any) -> None:
    if sayable(value):
        check_json(encode(value), "it")
        return
    with pytest.raises((Malformed, UnicodeEncodeError)):
        check_json(encode(value), "it")


@given(VALUES, st.integers(0, 200), st.binary(min_size=1, max_size=2))
def test_what_is_accepted_has_one_encoding(value: Any, at: int, junk: bytes) -> None:
    try:
        data = encode(value)
    except UnicodeEncodeError:
        return
    changed = data[: at % len(data)] + junk + data[at % len(data) + 1 :]
    try:
        check_json(changed, "it")
    except Malformed:
        return
    assert encode(json.loads(changed)) == changed


def test_no_recursion_limit_decides() -> None:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)
    try:
        with pytest.raises(ValueError, match="nested too deeply"):
            check_depth(b"[" * 500_000)
    finally:
        sys.setrecursionlimit(before)


def test_plain_text_keeps_what_is_shown_and_escapes_the_rest() -> None:
    assert plain("a\n\u5317\U0001fae9") == "a\n\u5317\U0001fae9"
    assert plain("\x1b\u202e\ud800\u3000\xad") == "\\x1b\\u202e\\ud800\\u3000\\xad"


NO_VERDICT = {
    "ledger/formats/alike.py": "words of messages",
    "ledger/keys/passphrases.py": "forms of a passphrase that are tried on one's own key file",
}
"""Files in which a verdict does not depend on what they look up."""


def test_nothing_in_the_ledger_asks_an_interpreters_tables() -> None:
    tables = re.compile(r"\.isprintable\(|unicodedata|\.isidentifier\(|\.isalpha\(|\.isspace\(|\.istitle\(")
    found = {path for path in (ROOT / "ledger").rglob("*.py") if tables.search(path.read_text(encoding="utf-8"))}
    assert {path.relative_to(ROOT).as_posix() for path in found} == set(NO_VERDICT)
