"""The corpus: it is what its script writes, three readers answer alike, and nobody is blamed who did not lie."""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support.web.modules import NODE, Ask, answering

from ledger.bundle import verify_bundle
from ledger.bundle.check import BundleCheck, check_bundle
from ledger.bundle.findings import CODES
from ledger.config import load_network

FOLDER = Path(__file__).resolve().parent
LISTED: list[dict[str, Any]] = json.loads((FOLDER / "corpus.json").read_text(encoding="utf-8"))
FILES = {one["file"]: one for one in LISTED}
CLASSES = sorted({name.rpartition("-")[0] for name in FILES})
VERDICTS = {
    "honest": "VERIFIED",
    "caught": "VERIFIED",
    "lies": "REFUTED",
    "unknown": "UNKNOWN",
    "malformed": "MALFORMED",
}
"""By folder."""
LARGEST = 4_600_000
"""Bytes of the corpus, at most."""


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_corpus", FOLDER / "make_corpus.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKE = script()


@pytest.fixture(scope="module")
def modules() -> Iterator[Ask]:
    """The page's modules."""
    with answering() as ask:
        yield ask


def of_class(name: str) -> list[str]:
    return [file for file in FILES if file.rpartition("-")[0] == name]


def expected(file: str) -> bytes:
    return (FOLDER / f"{file}.json").read_bytes()


def findings(file: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(expected(file))["findings"]
    return found


def accused(file: str) -> set[str]:
    """Whom a verdict says that it was false: not those who owe something, or whose entry could not be replayed."""
    lies = (one for one in findings(file) if one["check"] == "CAUGHT" or CODES[one["check"], one["code"]] == "REFUTED")
    return {key for one in lies for key in one["who"]}


@pytest.mark.parametrize("name", CLASSES)
def test_the_script_writes_what_is_committed(name: str, tmp_path: Path) -> None:
    about = MAKE.classes()[name].about
    made = dict(MAKE.files(name))
    assert list(made) == of_class(name)
    for file, case in made.items():
        assert MAKE.row(file, about, case) == FILES[file]
        for ending, data in MAKE.pieces(case, tmp_path).items():
            assert data == (FOLDER / f"{file}{ending}").read_bytes(), f"{file}{ending}"
        if name.startswith(("lies/", "caught/")):
            assert accused(file) == case.signers, f"{file}: all who signed the lie, and nobody else"


def test_it_is_listed_whole_and_small() -> None:
    assert sorted(MAKE.classes()) == CLASSES
    there = {path for path in FOLDER.glob("*/*") if path.suffix in (".car", ".json", ".toml")}
    listed = {FOLDER / f"{file}{ending}" for file in FILES for ending in (".car", ".json")}
    assert there == listed | {FOLDER / one["network"] for one in LISTED if "network" in one}
    assert sum(path.stat().st_size for path in there) < LARGEST


@pytest.mark.parametrize("name", CLASSES)
def test_the_project_and_the_verifier_of_one_file_answer_alike(name: str) -> None:
    for file in of_class(name):
        path, network = str(FOLDER / f"{file}.car"), FILES[file].get("network")
        how = BundleCheck(load_network(FOLDER / network)) if network else None
        compared = verify_bundle.read_network(str(FOLDER / network)) if network else None
        assert check_bundle(Path(path), how).encode() == expected(file), file
        assert verify_bundle.verify(path, compared).encode() == expected(file), file


@pytest.mark.skipif(NODE is None, reason="Node is not installed: the page's modules cannot be run")
@pytest.mark.parametrize("name", CLASSES)
def test_the_page_s_modules_answer_alike(name: str, modules: Ask) -> None:
    for file in of_class(name):
        network = FILES[file].get("network")
        given = [str(FOLDER / network)] if network else []
        assert modules("bundle", str(FOLDER / f"{file}.car"), *given).encode() == expected(file), file


@pytest.mark.parametrize("file", FILES)
def test_every_lie_is_caught_and_nobody_else_is_blamed(file: str) -> None:
    folder = file.partition("/")[0]
    assert json.loads(expected(file))["verdict"] == VERDICTS[folder]
    liars = set(FILES[file]["liars"])
    assert accused(file) <= liars
    assert bool(accused(file)) == (folder in ("lies", "caught")) or folder == "unknown"
    if folder == "honest":
        assert findings(file) == []


def test_every_code_is_there() -> None:
    assert {(one["check"], one["code"]) for file in FILES for one in findings(file)} == set(CODES)


def test_a_blamed_bystander_would_be_seen() -> None:
    """The check of culprits can fail: with one liar less, some file would not pass it."""
    file = next(file for file in FILES if file.startswith("lies/"))
    assert accused(file) - set(FILES[file]["liars"][1:])
