"""The page on seals, the frozen vectors and the code say the same."""

import json
import re
from pathlib import Path

from support.vectors import script

from ledger.formats.cid import CHUNK
from ledger.formats.sealed import HEAD, ROOM, TAG, count_of, sealed_size

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "tests" / "vectors"
PAGE = (ROOT / "docs" / "spec" / "seals.md").read_text(encoding="utf-8")
WHOLE = json.loads((VECTORS / "seals.json").read_text(encoding="utf-8"))

MAKE = script("make_seals")


def example() -> str:
    """One sealed update, what is public of it, and its readers."""
    file, slips, readers = WHOLE["file"], WHOLE["slips"], WHOLE["readers"]
    entries = [slips[276 + 224 * place :][:224] for place in range(len(readers))]
    slip = {entry[:64]: entry[64:] for entry in entries}
    public = [
        ("sealed file, its head", file[:208][:32]),
        ("", f"{file[32:144]}"),
        ("", f"{file[144:208]}"),
        ("… 16 bytes of the chunk", file[208:240]),
        ("… its tag", file[-32:]),
        ("size", len(file) // 2),
        ("CID", WHOLE["cid"]),
        ("salted root", WHOLE["root"]),
    ]
    keys = [("content key", WHOLE["content_key"]), *((f"{use}", key) for use, key in WHOLE["derived"].items())]
    salts = [(f"salt of leaf {leaf}", salt) for leaf, salt in enumerate(WHOLE["salts"])]
    known = [
        pair
        for place, one in enumerate(readers)
        for pair in (
            (f"reader {place}", one["age"]),
            ("… its slip", slip[one["point"]][:80]),
            ("", slip[one["point"]][80:]),
        )
    ]
    rows = [*WHOLE["name"].items(), None, *public, None, *known, None, *keys, *salts]
    width = max(len(row[0]) for row in rows if row) + 2
    return "".join(f"{row[0]:<{width}}{row[1]}\n" if row else "\n" for row in rows)


def test_the_example_that_opens_the_page_is_true() -> None:
    found = re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)
    assert found
    assert found[1] == example()


def test_the_script_writes_what_is_committed() -> None:
    assert MAKE.text() == (VECTORS / "seals.json").read_text(encoding="utf-8")


def test_the_sizes_on_the_page_are_the_files() -> None:
    table = PAGE.split("## Sealed file\n")[1].split("\n## ")[0]
    sizes = re.findall(r"^\| (\d+) \|", table, re.MULTILINE)
    assert sum(int(size) for size in sizes) == HEAD
    assert (f"{ROOM - HEAD:,}", f"{ROOM:,}") == ("1,048,456", "1,048,560")
    for size in (1, ROOM - HEAD, ROOM - HEAD + 1, 5 * CHUNK):
        chunks = -(-(size + 104) // 1_048_560)
        assert (count_of(size), sealed_size(size)) == (chunks, size + 104 + 16 * chunks)
    assert TAG == 16


if __name__ == "__main__":
    print(example(), end="")
