"""The page knows kinds of files as the commands do: kinds.py and kinds.js say the same of any first bytes."""

import json
import random
import tomllib
from pathlib import Path
from typing import Any

import pytest
from support.mutations import JsonMutations, Mutations

from ledger.files import kinds

ROOT = Path(__file__).parents[3]
CORPUS = ROOT / "tests" / "corpus"
WORDS = {
    kinds.BUNDLE: "",
    kinds.CONVICTION: "conviction",
    **{kind: tag for tag, kind in kinds._TAGS.items()},
    **dict(zip([kind for _, kind in kinds._HEADS[2:]], ("page", "model", "export"), strict=True)),
    None: "",
}
"""The page's word for each kind of the commands."""
OF_THE_PAGE = ("network", "keystore", "table")
"""What only the page knows, since it has fields beside for files, and no command begins with them."""
HEADS = {
    "bundle": min((CORPUS / "honest").glob("*.car")).read_bytes()[:300],
    "conviction": b"\xf9\x10\x9a\x8cconviction/1" + bytes(60),
    "page": b"\n <!DOCTYPE\thtml><html lang=en>",
    "html": b"<html><head>",
    "model": b"\xf8\x03\0\0\0\0\0\0" + b'{"__metadata__":{}}',
    **{tag: json.dumps({"more": [1], "fedledger": f"{tag}/2"}).encode() for tag in kinds._TAGS},
    **{
        name: json.dumps({"a": 1, name: "x"}).encode()
        for name in ("payloadType", "dsseEnvelope", "bomFormat", "prov:label")
    },
    "bundle and document": b'{\xa2\x65roots\x67version\x01"fedledger":"job/2"',
    "page and document": b'{"fedledger" :\x0b"verdict/1","html":"<html>"}',
    "a blank that is none": b'\xa0{"fedledger":"job/2"}',
    "a blank inside that is none": b'{"fedledger"\xa0:"job/2"}',
    "another tag": b'{"fedledger":"stranger/1"}',
    "a tag without a number": b'{"fedledger":"job/"}',
    "nothing": b"",
}


def agree(modules: Any, head: bytes) -> bool:
    """Whether both know it as the same; False where the page alone knows it."""
    said = modules("kind", head.decode("latin-1"))
    if said in OF_THE_PAGE:
        assert kinds.kind_of(head) is None, head
        return False
    assert said == WORDS[kinds.kind_of(head)], head
    return True


@pytest.mark.parametrize("name", HEADS)
def test_the_page_and_the_commands_know_the_same_kinds(name: str, modules: Any) -> None:
    assert agree(modules, HEADS[name])


def test_they_agree_on_bent_heads_too(modules: Any) -> None:
    seen = set()
    for seed, head in enumerate(HEADS.values()):
        bent = JsonMutations(head, seed) if head.startswith(b'{"') and b"\xa0" not in head and is_json(head) else None
        for made in (Mutations(head, seed), *([bent] if bent else [])):
            for _ in range(60):
                data = next(made)
                seen.add(kinds.kind_of(data))
                agree(modules, data)
    assert seen == set(WORDS)


def test_they_agree_on_what_is_put_together_from_their_own_words(modules: Any) -> None:
    chance = random.Random(1)
    words = [b"{", b" ", b"\t", b"\xa0", b"\x1c", b"<", b"html", b">", b'"fedledger"', b":", b'"job/2"', b'"verdict/1"']
    words += [b'"payloadType"', b"\xf9", b"\x8cconviction/1", b"\xa2\x65roots", b"\x67version\x01", b"\0\0\0\0", b'{"']
    known = 0
    for _ in range(3_000):
        head = b"".join(chance.choice(words) for _ in range(chance.randrange(1, 9)))
        known += kinds.kind_of(head) is not None
        agree(modules, head)
    assert known > 50


def test_every_kind_that_the_page_names_has_its_words() -> None:
    texts = tomllib.loads((ROOT / "web" / "texts.toml").read_text(encoding="utf-8"))["verify_said"]
    named = {word for word in (*WORDS.values(), *OF_THE_PAGE) if word}
    assert {name.removeprefix("kind_") for name in texts if name.startswith("kind_")} == named


def is_json(head: bytes) -> bool:
    try:
        json.loads(head)
    except ValueError:
        return False
    return True
