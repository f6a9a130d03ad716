"""Files that somebody else may have put where we read."""

import os
from pathlib import Path

import pytest

from ledger.errors import Malformed
from ledger.files.foreign import open_foreign, read_foreign


def test_a_file_is_read_whole_up_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"1234")
    assert read_foreign(tmp_path / "one", "the file", 4) == b"1234"
    with pytest.raises(Malformed, match="the file is too large"):
        read_foreign(tmp_path / "one", "the file", 3)


def test_links_pipes_and_folders_are_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"secret")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name, why in (("link", "is a link"), ("pipe", "is not a regular file"), ("folder", "is not a regular file")):
        with pytest.raises(Malformed, match=f"the file {why}"):
            open_foreign(tmp_path / name, "the file")
    with pytest.raises(FileNotFoundError):
        open_foreign(tmp_path / "none", "the file")
