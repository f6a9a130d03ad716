"""Worker processes: answers in order, parts of one that ends done by another, and none left in the end."""

import os
import sys
from collections.abc import Callable
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest
from support.processes import gone

from ledger.party.workers import processes, serving, worker
from ledger.party.workers.crew import answers
from ledger.party.workers.frames import BEAT, LARGEST_ANSWER, receive, send
from ledger.party.workers.messages import encode
from ledger.party.workers.processes import Processes, on_processes
from ledger.party.workers.trade import ROUNDS

Begun = Callable[[str], None]
_SERVER = """
import os, signal, sys, time
from pathlib import Path
from ledger.party.workers.crew import answers
from ledger.party.workers.frames import receive, send
source, target, folder = sys.stdin.buffer, sys.stdout.buffer, Path({folder!r})
setup = receive(source)
while (part := receive(source)) is not None:
    {answer}
"""


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Begun:
    """Has workers run another program: what it does with each part."""

    def change(answer: str) -> None:
        program = _SERVER.format(folder=str(tmp_path), answer=answer)
        monkeypatch.setattr(processes, "_COMMAND", (sys.executable, "-c", program))

    return change


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_answers_come_in_the_order_of_the_parts(begun: Begun, workers: int) -> None:
    begun("send(target, setup + part)")
    parts = [b"%d" % number for number in range(7)]
    assert list(on_processes(b"to ", parts, workers)) == [b"to " + part for part in parts]


def test_a_part_of_a_process_that_ends_is_given_to_another(begun: Begun, tmp_path: Path) -> None:
    begun(
        "(folder / 'died').mkdir() or os._exit(1) if part == b'2' and not (folder / 'died').exists() else None\n"
        "    time.sleep(0.05)\n"
        "    send(target, part)"
    )
    parts = [b"%d" % number for number in range(6)]
    assert list(on_processes(b"setup", parts, 2)) == parts
    assert (tmp_path / "died").exists()


def test_a_worker_that_ends_is_begun_again(begun: Begun, tmp_path: Path) -> None:
    """The only one there is, at its first part and in between."""
    begun(
        "(folder / f'died {part}').mkdir() or os._exit(1)"
        " if part in b'03' and not (folder / f'died {part}').exists() else send(target, part)"
    )
    parts = [b"%d" % number for number in range(5)]
    assert list(on_processes(b"setup", parts, 1)) == parts
    assert len(list(tmp_path.iterdir())) == 2


def test_a_crew_goes_on_from_one_lot_of_parts_to_the_next(begun: Begun) -> None:
    begun("send(target, b'%d' % os.getpid())")
    with closing(Processes(ROUNDS, b"setup", 1)) as crew:
        first, second = (list(answers(crew, [b"0", b"1", b"2", b"3", b"4", b"5"])) for _ in range(2))
    assert set(first) == set(second)
    assert len(set(first)) == 1
    assert crew.ask(b"6")() is None


def test_a_worker_without_a_part_is_not_one_that_stopped(begun: Begun) -> None:
    begun("send(target, b'%d' % os.getpid())")
    with closing(Processes(ROUNDS, b"setup", 1)) as crew:
        process = crew.ask(b"0")()
        for _ in range(2 * processes.SILENT):
            crew.look()
        assert crew.ask(b"1")() == process


def test_a_part_that_ends_every_process_is_left_to_the_audit(begun: Begun) -> None:
    begun("os._exit(1) if part == b'0' else send(target, part)")
    answers = list(on_processes(b"setup", [b"0", b"1", b"2"], 3))
    assert answers[0] is None
    assert set(answers[1:]) <= {b"1", b"2", None}


