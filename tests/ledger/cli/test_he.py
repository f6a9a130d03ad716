"""`fedledger he`: a sum from keys to mean, by the homes of a real consortium, with TenSEAL and, for who checks it,
without.
"""

import sys
from pathlib import Path
from typing import Any

import pytest
from support.consortia.voters import refused, run, said
from support.sums import MEMBERS, PLAN, made_up_file

from ledger.errors import Malformed, Refuted, Unavailable, UsageError

try:
    import tenseal
except ImportError:
    tenseal = None

needs_tenseal = pytest.mark.skipif(tenseal is None, reason="TenSEAL is not installed: pip install 'fedledger[he]'")
VALUES = ([1, -2, 3], [10, 20, -30], [7, 7, 7])


class Sum:
    """Three hospitals that bring values, of which the second also holds the key, and a custodian that brings none."""

    def __init__(self, consortium: Any, folder: Path) -> None:
        self.consortium, self.folder = consortium, folder
        self.secret, self.public, self.plan = (folder / name for name in ("secret", "public", "plan"))
        self.files = [folder / f"contribution{place}" for place in range(3)]
        run("he", "key", self.secret, self.public)
        keys = [("--member", consortium.members[place].address) for place in range(3)]
        custodians = ("--custodian", consortium.members[3].address, "--second", consortium.members[1].address)
        said_of = ("--name", "Admissions", "--values", 3, "--max-value", 1000, "--max-weight", 5, "--key", self.public)
        network = ("--home", consortium.members[0].home.folder)
        run("he", "plan", self.plan, *said_of, *custodians, *sum(keys, ()), "--smallest", 3, *network)
        for place, values in enumerate(VALUES):
            file = folder / f"values{place}"
            file.write_text("".join(f"{value}\n" for value in values))
            weight = ("--weight", place + 1, *self.key(place))
            run("he", "encrypt", self.plan, self.public, file, self.files[place], *weight)

    def key(self, place: int) -> tuple[Any, ...]:
        member = self.consortium.members[place]
        return ("--home", member.home.folder, "--passphrase-file", member.passphrase_file)

    def opening(self, place: int, files: Any = None) -> tuple[Any, ...]:
        made = self.folder / f"opened{place}", self.folder / f"statement{place}"
        return ("he", "open", self.plan, self.secret, *made, *(files or self.files), *self.key(place))

    def checking(self, *custodians: int, place: int = 3) -> tuple[Any, ...]:
        statements = [("--statement", self.folder / f"statement{custodian}") for custodian in custodians]
        return ("he", "check", self.plan, self.folder / f"opened{place}", *self.files, *sum(statements, ()))


@pytest.fixture
def made(consortium: Any, tmp_path: Path) -> Sum:
    return Sum(consortium, tmp_path)


