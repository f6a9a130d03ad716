"""The command as it is typed: exit codes, errors as JSON, and output that cannot be written is never a verdict."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.command import PROGRAM, fedledger, play
from support.consortia.synthetic import Trial
from support.processes import closing

from ledger.cli.main import main


def test_an_audits_exit_code_is_its_answers(consortium: Any, tmp_path: Path) -> None:
    with Trial(consortium) as trial:
        play(trial)
        play(trial, liar=3)
        home = consortium.members[0].home
        common = ("--network", home.network_file, "--home", tmp_path / "auditor", "--no-source", "--json")
        good = fedledger("audit", "--round", 1, *common)
        caught = fedledger("audit", *common)
        trial.consortium.send(1, "ledger", "openRound", trial.number)
        trial.submit()
        trial.parties[1].publish(root=b"\x07" * 32)
        false = fedledger("audit", *common)
        shown = fedledger("audit", *common[:-1])
        for party in trial.parties:
            party.serving.close()
        lost = fedledger("audit", "--round", 1, *common)
    assert (good.returncode, answers(good.stdout)) == (0, ("yes", "none")), good.stderr
    assert (caught.returncode, answers(caught.stdout)) == (0, ("yes", "caught")), caught.stderr
    assert (false.returncode, answers(false.stdout)) == (1, ("no", "pending")), false.stderr
    assert shown.returncode == 1
    assert "Is it right?    no" in shown.stdout
    for said in ("member 3 said attestation of aggregate 1/2, attempt 1", "caught: the members did not take it"):
        assert said in shown.stdout
    assert "member 1 said aggregate 1/3, attempt 1" in shown.stdout
    assert (lost.returncode, answers(lost.stdout)) == (3, ("unknown", "none")), lost.stderr
    assert str(trial.job.cid) in lost.stdout


def answers(printed: str) -> tuple[str, str]:
    report = json.loads(printed)
    return report["right"]["answer"], report["lies"]["answer"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_cannot_be_written_is_no_verdict(tmp_path: Path) -> None:
    """Not 0 and not 1: both would say that something was checked."""
    with Path("/dev/full").open("w") as full:
        done = fedledger("--help", stdout=full)
        document = fedledger("keys", "show", "--keystore", keystore(tmp_path), "--json", stdout=full)
    assert done.returncode == 3
    assert "could not be written: No space left" in done.stderr
    assert document.returncode == 3
    assert "could not be written" in json.loads(document.stderr)["message"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_where_nobody_hears_the_exit_code_tells_alone(tmp_path: Path) -> None:
    """Python ends with 1 where standard error takes nothing: that would say that somebody lied."""
    (tmp_path / "no.car").write_bytes(b"no bundle")
    with Path("/dev/full").open("w") as full:
        for words, code in ((["--version"], 3), (["bogus"], 2), (["bogus", "--json"], 2)):
            assert (
                subprocess.run([*PROGRAM, *words], stdout=full, stderr=full, check=False, timeout=240).returncode
                == code
            )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_verdict_that_cannot_be_written_is_none(as_json: list[str], tmp_path: Path) -> None:
    """3 is one of the verdicts of this command."""
    (tmp_path / "no.car").write_bytes(b"no bundle")
    with Path("/dev/full").open("w") as full:
        done = fedledger("bundle", "check", tmp_path / "no.car", *as_json, stdout=full)
    assert (done.returncode, "could not be written" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("streams", ["1>&- 2>&-", "0<&- 1>&- 2>&-"])
def test_no_file_gets_the_descriptor_of_a_closed_stream(streams: str) -> None:
    code = (
        "import os, sys; from ledger.cli.main import _open_streams; _open_streams()\n"
        "file = os.open('/dev/zero', os.O_RDONLY)\n"
        "sys.exit(0 if file > 2 and all(os.get_inheritable(number) for number in range(3)) else 9)"
    )
    shell = ["sh", "-c", f'exec "$@" {streams}', "sh", sys.executable, "-c", code]
    assert subprocess.run(shell, check=False, timeout=240).returncode == 0


@pytest.mark.parametrize("stream", [0, 1, 2])
def test_a_closed_stream_changes_no_exit_code(stream: int, tmp_path: Path) -> None:
    (tmp_path / "no.car").write_bytes(b"no bundle")
    for words, code in ((("--version",), 0), (("bundle", "check", tmp_path / "no.car"), 3)):
        done = closing(stream, [*PROGRAM, *words])
        assert (done.returncode, done.stderr) == (code, b"")
        assert bool(done.stdout) == (stream != 1)


def test_no_warning_of_urllib3_is_printed() -> None:
    """Nor where the filter that requests sets was taken away meanwhile, as by another thread."""
    code = (
        "from ledger.cli.main import main; main(['--version']); import contextlib\n"
        "with contextlib.suppress(ImportError): import urllib3.contrib.socks"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


def keystore(folder: Path) -> Path:
    from ledger.keys import create

    create(folder / "key.json", "secret", light=True)
    return folder / "key.json"


def test_a_closed_pipe_is_no_verdict(consortium: Any) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        done = fedledger("status", "--home", consortium.members[0].home.folder, stdout=closed)
    assert (done.returncode, "pipe" in done.stderr) == (3, True), done.stderr


WRONG: list[tuple[list[str], int, str]] = [
    (["status", "--bogus"], 2, "--bogus"),
    (["audit", "--round", "0"], 2, "--round"),
    (["audit", "--round", "1/x"], 2, "--round"),
    (["audit", "--all", "--round", "1"], 2, "--all"),
    (["audit", "--model", "1/1", "--release", "a"], 2, "--release"),
    (["bogus"], 2, "bogus"),
    (["job", "show", "x"], 2, "integer"),
    (["store", "get", "nonsense"], 2, "CID"),
    (["status", "--home", "/nowhere/at/all"], 2, "node init"),
    (["audit", "--network", "/nowhere/network.toml"], 2, "no such file"),
    (["keys", "show", "--keystore", "/nowhere/key"], 2, "key file"),
    (["deploy", "/nowhere/consortium.toml"], 2, "no such file"),
    (["job", "propose", "/nowhere/job.json"], 2, "job.json"),
]


@pytest.mark.parametrize(("arguments", "code", "words"), WRONG, ids=[" ".join(case[0]) for case in WRONG])
def test_errors_are_json_on_the_error_stream(
    arguments: list[str], code: int, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for extra in ([], ["--json"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments + extra)
        said = capfd.readouterr()
        assert ended.value.code == code
        assert said.out == ""
        assert words in said.err
        if extra:
            document = json.loads(said.err)
            assert set(document) == {"error", "message", "advice", "facts"}


@pytest.mark.parametrize("words", [["--json", "job", "show", "x"], ["job", "--json", "show", "x"]])
def test_json_may_stand_before_the_command(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "integer" in json.loads(capfd.readouterr().err)["message"]


def test_json_after_two_dashes_is_a_word_like_any_other(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["store", "get", "--", "--json"])
    assert "--json" in capfd.readouterr().err


def test_a_defect_says_so_and_keeps_quiet_about_verdicts(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(_path: Path) -> str:
        raise ZeroDivisionError("\x1b[31m")

    monkeypatch.setattr("ledger.keys.address_of", broken)
    for extra in ([], ["--json"]):
        with pytest.raises(SystemExit) as ended:
            main(["keys", "show", *extra])
        assert ended.value.code == 70
        said = capfd.readouterr().err
        assert "ZeroDivisionError" in said
        assert "\x1b" not in said


@pytest.mark.parametrize("words", [("add", "-"), ("import", "-")])
def test_a_closed_input_is_not_a_file_of_no_bytes(words: tuple[str, str], tmp_path: Path) -> None:
    done = closing(0, [*PROGRAM, "store", *words, "--home", tmp_path])
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"standard input is closed" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_open_input_without_bytes_is_one(tmp_path: Path) -> None:
    words = [*PROGRAM, "store", "add", "-", "--home", str(tmp_path), "--json"]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=240)
    assert (done.returncode, json.loads(done.stdout)["size"]) == (0, 0), done.stderr


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs /proc")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("bundle", "check"), 2),
        (("evidence", "check"), 3),
        (("store",), 3),
        (("job", "propose"), 3),
        (("edge", "check", "--round", "1"), 2),
        (("status", "--network"), 3),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_not_the_output(
    words: tuple[str, ...], code: int, tmp_path: Path
) -> None:
    """Of a process's memory the first byte cannot be read, as of a file on a disk that fails."""
    home = ("import", "--home", tmp_path) if words == ("store",) else ()
    done = fedledger(*words, *home, "/proc/self/mem")
    assert (done.returncode, "/proc/self/mem" in done.stderr) == (code, True), done.stderr
    assert "the output" not in done.stderr
