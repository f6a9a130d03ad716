"""The house keeps its rooms: no folder, file or function outgrows what one can find. Each check can fail, too."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support import house

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("ledger", "participant", "aggregator", "web", "demo")
CHECKS = {
    "full folder": house.full_folders,
    "bad name": house.bad_names,
    "long function": house.long_functions,
    "long file": house.long_files,
}


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_the_packages_have_none(check: Callable[..., list[str]]) -> None:
    assert check(ROOT, PACKAGES) == []


def test_the_ledger_has_few_modules_beside_its_folders() -> None:
    assert house.loose_modules(ROOT, "ledger") == []


def test_no_module_imports_itself_through_others() -> None:
    assert house.circles(PACKAGES) == []


def test_a_class_name_means_one_thing() -> None:
    assert house.shared_class_names(ROOT, PACKAGES) == {}


def build(root: Path, **files: str) -> None:
    """A package `rooms`, with the given modules."""
    for name, text in {"__init__": "", **files}.items():
        path = root / "rooms" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    ("check", "fault", "least"),
    [
        ("full folder", {f"m{number}": "" for number in range(25)}, {f"m{number}": "" for number in range(24)}),
        ("bad name", {"scoring": ""}, {"scores": ""}),
        ("long function", {"m": "def f():\n" + "    pass\n" * 50}, {"m": "def f():\n" + "    pass\n" * 49}),
        ("long function", {"m": "class A:\n  async def f():\n" + "    pass\n" * 50}, {"m": "pass\n" * 99}),
        ("long file", {"m": "pass\n" * 401}, {"m": "pass\n" * 400}),
    ],
)
def test_a_check_finds_its_fault_and_nothing_less(
    check: str, fault: dict[str, str], least: dict[str, str], tmp_path: Path
) -> None:
    build(tmp_path / "faulty", **fault)
    build(tmp_path / "good", **least)
    assert len(CHECKS[check](tmp_path / "faulty", ["rooms"])) == 1
    assert CHECKS[check](tmp_path / "good", ["rooms"]) == []


def test_many_loose_modules_are_found(tmp_path: Path) -> None:
    build(tmp_path, a="", b="", c="")
    assert house.loose_modules(tmp_path, "rooms") == []
    build(tmp_path, d="")
    assert house.loose_modules(tmp_path, "rooms") == ["a.py", "b.py", "c.py", "d.py"]


@pytest.mark.parametrize(
    "files",
    [
        {"a": "from circle import b", "b": "from circle import a"},
        {"a": "import circle.b", "b": "import circle.c", "c": "def f():\n    from circle.a import x"},
        {"a": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import circle.b", "b": "import circle.a"},
    ],
    ids=["of two", "of three, by a function's import", "of types"],
)
def test_a_circle_is_found(files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path, **files, d="import circle.a")
    (tmp_path / "rooms").rename(tmp_path / "circle")
    monkeypatch.syspath_prepend(tmp_path)
    assert house.circles(["circle"]) == [f"circle.{name}" for name in files]


def test_a_class_name_for_two_things_is_found(tmp_path: Path) -> None:
    build(tmp_path, a="class Board: ...\nclass _Own: ...", b="class Board: ...\nclass _Own: ...", c="class Other: ...")
    assert house.shared_class_names(tmp_path, ["rooms"]) == {"Board": ["rooms/a.py", "rooms/b.py"]}
