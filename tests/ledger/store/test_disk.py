"""Files that appear whole, and what is no file: devices and pipes stay what they are."""

import os
import stat
import threading
from pathlib import Path

import pytest

from ledger.errors import Unavailable
from ledger.store import disk


def test_a_pipe_gets_the_bytes_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    assert disk.write_whole(pipe, [b"a report,", b" in two pieces"]) == 23
    reader.join(60)
    assert read == [b"a report, in two pieces"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"cannot write .*report\.json: there is no folder .*nowhere") as refused:
        disk.write_whole(tmp_path / "nowhere" / "report.json", [b"x"])
    assert refused.value.advice == "make it first"
    assert ".part" not in str(refused.value)
