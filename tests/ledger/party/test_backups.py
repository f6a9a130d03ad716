"""A home in one encrypted file, and back."""

import io
import json
import shutil
import stat
import tarfile
from pathlib import Path
from shlex import quote
from typing import ClassVar

import pytest
from click.testing import CliRunner

from ledger.cli.backup import backup, restore
from ledger.config import Home
from ledger.errors import FedledgerError, Malformed, Unavailable, UsageError
from ledger.keys import create
from ledger.party.posts import at_post
from ledger.party.upkeep import backups

pyrage = pytest.importorskip("pyrage", reason='pyrage is not installed: pip install "fedledger[backup]"')

WORDS = "nine blue horses"
SECRET = b"a salt that nobody else may read"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "north")
    create(made.keystore, "key words", light=True)
    for name, data in {
        "node.toml": b'name = "North"\n',
        "rows/salt": SECRET,
        "private/1-2": bytes(1000),
        "store/pack-1": b"content",
        "index.sqlite": b"index",
        "index.sqlite-wal": b"",
        "work/half": b"half",
        "outbox/lock": b"",
        "node.lock": b"",
    }.items():
        path = made.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    (made.folder / "rows" / "salt").chmod(0o600)
    return made


def contents(folder: Path) -> dict[str, bytes]:
    return {one.relative_to(folder).as_posix(): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def archive(**files: bytes) -> bytes:
    """A tar archive of such files, with a backup's description first."""
    room = io.BytesIO()
    with tarfile.open(fileobj=room, mode="w") as opened:
        said = b'{"fedledger":"backup/1","address":"0x","made":"","files":1,"size":1}'
        for name, data in {backups.DESCRIPTION: said, **files}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            opened.addfile(entry, io.BytesIO(data))
    return room.getvalue()


class Unsealed:
    """In age's place, for what is not about secrecy: its passphrases take a second each, on purpose."""

    passphrase: ClassVar[type] = NotImplemented
    DecryptError = pyrage.DecryptError

    @staticmethod
    def encrypt(data: bytes, _words: str) -> bytes:
        return data

    decrypt = encrypt


Unsealed.passphrase = Unsealed


@pytest.fixture
def unsealed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backups, "_age", lambda: Unsealed)


def test_what_cannot_be_got_again_comes_back_as_it_was(home: Home, tmp_path: Path) -> None:
    before = contents(home.folder)
    said = backups.back_up(home, tmp_path / "north.age", WORDS)
    data = (tmp_path / "north.age").read_bytes()
    assert SECRET not in data
    assert b"north" not in data.lower()
    assert data.startswith(b"age-encryption.org/v1\n-> scrypt ")
    assert stat.S_IMODE((tmp_path / "north.age").stat().st_mode) == 0o600

    again = Home(tmp_path / "elsewhere" / "north")
    assert backups.restore(again, tmp_path / "north.age", WORDS) == said
    kept = {"keystore.json", "node.toml", "rows/salt", "private/1-2"}
    assert contents(again.folder) == {name: before[name] for name in kept}
    assert said.files == len(kept)
    assert stat.S_IMODE((again.folder / "rows" / "salt").stat().st_mode) == 0o600
    assert list(again.folder.parent.iterdir()) == [again.folder], "no draft stays"


def test_the_commands_say_what_they_did_and_what_comes_next(home: Home, tmp_path: Path) -> None:
    words = tmp_path / "words"
    words.write_text(WORDS)
    words.chmod(0o600)
    options = ["--passphrase-file", str(words), "--home"]
    made = CliRunner().invoke(backup, [str(tmp_path / "north.age"), *options, str(home.folder), "--json"])
    assert json.loads(made.output)["files"] == 4
    back = CliRunner().invoke(restore, [str(tmp_path / "north.age"), *options, str(tmp_path / "again")])
    assert back.exit_code == 0
    assert f"Next: fedledger doctor --home {quote(str(tmp_path / 'again'))}" in back.output


def test_a_backup_that_is_not_there_is_named_before_a_passphrase_is_asked_for(tmp_path: Path) -> None:
    done = CliRunner().invoke(restore, [str(tmp_path / "north.age"), "--home", str(tmp_path / "again")])
    assert isinstance(done.exception, UsageError)
    assert done.exception.facts["file"] == str(tmp_path / "north.age")


