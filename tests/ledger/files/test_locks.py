"""One at a time, among threads and among processes."""

import threading
from multiprocessing import get_context

import pytest
from filelock import Timeout

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
