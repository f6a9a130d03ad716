"""Errors inside findings on Chinese pages: in Chinese, with their facts; the words of others marked as English."""

import ast
import importlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.errors import FedledgerError, Unavailable
from web.drawing.filters import finding
from web.drawing.findings.chinese import LONGEST, error_in_chinese, in_chinese

ROOT = Path(__file__).parents[3]
TABLES = tomllib.loads((ROOT / "web" / "findings.toml").read_text(encoding="utf-8"))
JOBS = (
    *(
        "analysis",
        "bounds",
        "compression",
        "document",
        "hierarchy",
        "layers",
        "members",
        "noise",
        "plain",
        "privacy",
        "private",
        "rules",
        "schedule",
        "server",
    ),
    "versions",
)
MODULES = [
    *(ROOT / "ledger" / name for name in ("store/__init__.py", "store/holders.py", "store/files.py")),
    *(ROOT / "ledger" / "formats" / f"{name}.py" for name in ("header", "artifact", "grammar", "cid", "unixfs")),
    ROOT / "ledger" / "formats" / "compressed" / "unpacking.py",
    *(ROOT / "ledger" / "jobs" / f"{name}.py" for name in JOBS),
    *(
        ROOT / "ledger" / "rounds" / f"{name}.py"
        for name in ("admission", "carried", "facts", "inputs", "receipts", "scaled", "server_state")
    ),
    *sorted((ROOT / "ledger" / "rounds" / "rules").glob("*.py")),
    *sorted((ROOT / "ledger" / "scores").glob("*.py")),
    *sorted((ROOT / "ledger" / "chain" / "evidence").glob("*.py")),
    ROOT / "ledger" / "events" / "evidence.py",
]
"""Whose errors stand in findings."""
OF_PROGRAMS = {
    "only an inner node with a known size has children",
    "not a leaf that can follow: 7, 7 bytes after 7",
    "a tree without a leaf",
    "the last reader is the base model's",
}
"""Errors of a caller's program: no finding has them."""
ALIASES = {"kind", "_error", "_demand", "ValueError"}
"""What errors are made by, besides their classes: a class chosen by name, a layer's own errors, what others quote."""


def errors() -> set[str]:
    """The names of all classes of errors that these modules know."""
    for path in MODULES:
        importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    found, left = {FedledgerError}, [FedledgerError]
    while left:
        found |= (below := set(left.pop().__subclasses__()))
        left += below
    return {one.__name__ for one in found}


def calls(path: Path, names: set[str]) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if name in names:
                yield name, node


def samples(node: ast.expr) -> Iterator[str]:
    """A text as it may be said, each gap a number; each of two that are chosen from; none where others made it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in node.values)
    elif isinstance(node, ast.IfExp):
        yield from samples(node.body)
        yield from samples(node.orelse)


def messages(path: Path) -> Iterator[str]:
    """What the errors of a module say, and its decisions on updates."""
    for name, call in calls(path, errors() | ALIASES | {"Decision"}):
        place = 1 if name in {"Decision", "_demand"} else 0
        for argument in call.args[place : place + 1]:
            yield from samples(argument)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT / "ledger")))
def test_each_message_of_an_error_has_chinese(path: Path) -> None:
    unknown = [one for one in messages(path) if one not in OF_PROGRAMS and error_in_chinese(one) is None]
    assert unknown == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT / "ledger")))
def test_each_fact_of_an_error_has_a_chinese_name(path: Path) -> None:
    words = [word.arg for _, call in calls(path, errors() | {"kind"}) for word in call.keywords if word.arg]
    assert {word.replace("_", " ") for word in words} - TABLES["facts"].keys() - {"advice"} == set()


def test_the_messages_are_found_wherever_they_are_made() -> None:
    found = {one for path in MODULES for one in messages(path)}
    assert len(found) > 120
    assert {
        "no holder returned block 7",
        "every copy of block 7 is damaged",
        "squared norm 7, at most 7 allowed",
        "cannot pool",
        "it is not bound to a chain",
    } <= found


def test_no_rule_is_of_a_message_that_no_error_has() -> None:
    said = [one for path in (ROOT / "ledger").rglob("*.py") for one in _texts(path)]
    for english, chinese in TABLES["errors"]:
        assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", chinese)), english
        clauses = [one for one in re.split(r"\{\w+\}", english) if one.strip(" :,()") not in {"", "bytes", "byte"}]
        assert any(all(one in text for one in clauses) for text in said), english


def _texts(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant | ast.JoinedStr):
            yield from samples(node)


def test_an_error_with_its_facts_is_chinese() -> None:
    error = Unavailable(
        "no holder returned block bafk",
        block="bafk",
        offset=0,
        holders="north: north does not hold block bafk; south: it is asleep now",
    )
    known = str(in_chinese(f"it could not be had: {error}"))
    assert "沒有持有者傳回資料塊 bafk" in known
    assert "資料塊：bafk；位移：0；持有者：north：north 未持有資料塊 bafk、" in known
    assert '<span lang="en">south: it is asleep now</span>' in known


HOSTILE = 'the job is ruined <script>alert("1")</script>\u202e {n} {0.__class__}'


@pytest.mark.parametrize("form", ["it could not be had: {}", "the initial model is another: {}\n  actual: 1"])
def test_words_of_others_are_marked_as_english_and_escaped(form: str) -> None:
    page = str(finding(form.format(HOSTILE), "zh-Hant"))
    assert page.startswith("<bdi>無法取得：" if "had" in form else "<bdi>初始模型並不相同：")
    assert '<span lang="en">the job is ruined &lt;script&gt;' in page
    assert "<script>" not in page and "\u202e" not in page and "{0.__class__}" in page
    assert page.count("<span") == page.count("</span>") == 1


def test_a_fact_that_nobody_knows_is_marked_and_escaped() -> None:
    page = str(in_chinese("it could not be had: the artifact is truncated\n  <b>new\n  actual: not one of <i>"))
    assert page == (
        '無法取得：檔案不完整（<span lang="en">&lt;b&gt;new</span>；實際：<span lang="en">not one of &lt;i&gt;</span>）'
    )


@pytest.mark.parametrize("text", ["it could not be had: " + "x" * LONGEST, "it could be had: a byte is missing"])
def test_a_finding_without_chinese_is_wholly_marked(text: str) -> None:
    assert in_chinese(text) is None
    assert str(finding(text, "zh-Hant")).startswith('<span lang="en"><bdi>')


def test_english_pages_have_the_error_as_it_is() -> None:
    text = "it could not be had: the artifact is truncated\n  actual: 1"
    assert finding(text, "en") == f'<span lang="en"><bdi>{text}</bdi></span>'
