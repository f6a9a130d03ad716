"""A draft's `[hierarchy]`: member lists by file or digest."""

from pathlib import Path

import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.drafts import DRAFT, Memory
from support.worlds.signing import key

from ledger.errors import Malformed, UsageError
from ledger.formats.edges.members import EdgeMembers
from participant.jobs.creation import create
from participant.jobs.draft import read

pytestmark = pytest.mark.node
LIST = EdgeMembers.of([key(number) for number in range(5)])
SECTION = '[hierarchy]\nedges = { "0" = "north.json", "2" = "%s" }\nmin_children = 2\n'


def drafted(tmp_path: Path, more: str) -> Path:
    path = tmp_path / "job.toml"
    path.write_text(DRAFT + more)
    return path


def test_a_draft_names_edges_by_file_or_digest(tmp_path: Path) -> None:
    (tmp_path / "north.json").write_bytes(LIST.encode() + b"\n")
    store = Memory()
    made = create(read(drafted(tmp_path, SECTION % ("22" * 32))), store.put).hierarchy
    assert made is not None
    assert made.edges == {"0": LIST.digest.hex(), "2": "22" * 32}
    assert (made.min_children, made.max_children, made.check) == (2, 1024, "children")
    assert store.files[f"edge-members/{LIST.digest.hex()}"] == LIST.encode()


def test_a_list_that_is_not_there_or_no_list_is_refused(tmp_path: Path) -> None:
    path = drafted(tmp_path, SECTION % ("22" * 32))
    with pytest.raises(UsageError, match="cannot read an edge's member list"):
        create(read(path), Memory().put)
    (tmp_path / "north.json").write_text("[]")
    with pytest.raises(Malformed, match="member list"):
        create(read(path), Memory().put)


def test_a_draft_without_edges_makes_a_job_without(tmp_path: Path) -> None:
    assert create(read(drafted(tmp_path, "")), Memory().put).hierarchy is None
