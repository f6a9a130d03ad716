"""Trees grown by a process beside have the roots they always had, whatever becomes of that process."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ledger import kernel
from ledger.kernel import beside, pure
from ledger.kernel.hashing import PEAKS
from ledger.kernel.table import pure_kernel

pytestmark = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="no memory without a name here")

LEAF = beside.SIZE
ROOM = beside.LEAVES * LEAF
DATA = random.Random(138).randbytes(2 * ROOM + 5000)
LENGTHS = [beside.LEAST, beside.LEAST + 1, ROOM - 1, ROOM, ROOM + 1, ROOM + LEAF, 2 * ROOM + 700]


def plain(runs: Sequence[int]) -> bytes:
    """The root over the first bytes of DATA, so many at a time, by one function after the other."""
    stack = kernel.Stack()
    for run in runs:
        stack.add(pure.leaf_hashes(DATA[:run], LEAF))
    return stack.root()


def grown(runs: Sequence[int]) -> bytes:
    """The same of leaves handed over, in memory that is written over right after."""
    stack = kernel.Stack()
    for run in runs:
        data = bytearray(DATA[:run])
        stack.add_leaves(data, LEAF)
        data[:] = bytes(run)
    return stack.root()


def ended(process: int) -> bool:
    """Whether a process is no more, soon."""
    for _ in range(600):
        try:
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


@pytest.fixture(autouse=True)
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[beside.Work]:
    """The pure functions, and a process from the first byte on."""
    monkeypatch.setattr(kernel, "_kernel", lambda: pure_kernel("for a test"))
    monkeypatch.setattr(beside, "BEGIN", 0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    made = beside.Work()
    monkeypatch.setattr(beside, "_work", made)
    yield made
    made.close()


def running(work: beside.Work) -> beside.Helper:
    helper = work.helper(ROOM)
    assert helper is not None
    return helper


@pytest.mark.parametrize("length", LENGTHS)
def test_roots_are_the_same(work: beside.Work, length: int) -> None:
    assert grown([length]) == plain([length])
    assert running(work).process


def test_short_runs_between_long_ones(work: beside.Work) -> None:
    runs = [ROOM, 3 * LEAF, ROOM, 0, LEAF, 100 * LEAF, 2 * ROOM, 7]
    assert grown(runs) == plain(runs)
    stack = kernel.Stack()
    for run in runs[:-1]:
        stack.add_leaves(DATA[:run], LEAF)
    assert stack.leaves == sum(-(-run // LEAF) for run in runs[:-1])
    assert stack.root() == plain(runs[:-1]) == stack.root()
    stack.add_leaves(np.frombuffer(DATA[: runs[0]], "<i4"), LEAF)
    assert stack.root() == plain([*runs[:-1], runs[0]])


def test_trees_grow_side_by_side_on_threads(work: beside.Work) -> None:
    lengths = [ROOM + count * 40_000 for count in range(12)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda length: grown([length]), lengths)) == [plain([length]) for length in lengths]


@pytest.fixture
def stopped(work: beside.Work) -> Iterator[beside.Helper]:
    """A process that answers only once it is told to go on; it is waited for as long as it takes."""
    helper = running(work)
    os.kill(helper.process, signal.SIGSTOP)
    yield helper
    if not helper.ended():
        os.kill(helper.process, signal.SIGCONT)


def test_where_all_rooms_are_taken_leaves_are_hashed_here(stopped: beside.Helper) -> None:
    lengths = [beside.LEAST, ROOM, ROOM - 1, ROOM - LEAF, beside.LEAST + 1, 700 * LEAF + 7][: beside.ROOMS + 3]
    stacks = [kernel.Stack() for _ in lengths]
    for stack, length in zip(stacks, lengths, strict=True):
        stack.add_leaves(DATA[:length], LEAF)
    alone = slice(beside.ROOMS, None)
    assert [stack.root() for stack in stacks[alone]] == [plain([length]) for length in lengths[alone]]
    os.kill(stopped.process, signal.SIGCONT)
    assert [stack.root() for stack in stacks] == [plain([length]) for length in lengths]


def test_a_tree_goes_on_before_it_has_grown(stopped: beside.Helper) -> None:
    """Its next runs wait in rooms for the first one, and what follows is hashed here."""
    stack, others = kernel.Stack(), kernel.Stack()
    for _ in range(beside.ROOMS):
        stack.add_leaves(DATA[:ROOM], LEAF)
    stack.add_leaves(DATA[: 70 * LEAF], LEAF)
    os.kill(stopped.process, signal.SIGCONT)
    stack.add_leaves(DATA[:ROOM], LEAF)
    others.add_leaves(DATA[:ROOM], LEAF)
    assert stack.root() == plain([ROOM] * beside.ROOMS + [70 * LEAF, ROOM])
    assert others.root() == plain([ROOM])


@pytest.mark.parametrize("whole", [2 * ROOM, 2 * ROOM + 700])
def test_a_tree_that_went_on_before_the_process_died_grows_here(stopped: beside.Helper, whole: int) -> None:
    stack = kernel.Stack()
    stack.add_leaves(DATA[:whole], LEAF)
    os.kill(stopped.process, signal.SIGKILL)
    assert stack.root() == plain([whole])


def test_one_thread_at_a_time_hashes_here(stopped: beside.Helper) -> None:
    """The others wait until there is room."""
    first, second = kernel.Stack(), kernel.Stack()
    for _ in range(beside.ROOMS):
        first.add_leaves(DATA[:ROOM], LEAF)
    with stopped._turn, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(second.add_leaves, DATA[:ROOM], LEAF)
        assert not waiting.done()
        os.kill(stopped.process, signal.SIGCONT)
        waiting.result()
    assert second.root() == plain([ROOM])
    assert first.root() == plain([ROOM] * beside.ROOMS)


def test_trees_in_any_order_by_one_thread(work: beside.Work) -> None:
    draw = random.Random(155)
    stacks, runs = [kernel.Stack() for _ in range(4)], [list[int]() for _ in range(4)]
    for _ in range(60):
        at = draw.randrange(4)
        runs[at].append(LEAF * draw.choice([1, 64, 700, 1024, 2048]))
        stacks[at].add_leaves(DATA[: runs[at][-1]], LEAF)
    assert [stack.root() for stack in stacks] == [plain(run) for run in runs]


def test_no_other_thread_reads_where_a_process_is_wanted(work: beside.Work, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [kernel.readers(threads) for threads in (0, 1, 2, 8)] == [0, 0, 0, 0]
    with monkeypatch.context() as patch:
        patch.setattr(kernel, "_kernel", lambda: pure_kernel("for a test")._replace(beside=False))
        assert kernel.readers(8) == 8
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert grown([ROOM]) == plain([ROOM])
    assert kernel.readers(8) == 8, "there is none to be had"


def test_leaves_of_another_size_stay_here(work: beside.Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "Helper", None)
    stack = kernel.Stack()
    stack.add_leaves(DATA[:ROOM], 1040)
    assert stack.leaves == -(-ROOM // 1040)


def test_little_work_begins_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "BEGIN", 3 * ROOM)
    work = beside.Work()
    assert [work.helper(ROOM), work.helper(ROOM), work.helper(ROOM)] == [None] * 3
    assert work.helper(ROOM) is not None
    work.close()


def test_one_core_begins_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert beside.Work().helper(ROOM) is None


@pytest.mark.parametrize("program", ["/nowhere/python", "/bin/false", "/bin/true"])
def test_where_there_is_none_the_work_is_done_here(
    work: beside.Work, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", program)
    assert grown([ROOM, ROOM]) == plain([ROOM, ROOM])


def test_a_run_longer_than_all_rooms(stopped: beside.Helper) -> None:
    """What has no room is hashed here, and the rest is handed over once there is some again."""
    stack, long = kernel.Stack(), DATA[:ROOM] * (beside.ROOMS + 2)
    pool = ThreadPoolExecutor(1)
    adding = pool.submit(stack.add_leaves, long, LEAF)
    os.kill(stopped.process, signal.SIGCONT)
    adding.result()
    pool.shutdown()
    assert stack.root() == plain([ROOM] * (beside.ROOMS + 2))


def test_one_that_was_killed_is_not_begun_again(work: beside.Work) -> None:
    stack, helper = kernel.Stack(), running(work)
    os.kill(helper.process, signal.SIGSTOP)
    stack.add_leaves(DATA[:ROOM], LEAF)
    os.kill(helper.process, signal.SIGKILL)
    stack.add_leaves(DATA[:ROOM], LEAF)
    assert stack.root() == plain([ROOM, ROOM])
    assert work.helper(ROOM) is None
    assert grown([ROOM]) == plain([ROOM])


def test_an_interrupt_from_the_terminal_is_not_for_it(work: beside.Work) -> None:
    assert os.getpgid(running(work).process) != os.getpgid(0)
    assert grown([ROOM]) == plain([ROOM])


def test_one_that_is_silent_is_given_up(work: beside.Work, monkeypatch: pytest.MonkeyPatch) -> None:
    helper = running(work)
    assert grown([ROOM]) == plain([ROOM])
    monkeypatch.setattr(beside, "SILENCE", 0.2)
    os.kill(helper.process, signal.SIGSTOP)
    assert grown([ROOM, ROOM, ROOM]) == plain([ROOM, ROOM, ROOM])
    assert helper.ended()
    assert work.helper(ROOM) is None


def test_what_a_dead_one_had_begun_is_begun_again(work: beside.Work) -> None:
    """Peaks that it wrote before it died do not count."""
    stack, helper = kernel.Stack(), running(work)
    stack.add_leaves(DATA[:ROOM], LEAF)
    stack.root()
    os.kill(helper.process, signal.SIGSTOP)
    stack.add_leaves(DATA[:ROOM], LEAF)
    for room in helper.rooms:
        room[:PEAKS] = bytes([7]) * PEAKS
    os.kill(helper.process, signal.SIGKILL)
    assert stack.root() == plain([ROOM, ROOM])


def test_one_that_ended_for_want_of_work_is_begun_again(work: beside.Work) -> None:
    first = running(work)
    assert grown([ROOM]) == plain([ROOM])
    first._asked.close()
    assert ended(first.process)
    assert running(work) is not first
    assert first._said.closed, "nothing of it stays open"
    assert grown([ROOM]) == plain([ROOM])


def test_a_child_of_a_fork_begins_without_it(work: beside.Work) -> None:
    first = running(work)
    work.hold()
    work.forget()
    assert grown([ROOM]) == plain([ROOM])
    assert running(work).process != first.process
    assert ended(first.process)


def test_a_fork_waits_for_what_is_under_way(work: beside.Work) -> None:
    """The memory is the child's, too: the parent would write over what the child has yet to grow."""
    stack = kernel.Stack()
    stack.add_leaves(DATA[:ROOM], LEAF)
    helper = running(work)
    work.hold()
    helper.rooms[0][:] = helper.rooms[1][:] = bytes(len(helper.rooms[0]))
    work.forget()
    stack.add_leaves(DATA[:ROOM], LEAF)
    assert stack.root() == plain([ROOM, ROOM])


