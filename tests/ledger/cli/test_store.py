"""`fedledger store`, as a user calls it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.cli.main import main
from ledger.formats import unixfs
from ledger.store.embedded import Embedded

DATA = bytes(range(256)) * 9000

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Runs a store command in a home of its own: exit code, output, errors."""

    def call(*arguments: str) -> tuple[int, str, str]:
        code: object = 0
        try:
            main(["store", *arguments, "--home", str(tmp_path / "home")])
        except SystemExit as end:
            code = end.code
        out, err = capfdbinary.readouterr()
        return int(str(code or 0)), out.decode("latin-1"), err.decode()

    return call


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.bin"
    path.write_bytes(DATA)
    return path


def test_add_list_get(run: Run, file: Path, tmp_path: Path) -> None:
    code, out, _ = run("add", str(file), "--json")
    added = json.loads(out)
    cid = str(unixfs.cid_of([DATA])[0])
    assert (code, added) == (0, {"cid": cid, "size": len(DATA), "pin": "file/model.bin"})
    assert json.loads(run("ls", "--json")[1]) == {"pins": [{"pin": "file/model.bin", "cid": cid, "size": len(DATA)}]}
    assert "2.3 MB  file/model.bin" in run("ls")[1]
    assert run("get", cid, "-o", str(tmp_path / "out"))[0] == 0
    assert (tmp_path / "out").read_bytes() == DATA
    assert run("get", cid, "--start", "3", "--stop", "9")[1].encode("latin-1") == DATA[3:9]
    assert json.loads(run("stat", "--json")[1])["files"] == 1


def test_pins_and_collect(run: Run, file: Path) -> None:
    cid = run("add", str(file))[1].strip()
    assert run("pin", "second", cid)[0] == 0
    assert run("unpin", "second")[0] == 0
    assert run("unpin", "second")[0] == 2
    assert run("collect")[1].strip() == "nothing to remove"
    run("unpin", "file/model.bin")
    assert json.loads(run("collect", "--pretend", "--json")[1]) == {"removed": [cid], "pretend": True}
    assert run("collect")[1].strip() == cid
    assert run("get", cid)[0] == 3


def test_export_import(run: Run, file: Path, tmp_path: Path) -> None:
    cid = run("add", str(file))[1].strip()
    assert run("export", cid, "-o", str(tmp_path / "model.car"))[0] == 0
    assert json.loads(run("import", str(tmp_path / "model.car"), "--json")[1]) == {"cid": cid, "pin": "file/model"}
    (tmp_path / "cut.car").write_bytes((tmp_path / "model.car").read_bytes()[:-5])
    code, _, err = run("import", str(tmp_path / "cut.car"))
    assert (code, "cut.car" in err) == (2, True)


def test_verify_names_the_damage_and_exits_3(run: Run, file: Path, tmp_path: Path) -> None:
    run("add", str(file))
    assert (run("verify")[0], "all good" in run("verify")[1]) == (0, True)
    (pack,) = (tmp_path / "home" / "store" / "packs").iterdir()
    data = bytearray(pack.read_bytes())
    data[1000] ^= 1
    pack.write_bytes(data)
    code, out, err = run("verify", "--json")
    (found,) = json.loads(out)["damaged"]
    assert code == 3
    assert found["pack"] == str(pack)
    assert found["offset"] <= 1000 < found["offset"] + found["length"]
    assert "Corrupt" in err
    assert run("get", str(unixfs.cid_of([DATA])[0]), "-o", str(tmp_path / "out"))[0] == 3
    assert not (tmp_path / "out").exists()


def test_serve_get_from_and_keep(run: Run, file: Path, tmp_path: Path) -> None:
    served = Embedded(tmp_path / "other" / "store", create=True)
    cid = str(served.put([DATA], "theirs"))
    served.close()
    command = [sys.executable, "-m", "ledger.cli.main", "store", "serve", "--home", str(tmp_path / "other"), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        try:
            url = json.loads(server.stdout.readline())["url"]
            code, out, _ = run("get", cid, "--from", url)
            assert (code, out.encode("latin-1")) == (0, DATA)
            assert run("keep", cid, "--from", url, "--name", "kept")[0] == 0
        finally:
            server.terminate()
    assert f"{cid}" in run("ls")[1]
    assert run("get", cid, "-o", str(tmp_path / "out"))[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["ls"], 3, "no store at"),
        (["get", "nonsense"], 2, "not a CID"),
        (["add", "/no/such/file"], 2, "there is no file"),
        (["import", "/no/such/file"], 2, "there is no file"),
    ],
)
def test_what_cannot_be_done_is_said(run: Run, arguments: list[str], code: int, says: str) -> None:
    found, _, err = run(*arguments)
    assert (found, says in err) == (code, True), err
