"""Files appear whole; devices and pipes stay what they are."""

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
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


def test_an_input_that_fails_is_not_called_a_pipe_that_is_not_written(tmp_path: Path) -> None:
    def failing() -> Iterator[bytes]:
        yield b"some"
        raise OSError(5, "Input/output error", "rows.csv")

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(OSError, match=r"rows\.csv"):
            disk.write_whole(pipe, failing())
    finally:
        os.close(reader)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"cannot write .*report\.json: there is no folder .*nowhere") as refused:
        disk.write_whole(tmp_path / "nowhere" / "report.json", [b"x"])
    assert refused.value.advice == "make it first"
    assert ".part" not in str(refused.value)


def test_the_file_that_a_process_prints_to_is_written_on_through_a_link(tmp_path: Path) -> None:
    """`--html /dev/stdout > page.html`: the link stays one, and the file is not replaced under the shell's feet."""
    link, page = tmp_path / "stdout", tmp_path / "page.html"
    link.symlink_to("/proc/self/fd/1")
    script = "import sys; from pathlib import Path; from ledger.store import disk\n"
    script += "print('before', flush=True); disk.write_whole(Path(sys.argv[1]), [b'the page\\n']); print('after')"
    with page.open("wb") as printed:
        subprocess.run([sys.executable, "-c", script, str(link)], stdout=printed, check=True)
    assert page.read_text() == "before\nthe page\nafter\n"
    assert link.is_symlink()
    assert {path.name for path in tmp_path.iterdir()} == {"stdout", "page.html"}
