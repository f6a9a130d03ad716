"""The page on masks, the frozen vectors and the code say the same."""

import json
import re
from pathlib import Path

from support.vectors import script

from ledger.masks.segment import Segment
from ledger.masks.setup import HEAD, size_of

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "tests" / "vectors"
PAGE = (ROOT / "docs" / "spec" / "masks.md").read_text(encoding="utf-8")
WHOLE = json.loads((VECTORS / "masks.json").read_text(encoding="utf-8"))


MAKE = script("make_masks")


def example() -> str:
    """One round, and what its members show."""
    round_, members = WHOLE["round"], {one["index"]: one for one in WHOLE["members"]}
    place = round_["number"] - (WHOLE["segment"]["number"] - 1) * WHOLE["segment"]["rounds"] - 1
    said = [*WHOLE["place"].items(), ("round", round_["number"]), ("threshold", WHOLE["segment"]["threshold"])]
    updates = [(f"update {one['member']}, weight {one['weight']}", one["values"]) for one in round_["updates"]]
    words = [(f"masked {one['member']}, two words", one["masked"][:32]) for one in round_["updates"]]
    shown = [
        (f"round key {index}", members[index]["rounds"][place]["key"])
        if index == round_["dropped"]
        else (f"self seed {index}", members[index]["rounds"][place]["seed"])
        for index in members
    ]
    pairs = [(f"pair seed {one['members'][0]}, {one['members'][1]}", one["seed"]) for one in round_["pairs"][:2]]
    sums = [("sums", " ".join(round_["sums"])), ("divisor", sum(MAKE.UPDATES[i][0] for i in MAKE.CHOSEN))]
    rows = [*said, None, *updates, None, *pairs, *words, None, *shown, None, *sums]
    width = max(len(row[0]) for row in rows if row) + 2
    return "".join(f"{row[0]:<{width}}{row[1]}\n" if row else "\n" for row in rows)


def test_the_example_that_opens_the_page_is_true() -> None:
    found = re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)
    assert found
    assert found[1] == example()


def test_the_script_writes_what_is_committed() -> None:
    assert MAKE.text() == (VECTORS / "masks.json").read_text(encoding="utf-8")


def test_the_sizes_on_the_page_are_the_files() -> None:
    """Those of the table add up to the first 120 bytes, and the formula is that of every file."""
    table = PAGE.split("## Set-up file\n")[1].split("\n## ")[0]
    cells = re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE)
    assert sum(int(size) for cell in cells for size in cell.split(",")) == HEAD
    keys = {one["index"]: bytes.fromhex(one["mask_point"]) for one in WHOLE["members"]}
    for rounds, some in ((1, 3), (2, 4), (16, 4)):
        chosen = dict(list(keys.items())[:some])
        assert size_of(Segment(1, MAKE.LEDGER, 1, 1, rounds, some, chosen)) == (
            120 + 64 * rounds * (1 + 2 * some) + 48 * some
        )


if __name__ == "__main__":
    print(example(), end="")
