"""Worker processes: answers in order, parts of one that ends done by another, and none left in the end."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.party.workers import processes
from ledger.party.workers.frames import receive, send
from ledger.party.workers.processes import on_processes

Begun = Callable[[str], None]
_SERVER = """
import os, sys, time
from pathlib import Path
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


def test_a_message_crosses_whole_or_not_at_all() -> None:
    source, target = os.pipe()
    with os.fdopen(source, "rb") as reading:
        with os.fdopen(target, "wb") as writing:
            send(writing, b"one")
            send(writing, b"two")
            writing.write(bytes(7) + b"\x05cut")
        assert [receive(reading) for _ in range(3)] == [b"one", b"two", None]