@pytest.mark.parametrize("command", [("/nowhere/python",), (sys.executable, "-c", "raise SystemExit(1)")])
def test_without_any_process_all_is_left_to_the_audit(
    monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setattr(processes, "_COMMAND", command)
    assert list(on_processes(b"setup" * (1 << 20), [b"0", b"1"], 2)) == [None, None]


STOPS = "os.kill(os.getpid(), signal.SIGSTOP)"


def test_where_all_processes_stop_all_is_left_to_the_audit(begun: Begun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LOOK", 0.02)
    monkeypatch.setattr(processes, "SILENT", 3)
    begun(STOPS)
    assert list(on_processes(b"setup" * (1 << 20), [b"0", b"1", b"2"], 2)) == [None] * 3


def test_a_part_of_a_process_that_stops_is_given_to_one_that_goes_on(
    begun: Begun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One stops. The other is as slow with its part, but says that it goes on, and has both parts in the end."""
    stopped, busy = tmp_path / "stopped", tmp_path / "busy"
    look = processes.Processes.look

    def look_once_both_work(pool: processes.Processes) -> None:
        if stopped.exists() and busy.exists():
            look(pool)

    monkeypatch.setattr(processes, "LOOK", 0.02)
    monkeypatch.setattr(processes, "SILENT", 100)
    monkeypatch.setattr(processes.Processes, "look", look_once_both_work)
    begun(
        "if part == b'0' and not (folder / 'stopped').exists():\n"
        "        (folder / 'new').write_text(str(os.getpid()))\n"
        "        (folder / 'new').rename(folder / 'stopped')\n"
        f"        {STOPS}\n"
        "    while not (folder / 'stopped').exists(): time.sleep(0.01)\n"
        "    (folder / 'busy').touch()\n"
        "    try:\n"
        "        while True:\n"
        "            os.kill(int((folder / 'stopped').read_text()), 0)\n"
        "            send(target, b'')\n"
        "            time.sleep(0.01)\n"
        "    except ProcessLookupError:\n"
        "        send(target, part)"
    )
    assert list(on_processes(b"setup", [b"0", b"1"], 2)) == [b"0", b"1"]


def test_a_beat_is_not_an_answer(begun: Begun) -> None:
    begun("[send(target, message) for message in (b'', b'', part, b'')]")
    assert list(on_processes(b"setup", [b"0", b"1"], 1)) == [b"0", b"1"]


def test_an_answer_that_finds_no_memory_is_none(begun: Begun, monkeypatch: pytest.MonkeyPatch) -> None:
    def received(source: object, largest: int) -> bytes:
        raise MemoryError

    monkeypatch.setattr(processes, "receive", received)
    begun("send(target, part)")
    assert list(on_processes(b"setup", [b"0", b"1"], 2)) == [None, None]


def test_an_answer_that_is_too_large_is_not_read(begun: Begun) -> None:
    begun(f"target.write(({LARGEST_ANSWER} + 1).to_bytes(8)); target.flush(); time.sleep(300)")
    assert list(on_processes(b"setup", [b"0"], 1)) == [None]


def test_a_worker_says_that_it_goes_on_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        def __init__(self, setup: object, beat: Callable[[], None]) -> None:
            self.check = lambda part: [beat() for _ in range(5)] and []

    for name in ("parse_setup", "parse_part"):
        monkeypatch.setattr(worker, name, bytes)
    monkeypatch.setattr(worker, "RoundsWorker", Slow)
    monkeypatch.setattr(serving, "BETWEEN_BEATS", 1e9)
    told, said = BytesIO(), BytesIO()
    send(told, b"setup")
    send(told, b"part")
    told.seek(0)
    serving.serve(worker.__name__, told, said)
    said.seek(0)
    assert [receive(said) for _ in range(3)] == [BEAT, encode([]), None]


def test_a_cut_answer_is_none(begun: Begun) -> None:
    begun("target.write(bytes(7) + b'x' + b'abc'); target.flush(); os._exit(0)")
    assert list(on_processes(b"setup", [b"0"], 1)) == [None]


def test_all_processes_end_with_the_audit(begun: Begun) -> None:
    begun("send(target, b'%d' % os.getpid()) if part == b'0' else time.sleep(300)")
    answers = on_processes(b"setup", [b"0", b"1", b"1"], 3)
    process = int(next(answers) or 0)
    answers.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


@pytest.mark.parametrize("patient", [False, True])
def test_what_a_worker_started_ends_with_it_and_keeps_nobody_waiting(
    begun: Begun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patient: bool
) -> None:
    """A child holds the worker's pipes, and lives on where the worker ended."""
    monkeypatch.setattr(processes, "LOOK", 0.05)
    begun(
        "child = 0 if (folder / 'child').exists() else os.fork()\n"
        "    if child == 0 and not (folder / 'child').exists():\n"
        "        (folder / 'child').write_text(str(os.getpid())); time.sleep(300)\n"
        "    while not (folder / 'child').exists(): time.sleep(0.01)\n"
        "    os._exit(1) if child else send(target, part)"
    )
    trade = ROUNDS._replace(patient=patient)
    assert list(on_processes(b"setup", [b"0", b"1"], 1, trade)) == [b"0", b"1"]
    assert gone(int((tmp_path / "child").read_text()))


def test_a_message_crosses_whole_or_not_at_all() -> None:
    source, target = os.pipe()
    with os.fdopen(source, "rb") as reading:
        with os.fdopen(target, "wb") as writing:
            send(writing, b"one")
            send(writing, b"two")
            writing.write(bytes(7) + b"\x05cut")
        assert [receive(reading) for _ in range(3)] == [b"one", b"two", None]
