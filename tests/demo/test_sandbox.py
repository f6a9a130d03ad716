"""A sandbox of three parties with tables of their own, as processes on a real chain."""

import csv
import json
import random
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from support.command import PROGRAM
from support.processes import left

from demo.folder import prepare
from demo.sandbox.tables import parties_of
from ledger.errors import FedledgerError, UsageError
from ledger.jobs.document import parse


def table(path: Path, seed: int, *, label: tuple[str, str] = ("no", "yes"), rows: int = 120) -> Path:
    """Two numbers, a category, and a label that follows from one of the numbers; some cells are empty."""
    draw = random.Random(seed)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["age", "dose", "ward", "ill"])
        for _ in range(rows):
            age, dose = draw.randint(20, 80), draw.random() * 10
            ill = label[age + draw.gauss(0, 5) > 50]
            writer.writerow([age, f"{dose:.2f}" if draw.random() > 0.1 else "", draw.choice("AB"), ill])
    return path


@pytest.fixture
def tables(tmp_path: Path) -> list[Path]:
    return [table(tmp_path / f"{name}.csv", seed) for seed, name in enumerate(("north", "south", "west"))]


def sandbox(*words: object) -> "subprocess.CompletedProcess[str]":
    command = [*PROGRAM, "sandbox", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)


@pytest.mark.node
@pytest.mark.long
def test_a_consortium_of_ones_own_tables(tables: list[Path], tmp_path: Path) -> None:
    folder, before = tmp_path / "play", {path: path.read_bytes() for path in tables}
    done = sandbox("-n", 3, "--data", *tables, "--label", "ill", "--rounds", 2, "--folder", folder, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["finalised"], found["audit"], found["rounds"]) == (2, "yes", 2)
    assert found["accuracy"].keys() >= {"local", "federated", "pooled"}
    assert list(found["accuracy"]["federated"]) == ["north", "south", "west"]
    assert min(found["accuracy"]["pooled"].values()) > 0.6, "there is something to learn"
    assert parse(Path(found["document"]).read_bytes()).digest.hex() == found["digest"]
    assert {path.name for path in Path(found["released"]).iterdir()} >= {"model.safetensors", "README.md"}
    assert {path: path.read_bytes() for path in tables} == before
    assert sorted(path.name for path in tmp_path.glob("*")) == ["north.csv", "play", "south.csv", "west.csv"]
    assert left(folder) == {}, "everything that it started has ended"
    _a_real_consortium_makes_the_same_job(folder, found["digest"], tmp_path)


def _a_real_consortium_makes_the_same_job(folder: Path, digest: str, tmp_path: Path) -> None:
    home, passphrase = tmp_path / "real", tmp_path / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text("correct horse\n")
    for words in (
        ["node", "init", "--light", "--passphrase-file", passphrase],
        ["job", "create", folder / "draft.toml", "--output", tmp_path / "job.json"],
    ):
        subprocess.run([*PROGRAM, *map(str, words), "--home", str(home)], check=True, capture_output=True, timeout=120)
    assert parse((tmp_path / "job.json").read_bytes()).digest.hex() == digest


@pytest.mark.node
def test_tables_that_differ_are_a_persons_to_decide(tables: list[Path], tmp_path: Path) -> None:
    """All that differs is said, and what answers it; nothing keeps running."""
    table(tables[2], 2, label=("0", "1"))
    folder = tmp_path / "play"
    done = sandbox("--data", *tables, "--label", "ill", "--folder", folder)
    assert done.returncode == 2, done.stderr
    assert "a person must decide" in done.stderr
    assert "--label-map" in done.stderr
    assert left(folder) == {}


@pytest.mark.node
def test_what_cannot_be_shared_is_said_of_all_tables_at_once(tables: list[Path], tmp_path: Path) -> None:
    """By the names of the tables that the person has: the sandbox's copies are no place to correct anything."""
    for path in (tables[0], tables[2]):
        header, *rows = path.read_text().splitlines()
        path.write_text("\n".join([header.replace("ward", "age"), *rows, ""]))
    folder = tmp_path / "play"
    done = sandbox("--data", *tables, "--label", "ill", "--folder", folder)
    assert done.returncode == 2, done.stderr
    assert "tables cannot be shared as they are" in done.stderr
    assert [shlex.join(("fedledger", "data", "profile", str(path))) in done.stderr for path in tables] == [
        True, False, True,
    ]  # fmt: skip
    assert str(folder) not in done.stderr
    assert left(folder) == {}


@pytest.mark.node
@pytest.mark.long
def test_what_the_job_cannot_read_is_said_of_all_tables_at_once(tables: list[Path], tmp_path: Path) -> None:
    """The proposer's and that of who does not vote among them; by the names of the tables that the person has."""
    lines = tables[0].read_text().splitlines()
    tables[0].write_text("\n".join([*lines, "4000,1.00,A,no", ""]))
    tables[2].write_text(tables[2].read_text() + ",1.00,A,no\n")
    folder = tmp_path / "play"
    done = sandbox("--data", *tables, "--target", "age", "--drop", "ward", "--folder", folder, "--patience", 60)
    assert done.returncode == 2, done.stderr
    assert "tables cannot be read as the job reads them" in done.stderr
    assert [str(path) in done.stderr for path in tables] == [True, False, True]
    assert str(folder) not in done.stderr, "the copies go with the sandbox"
    assert shlex.join(("fedledger", "data", "profile", str(tables[0]))) in done.stderr
    assert left(folder) == {}


@pytest.mark.parametrize(
    ("files", "names", "count", "said"),
    [
        (2, (), None, "at least three"),
        (3, (), 4, "-n says"),
        (3, ("a", "b"), None, "name every party"),
        (3, ("a", "A!", "c"), None, "names that differ"),
        (3, ("a", "b, c", "d"), None, "comma"),
        (3, ("a", "b", "member 7"), None, "which member"),
        (3, ("a", "b", "Auditor"), None, "names a folder of the sandbox's own"),
    ],
)
def test_parties_that_are_none_are_refused(
    files: int, names: tuple[str, ...], count: int | None, said: str, tables: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        parties_of(tables[:files], names, tmp_path / "play", count)


def test_a_table_that_is_not_there_is_named(tables: list[Path], tmp_path: Path) -> None:
    with pytest.raises(FedledgerError, match="no such table"):
        parties_of([*tables[:2], tmp_path / "none.csv"], (), tmp_path / "play", None)


def test_a_folder_with_other_things_in_it_stays(tables: list[Path], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    done = sandbox("--data", *tables, "--label", "ill", "--folder", tmp_path / "mine")
    assert (done.returncode, "not empty" in done.stderr) == (2, True), shlex.quote(done.stderr)
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_a_table_in_the_folder_that_is_replaced_stays(tables: list[Path], tmp_path: Path) -> None:
    play = tmp_path / "play"
    prepare(play)
    inside = table(play / "mine.csv", 4)
    (tmp_path / "link").symlink_to(play)
    for folder in (play, tmp_path / "link"):
        done = sandbox("--data", *tables[:2], inside, "--label", "ill", "--folder", folder)
        assert (done.returncode, "would be deleted" in done.stderr) == (2, True), done.stderr
        assert inside.exists()
