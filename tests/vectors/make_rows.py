"""Writes rows.json beside it: `python tests/vectors/make_rows.py`. A change of any byte is a new format.

Leaf number i is the SHA-256 of "leaf i". Each case has a draw, a round and numbers of leaves, repetitions among them.
"""

import json
from pathlib import Path
from typing import Any

from ledger.formats.digest import sha256
from ledger.formats.row_proofs import OpenedRows
from ledger.formats.rows import Draw

JOB, SALT = sha256(b"job"), sha256(b"salt")
CASES = {
    "nothing held out": (Draw(JOB, SALT, 0), 1, range(9)),
    "a fifth": (Draw(JOB, SALT, 20), 1, range(40)),
    "another round": (Draw(JOB, SALT, 20), (1 << 24) - 1, range(40)),
    "another salt": (Draw(JOB, sha256(b"other salt"), 20), 1, range(40)),
    "another job": (Draw(sha256(b"other job"), SALT, 20), 1, range(40)),
    "equal rows": (Draw(JOB, SALT, 50), 2, [*range(8), *range(4), 0, 0]),
    "the most": (Draw(JOB, SALT, 90), 3, range(33)),
    "one file": (Draw(JOB, SALT, 0), 1, [7]),
}


def leaf(number: int) -> bytes:
    """Leaf `number`."""
    return sha256(b"leaf %d" % number)


def text() -> str:
    """What the file must hold."""
    return json.dumps({"cases": [_case(name, *case) for name, case in CASES.items()]}, indent=1) + "\n"


def _case(name: str, draw: Draw, round_: int, numbers: Any) -> dict[str, Any]:
    leaves = [leaf(number) for number in numbers]
    tree, said = draw.tree(round_, leaves), {"job": draw.job.hex(), "salt": draw.salt.hex(), "share": draw.share}
    opening = OpenedRows.of(tree.opening)
    return {
        "name": name,
        "draw": said,
        "round": round_,
        "leaves": list(numbers),
        "held_out": list(draw.places(leaves).held_out),
        "opening": {field: getattr(opening, field) for field in opening.__struct_fields__},
        "root": tree.root.hex(),
    }


if __name__ == "__main__":
    Path(__file__).with_name("rows.json").write_text(text(), encoding="utf-8")