@pytest.mark.parametrize("post", backups.POSTS)
def test_a_home_whose_roles_run_is_not_backed_up(home: Home, tmp_path: Path, post: str) -> None:
    with at_post(home.folder, post), pytest.raises(UsageError, match=f"the {post} of this home runs already"):
        backups.back_up(home, tmp_path / "north.age", WORDS)
    assert not (tmp_path / "north.age").exists()


@pytest.mark.usefixtures("unsealed")
def test_nothing_is_replaced(home: Home, tmp_path: Path) -> None:
    output = tmp_path / "north.age"
    output.write_bytes(before := archive(a=b"1"))
    with pytest.raises(UsageError, match="there is a file already"):
        backups.back_up(home, output, WORDS)
    with pytest.raises(UsageError, match="there is a home already"):
        backups.restore(home, output, WORDS)
    assert output.read_bytes() == before
    assert (home.folder / "rows" / "salt").read_bytes() == SECRET


def test_another_file_than_a_backup_is_said_to_be_none(tmp_path: Path) -> None:
    for content, way in ((b"", "writes one"), (b'{"fedledger": "job/2"}', "this is a job's document")):
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(Malformed, match="this is not a backup") as refused:
            backups.restore(Home(tmp_path / "new"), tmp_path / "file", "words")
        assert way in refused.value.advice
        assert not (tmp_path / "new").exists()


def test_only_its_passphrase_opens_a_backup_that_nobody_changed(home: Home, tmp_path: Path) -> None:
    path, again = tmp_path / "north.age", Home(tmp_path / "again")
    backups.back_up(home, path, WORDS)
    for words in ("", "nine blue horse"):
        with pytest.raises(UsageError, match="does not open"):
            backups.restore(again, path, words)
    whole = path.read_bytes()
    for place in (0, 100, len(whole) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(UsageError, match="does not open" if place else "not a backup"):
            backups.restore(again, path, WORDS)
    assert not again.folder.exists()


def test_without_a_passphrase_there_is_no_backup(home: Home, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs a passphrase"):
        backups.back_up(home, tmp_path / "north.age", "")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(bytes(20480), id="no description"),
        pytest.param(archive(**{"../out": b"1"}), id="out of the folder"),
        pytest.param(archive(**{"a": b"", "./a": b""}), id="one file twice"),
    ],
)
@pytest.mark.usefixtures("unsealed")
def test_what_is_no_backup_writes_nothing(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "evil.age"
    path.write_bytes(data)
    with pytest.raises((Malformed, FedledgerError)):
        backups.restore(Home(tmp_path / "again"), path, WORDS)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["evil.age"]


def test_a_link_in_a_home_is_named(home: Home, tmp_path: Path) -> None:
    (home.folder / "patients.csv").symlink_to(tmp_path / "patients.csv")
    with pytest.raises(UsageError, match="has a link in it") as caught:
        backups.back_up(home, tmp_path / "north.age", WORDS)
    assert caught.value.facts["file"] == str(home.folder / "patients.csv")


@pytest.mark.usefixtures("unsealed")
def test_a_restore_that_is_cut_off_leaves_no_home(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backups.back_up(home, tmp_path / "north.age", WORDS)
    shutil.rmtree(home.folder)
    with monkeypatch.context() as patch:
        patch.setattr(backups.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(Unavailable, match="No space"):
            backups.restore(home, tmp_path / "north.age", WORDS)
    assert not home.folder.exists()
    backups.restore(home, tmp_path / "north.age", WORDS)
    assert (home.folder / "rows" / "salt").read_bytes() == SECRET


@pytest.mark.usefixtures("unsealed")
def test_an_empty_folder_that_is_there_becomes_the_home(home: Home, tmp_path: Path) -> None:
    """A volume's, or a service's, whose parent is another's; what a killed restore left in it is no home."""
    before = contents(home.folder)
    backups.back_up(home, tmp_path / "north.age", WORDS)
    (again := tmp_path / "service").mkdir(mode=0o700)
    (again / ".restored").mkdir()
    (again / ".restored" / "keystore.json").write_text("half")
    (link := tmp_path / "link").symlink_to(again)
    same = again.stat().st_ino
    backups.restore(Home(link), tmp_path / "north.age", WORDS)
    assert (again.stat().st_ino, link.is_symlink()) == (same, True)
    kept = {"keystore.json", "node.toml", "rows/salt", "private/1-2"}
    assert contents(again) == {name: before[name] for name in kept}
    assert not (again / ".restored").exists()
