"""docs/architecture.md draws the house as it is: rooms are folders, arrows are layers, walks enter files that exist."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PACKAGES = ("ledger", "participant", "aggregator", "web", "demo")
WALKS = {"An update", "An event", "A CID", "A vote", "A score"}


def walks(page: str) -> dict[str, list[str]]:
    """Each walk with the files that it enters, in order."""
    sections = re.findall(r"^### (.+?)\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
    return {title: re.findall(r"^\d+\. `([^`]+)`:", text, re.MULTILINE) for title, text in sections}


def missing(page: str) -> list[str]:
    """Paths that the page names and that are not there."""
    return sorted(path for path in set(re.findall(r"`([a-z]+/[\w./]*)`", page)) if not (ROOT / path).exists())


def test_every_path_on_the_page_is_there() -> None:
    assert missing(PAGE) == []
    assert missing(PAGE.replace("`ledger/history/fold.py`", "`ledger/history.py`")) == ["ledger/history.py"]


def test_the_five_walks_enter_each_room_once() -> None:
    found = walks(PAGE)
    assert found.keys() == WALKS
    for title, files in found.items():
        assert len(files) == len(set(files)) >= 8, title
    assert sum(map(len, found.values())) == len(re.findall(r"^\d+\. ", PAGE, re.MULTILINE))


def test_the_table_has_every_folder() -> None:
    folders = {
        f"{path.parent.relative_to(ROOT)}/" for package in PACKAGES for path in (ROOT / package).rglob("__init__.py")
    } - {"ledger/", "participant/", "web/"}
    assert sorted(folder for folder in folders if f"`{folder}`" not in PAGE) == []


def test_the_drawing_has_the_layers_that_are_held() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (ledger,) = [one["layers"] for one in contracts if one.get("containers") == ["ledger"]]
    drawing = PAGE.split("```mermaid\n")[1].split("```")[0]
    places = [drawing.index(f'["{layer}"]') for layer in ledger]
    assert places == sorted(places)
    (roles,) = [one["layers"] for one in contracts if "containers" not in one and one["type"] == "layers"]
    assert [set(layer.split(" | ")) for layer in roles] == [{"demo"}, {"participant", "aggregator", "web"}, {"ledger"}]
    assert "demo --> participant & aggregator & web --> ledger" in drawing
