"""What was read is remembered until it was written again."""

from pathlib import Path

from ledger.party.sharing.remembered import MOST, RACY, Remembered


def test_a_file_is_read_again_once_it_or_what_it_is_read_for_is_another(tmp_path: Path) -> None:
    path, read = tmp_path / "file", list[bytes]()
    remembered = Remembered[bytes](lambda: path.stat().st_mtime_ns + 2 * RACY)

    def get(about: object = 1) -> bytes:
        def work() -> bytes:
            read.append(path.read_bytes())
            return read[-1]

        return remembered.get("name", path, about, work)

    path.write_bytes(b"one")
    assert [get(), get()] == [b"one", b"one"]
    assert len(read) == 1
    assert (get(about=2), len(read)) == (b"one", 2)
    path.write_bytes(b"other")
    assert (get(about=2), len(read)) == (b"other", 3)


def test_what_was_changed_a_moment_ago_is_read_again(tmp_path: Path) -> None:
    path, read = tmp_path / "file", list[int]()
    path.write_bytes(b"one")
    remembered = Remembered[None](lambda: path.stat().st_mtime_ns + RACY // 2)
    for _ in range(3):
        remembered.get("name", path, None, lambda: read.append(1))
    assert len(read) == 3


def test_no_more_is_remembered_than_a_few_rounds(tmp_path: Path) -> None:
    remembered = Remembered[int](lambda: 1 << 62)
    for number in range(3 * MOST):
        remembered.get(number, tmp_path, None, lambda: 1)
    assert len(remembered._known) == MOST


def test_a_file_whose_time_is_to_come_is_remembered_until_that_time(tmp_path: Path) -> None:
    """A restored backup, or a clock that was set back: each stranger's request must not read the disk again."""
    path, read = tmp_path / "file", list[int]()
    path.write_bytes(b"one")
    now = [path.stat().st_mtime_ns - 3600 * 10**9]
    remembered = Remembered[None](lambda: now[0])

    def reads(times: int) -> int:
        before = len(read)
        for _ in range(times):
            remembered.get("name", path, None, lambda: read.append(1))
        return len(read) - before

    assert reads(3) == 1
    now[0] += 3600 * 10**9
    assert reads(3) == 3, "another change may have the same time now"
    now[0] += 2 * RACY
    assert reads(3) == 1
