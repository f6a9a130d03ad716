"""One at a time, among threads and among processes."""

import errno
import fcntl
import threading
from multiprocessing import get_context

import pytest
from filelock import FileLock, Timeout

from ledger.files.locks import SharedLock


def test_threads_and_processes_have_it_one_at_a_time(tmp_path):
    with get_context("spawn").Pool(3) as pool:
        pool.map(_count, [tmp_path] * 3)
    assert (tmp_path / "count").read_text() == str(3 * 4 * 25)


def _count(folder):
    lock = SharedLock(folder / "lock", 60)

    def work():
        for _ in range(25):
            with lock.held():
                count = folder / "count"
                count.write_text(str(int(count.read_text()) + 1 if count.exists() else 1))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_thread_that_has_it_may_take_it_again(tmp_path):
    lock = SharedLock(tmp_path / "lock", 0.1)
    with lock.held(), lock.held():
        pass
    with lock.held():
        pass


@pytest.mark.parametrize("other", [False, True], ids=["this lock", "another process's"])
def test_who_waits_in_vain_is_told(tmp_path, other):
    holder = SharedLock(tmp_path / "lock", 0.1)
    lock = SharedLock(tmp_path / "lock", 0.1) if other else holder
    refused = []

    def work():
        try:
            with lock.held():
                pass
        except Timeout as error:
            refused.append(error.lock_file)

    with holder.held():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert [str(name) for name in refused] == [str(tmp_path / "lock")]


@pytest.mark.parametrize("first", [False, True], ids=["filelock waits", "filelock has it"])
def test_it_is_the_lock_of_filelock(tmp_path, first):
    path = tmp_path / "lock"
    shared, other = SharedLock(path, 0.05), FileLock(path, timeout=0.05)
    holder, refused = (other, shared.held) if first else (shared.held(), lambda: other)
    with holder, pytest.raises(Timeout), refused():
        pass
    with shared.held():
        pass


def test_a_file_that_was_deleted_while_it_was_opened_is_not_the_lock(tmp_path, monkeypatch):
    path, flock, deleted = tmp_path / "lock", fcntl.flock, []

    def after_another_deleted_it(handle, how):
        if not deleted:
            path.unlink()
            deleted.append(handle)
        flock(handle, how)

    monkeypatch.setattr(fcntl, "flock", after_another_deleted_it)
    with SharedLock(path, 60).held(), pytest.raises(Timeout), FileLock(path, timeout=0.05):
        pass
    assert deleted


def test_where_the_system_refuses_filelock_knows_what_to_do(tmp_path, monkeypatch):
    def refused(handle, how):
        raise OSError(errno.EIO, "no locks here")

    shared = SharedLock(tmp_path / "folder" / "lock", 60)
    with shared.held():
        assert (tmp_path / "folder").is_dir(), "it makes the folder"
    monkeypatch.setattr("ledger.files.locks.fcntl.flock", refused)
    with pytest.raises(OSError, match="no locks here"), shared.held():
        pass


def test_a_lock_that_was_not_had_is_free_for_the_next_thread(tmp_path):
    shared = SharedLock(tmp_path / "lock", 0.05)
    with FileLock(tmp_path / "lock"), pytest.raises(Timeout), shared.held():
        pass
    had = []

    def work():
        with shared.held():
            had.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert had