def test_forks_end_well_for_both_while_threads_work() -> None:
    code = """
import os, random, threading
os.sched_getaffinity = lambda _: {0, 1}
from ledger import kernel
from ledger.kernel import beside
beside.BEGIN = beside._work._left = 0
data = random.Random(138).randbytes(1 << 20)

def grown(stack):
    stack.add_leaves(data, 1024)
    return stack.root().hex()

stop, alone = threading.Event(), kernel.Stack()
right, twice = grown(kernel.Stack()), kernel.Stack()
def work():
    while not stop.is_set():
        assert grown(kernel.Stack()) == right
thread = threading.Thread(target=work, daemon=True)
thread.start()
twice.add_leaves(data, 1024)
both = grown(twice)
for _ in range(8):
    stack = kernel.Stack()
    stack.add_leaves(data, 1024)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = int(grown(stack) != both or grown(kernel.Stack()) != right)
        finally:
            os._exit(code)
    assert grown(stack) == both
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
stop.set()
thread.join()
"""
    environment = {**os.environ, "FEDLEDGER_KERNEL": "pure"}
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("where", "times"), [((beside, "Growth"), beside.ROOMS), ((beside.Helper, "_ask"), 1)])
def test_an_interrupt_costs_no_room(
    work: beside.Work, where: tuple[object, str], times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    kept = kernel.Stack()
    kept.add_leaves(DATA[:ROOM], LEAF)
    for _ in range(times):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(*where, interrupted)
            kernel.Stack().add_leaves(DATA[:ROOM], LEAF)
    monkeypatch.setattr(beside, "SILENCE", 0.2)
    assert grown([ROOM, ROOM, ROOM]) == plain([ROOM, ROOM, ROOM])
    assert kept.root() == plain([ROOM])


def test_at_the_end_of_all_what_is_under_way_is_done_here(work: beside.Work) -> None:
    stack = kernel.Stack()
    stack.add_leaves(DATA[:ROOM], LEAF)
    work.close()
    stack.add_leaves(DATA[:ROOM], LEAF)
    work.close()
    assert stack.root() == plain([ROOM, ROOM])


@pytest.mark.parametrize("code", ["", "os._exit(0)", "os.kill(os.getpid(), 9)"])
def test_it_does_not_outlive_its_parent(code: str) -> None:
    setup = (
        "import os; from ledger.kernel import beside; beside.BEGIN = 0;"
        "os.sched_getaffinity = lambda _: {0, 1}; work = beside.Work(); beside._work = work;"
        "print(work.helper(1 << 20).process, flush=True);"
    )
    done = subprocess.run([sys.executable, "-c", setup + code], capture_output=True, text=True)
    assert done.stderr == ""
    assert ended(int(done.stdout))


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_it_begins_where_the_programs_own_streams_are_closed(closed: Sequence[int], tmp_path: Path) -> None:
    code = f"""import os
for stream in {closed!r}:
    os.close(stream)
from ledger.kernel import beside
helper = beside.Helper()
peaks = helper.grow(bytes({PEAKS}), 0, bytes({LEAF})).peaks()
with open({str(tmp_path / "said")!r}, "w") as said:
    said.write(f"{{helper.ended()}} {{peaks[:32].hex()}}")
helper.close()
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (tmp_path / "said").read_text() == f"False {pure.leaf_hashes(bytes(LEAF), LEAF).hex()}"


INTERRUPTED = """
import os, sys
from ledger.kernel import beside

def interrupted(at):
    "One that begins, with Ctrl-C at the so-manyth instruction of this thread; whether there is one so late."
    left = [at]
    def trace(frame, event, _):
        if frame.f_code.co_filename != beside.__file__:
            return None
        frame.f_trace_opcodes = True
        left[0] -= event == "opcode"
        if not left[0] and event == "opcode":
            raise KeyboardInterrupt
        return trace
    work = beside.Work()
    work._left = 0
    sys.settrace(trace)
    try:
        work.helper(beside.LEAST)
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(None)
    work.close()
    return left[0] <= 0

interrupted(0)
before, at = sorted(os.listdir("/proc/self/fd")), 1
while interrupted(at):
    assert sorted(os.listdir("/proc/self/fd")) == before, at
    at += 1
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("no process and no descriptor is left", at > 20)
"""


def test_an_interrupt_while_it_begins_leaves_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=False, timeout=300)
    assert done.stdout == "no process and no descriptor is left True\n", done.stderr