@needs_tenseal
def test_a_sum_from_key_to_mean_is_checked_without_the_library(
    made: Sum, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for custodian in (3, 1):
        run(*made.opening(custodian))
    assert (tmp_path / "opened3").read_text() == "42\n59\n-36\n" == (tmp_path / "opened1").read_text()
    hide_tenseal(monkeypatch)
    added = said("he", "add", made.plan, *made.files, "--json")
    assert sorted(one["weight"] for one in added["contributions"]) == [1, 2, 3]
    found = said(*made.checking(3, 1), "--mean", tmp_path / "mean", "--json")
    assert (found["sum"], found["divisor"]) == (added["sum"], 6)
    assert (tmp_path / "mean").read_text() == "7\n10\n-6\n"
    assert "has not said" in str(refused(Unavailable, *made.checking(3)))


@needs_tenseal
def test_another_sum_is_never_opened_under_the_same_key(made: Sum, tmp_path: Path) -> None:
    """Not even of the same members with other values: what two sums differ by is somebody's."""
    run(*made.opening(3))
    (tmp_path / "values0").write_text("2\n-2\n3\n")
    other = tmp_path / "other"
    run("he", "encrypt", made.plan, made.public, tmp_path / "values0", other, *made.key(0))
    for name in ("opened3", "statement3"):
        (tmp_path / name).unlink()
    assert "another sum" in str(refused(UsageError, *made.opening(3, [other, *made.files[1:]])))
    assert not (tmp_path / "opened3").exists()
    run(*made.opening(3))
    assert (tmp_path / "opened3").read_text() == "42\n59\n-36\n"


@needs_tenseal
def test_a_false_sum_of_one_custodian_is_seen_by_the_other_s(made: Sum, tmp_path: Path) -> None:
    from ledger.homomorphic.plan import parse_plan
    from ledger.homomorphic.statements import read_decryption

    for custodian in (3, 1):
        run(*made.opening(custodian))
    plan = parse_plan(made.plan.read_bytes())
    honest, _ = read_decryption((tmp_path / "statement3").read_bytes(), plan)
    lie = honest._replace(values=bytes(32))
    signer = made.consortium.members[3].signer
    (tmp_path / "statement3").write_bytes(lie.unsigned + signer.sign_typed_data(*lie.to_sign()))
    assert "contradict" in str(refused(Refuted, *made.checking(3, 1)))


@needs_tenseal
def test_no_file_is_written_over(made: Sum, tmp_path: Path) -> None:
    """Outputs that were forgotten would be the first contributions."""
    before = [file.read_bytes() for file in made.files]
    forgot = ("he", "open", made.plan, made.secret, *made.files, made.public, *made.key(3))
    network = ("--home", made.consortium.members[0].home.folder)
    named = ("--name", "x", "--values", 3, "--max-value", 1, "--key", made.public, "--member", MEMBERS[0])
    named = (*named, "--custodian", MEMBERS[0], "--second", MEMBERS[1])
    for words in (
        forgot,
        ("he", "open", made.plan, made.secret, tmp_path / "new", tmp_path / "new", *made.files, *made.key(3)),
        ("he", "key", tmp_path / "new", tmp_path / "new"),
        ("he", "key", tmp_path / "new", made.public),
        ("he", "encrypt", made.plan, made.public, tmp_path / "values0", tmp_path / "values0", *made.key(0)),
        ("he", "plan", made.plan, *named, *network),
    ):
        assert "written over" in str(refused(UsageError, *words))
    assert before == [file.read_bytes() for file in made.files]
    assert not (tmp_path / "new").exists()
    run(*made.opening(3))


@needs_tenseal
def test_a_file_that_is_not_there_is_no_defect_of_the_program(made: Sum, tmp_path: Path) -> None:
    gone, key, network = tmp_path / "gone", made.key(0), ("--home", made.consortium.members[0].home.folder)
    named = ("--name", "x", "--values", 3, "--max-value", 1, "--member", MEMBERS[0])
    named = (*named, "--custodian", MEMBERS[0], "--second", MEMBERS[1])
    for words in (
        ("he", "key", gone / "secret", gone / "public"),
        ("he", "plan", tmp_path / "new", "--key", gone, *named, *network),
        ("he", "encrypt", made.plan, made.public, gone, tmp_path / "new", *key),
        ("he", "encrypt", made.plan, gone, tmp_path / "values0", tmp_path / "new", *key),
        ("he", "open", made.plan, gone, tmp_path / "new", tmp_path / "newer", *made.files, *made.key(3)),
        ("he", "check", made.plan, gone, *made.files),
        ("he", "check", made.plan, made.public, *made.files, "--statement", gone),
    ):
        error = refused(UsageError, *words)
        assert "No such file" in str(error)
        assert str(gone) in error.facts["file"]
    with_two = ("he", "plan", tmp_path / "new", "--key", made.public, *named, "--member", MEMBERS[0], *network)
    assert "twice" in str(refused(Malformed, *with_two))


@needs_tenseal
def test_strangers_open_nothing_and_bring_nothing(made: Sum, tmp_path: Path) -> None:
    assert "neither custodian" in str(refused(UsageError, *made.opening(0)))
    bring = ("he", "encrypt", made.plan, made.public, tmp_path / "values0", tmp_path / "new", *made.key(3))
    assert "member of the sum" in str(refused(Malformed, *bring))
    assert not (tmp_path / "new").exists()


@needs_tenseal
def test_a_secret_key_is_its_owner_s_alone(made: Sum) -> None:
    assert made.secret.stat().st_mode & 0o777 == 0o600
    made.secret.chmod(0o644)
    assert "others may read" in str(refused(UsageError, *made.opening(3)))


@needs_tenseal
@pytest.mark.parametrize("text", ["1\n2\n", "1\n2\nx\n", "1\n2\n3.0\n", "1\n2\n" + "9" * 17, "1\n2\n3\n4\n", ""])
def test_values_are_one_integer_a_line(made: Sum, text: str, tmp_path: Path) -> None:
    (tmp_path / "values0").write_text(text)
    bring = ("he", "encrypt", made.plan, made.public, tmp_path / "values0", tmp_path / "new", *made.key(0))
    refused(Malformed, *bring)


def hide_tenseal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tenseal", "tenseal.sealapi"):
        monkeypatch.setitem(sys.modules, name, None)


def test_without_the_extra_every_command_that_needs_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hide_tenseal(monkeypatch)
    error = refused(UsageError, "he", "key", tmp_path / "secret", tmp_path / "public")
    assert "pip install 'fedledger[he]'" in error.advice
    assert list(tmp_path.iterdir()) == []


def test_contributions_are_added_up_without_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hide_tenseal(monkeypatch)
    (tmp_path / "plan").write_bytes(PLAN.encode())
    files = [tmp_path / str(place) for place in range(4)]
    for file, party in zip(files, MEMBERS, strict=True):
        file.write_bytes(made_up_file(PLAN, party))
    forth, back = (said("he", "add", tmp_path / "plan", *order, "--json") for order in (files, files[::-1]))
    assert forth == back
    files[0].unlink()
    files[0].symlink_to(files[1])
    assert "link" in str(refused(Malformed, "he", "add", tmp_path / "plan", *files))
