"""Plain English: the phrases that CONTRIBUTING's list replaces are nowhere, from the README to an error message."""

from pathlib import Path

import pytest
from support.words import STUMBLES, stumbles, texts

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("contracts", "ledger", "participant", "aggregator", "web", "demo")
QUOTING = ("CONTRIBUTING.md", "docs/adr/template.md")
"""Documents that quote the phrases."""
EXAMPLES = {
    "anew": ("sign anew", "sign again"),
    "for ever": ("It is kept for ever.", "It is kept forever."),
    "in vain": ("waited in vain", "a vainglorious name"),
    "mend": ("the fault is mended", "the fault is amended; we recommend"),
    "hereby": ("It is hereby approved.", "It is approved."),
    "had not the right": ("it had not the right to vote", "it was not allowed to vote"),
    "that cannot be": ("an update that cannot be", "an update that cannot be read"),
    "whoever": ("whoever attests", "a member that attests"),
    "headless who": ("It is done. Who has no GPU passes this.", "an observer, who has no key: who may vote?"),
    "is no X": ("this is no address", "there is no address"),
    "1 updates": ("1 updates were admitted", "1 update, 21 updates, 0.1 seconds"),
}


def test_what_people_read_does_not_stumble() -> None:
    found = [f"{where}: {name}" for where, text in texts(ROOT, PACKAGES) for name in stumbles(text)]
    assert [one for one in found if not one.startswith(QUOTING)] == []


def test_every_phrase_has_its_example() -> None:
    assert EXAMPLES.keys() == STUMBLES.keys()


@pytest.mark.parametrize("name", STUMBLES)
def test_a_phrase_is_found_and_its_better_half_is_not(name: str) -> None:
    stumbling, plain = EXAMPLES[name]
    assert stumbles(stumbling) == [name]
    assert stumbles(plain) == []


def test_strings_comments_and_pages_are_read(tmp_path: Path) -> None:
    """Phrases may be broken over lines, and have a value in their middle."""
    package = tmp_path / "rooms"
    package.mkdir()
    (package / "m.py").write_text(
        '"""A module, kept\nfor ever."""\nx = ("this is " "no address")  # mended\ny = f"{x} is no {x}, sent anew"\n'
    )
    (package / "page.html").write_text("<p>whoever</p>")
    (package / "Board.sol").write_text("/// @notice Void for ever.")
    (package / "texts.toml").write_text('a = ["hereby", "x"]')
    (tmp_path / "README.md").write_text("# Title\n\nIt waited in\nvain.\n")
    found = {(where, name) for where, text in texts(tmp_path, ["rooms"]) for name in stumbles(text)}
    assert found == {
        ("README.md:3", "in vain"),
        ("rooms/Board.sol:1", "for ever"),
        ("rooms/m.py:1", "for ever"),
        ("rooms/m.py:3", "is no X"),
        ("rooms/m.py:3", "mend"),
        ("rooms/m.py:4", "anew"),
        ("rooms/page.html:1", "whoever"),
        ("rooms/texts.toml:1", "hereby"),
    }
