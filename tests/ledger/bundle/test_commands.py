"""`fedledger bundle`: exit codes, the line that every reader prints, and what people are told."""

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.bundles import Staged, lie

from ledger.bundle import verify_bundle
from ledger.bundle.check import check_bundle
from ledger.bundle.findings import CODES
from ledger.bundle.form import BundleScope
from ledger.bundle.meanings import MEANINGS, meaning
from ledger.cli.main import fedledger
from ledger.formats.digest import sha256

TEXTS = Path(__file__).parents[3] / "web" / "texts.toml"


def run(*words: object) -> Result:
    return CliRunner().invoke(fedledger, ["bundle", *map(str, words)])


def honest(staged: Staged) -> None:
    staged.honest_round()


def nothing(_: Staged) -> None:
    """No round was opened."""


@pytest.mark.parametrize(
    ("play", "code", "word"), [(honest, 0, "VERIFIED"), (lie, 1, "REFUTED"), (nothing, 4, "UNKNOWN")]
)
def test_the_exit_code_is_the_verdict_s(play: Callable[[Staged], object], code: int, word: str, tmp_path: Path) -> None:
    staged = Staged()
    play(staged)
    path = staged.write(tmp_path / "it.car")
    told, line = run("check", path), run("check", path, "--json")
    assert (told.exit_code, line.exit_code) == (code, code)
    assert told.stdout.startswith(f"{word} job 1, all rounds\n")
    assert staged.keys[3] in told.stdout, "the founders, since no network file compares them"
    assert line.stdout.encode() == check_bundle(path).encode()


def test_what_is_no_bundle_is_malformed_and_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    path = tmp_path / "it.car"
    assert run("check", path).exit_code == 2
    path.write_bytes(b"something else")
    told = run("check", path)
    assert (told.exit_code, told.stdout.split()[0]) == (3, "MALFORMED")
    assert "nobody is blamed" in told.stdout
    assert "The file is cut off, changed, or not a bundle: its block 0 is in no form" in told.stdout


def test_every_finding_has_a_meaning_and_it_is_the_page_s() -> None:
    page = {name: english for name, (english, _) in tomllib.loads(TEXTS.read_text("utf-8"))["verify_codes"].items()}
    assert {name.replace(" ", "_", 1): f"{said}." for name, said in MEANINGS.items()} == page
    assert all(meaning(check, code, 7) for check, code in CODES)
    assert meaning("CAUGHT", "VERDICT", 2) == "A lie that does not stand: The verdict on member 2's update is another"


def test_a_finding_names_who_signed(tmp_path: Path) -> None:
    staged = Staged()
    lie(staged)
    told = run("check", staged.write(tmp_path / "it.car")).stdout
    assert "AGGREGATE ROOT: The model's root is another\n" in told
    alone = [sys.executable, "-I", verify_bundle.__file__, str(tmp_path / "it.car")]
    found = subprocess.run(alone, capture_output=True, text=True, check=False).stdout
    assert "\n  AGGREGATE ROOT, a lie, job 1, round 1, attempt 1, expected" in found
    (line,) = (line for line in told.splitlines() if "job 1, round 1, attempt 1, signed by" in line)
    assert all((staged.keys[member] in line) == (member < 3) for member in range(4))


@pytest.mark.parametrize(
    "words",
    [
        ("--release", "heart", "--evidence"),
        ("--from", "1", "--evidence"),
        ("--release", "heart", "--to", "3"),
    ],
)
def test_one_bundle_is_asked_for_at_a_time(words: tuple[str, ...], tmp_path: Path) -> None:
    told = run("export", *words, "--output", tmp_path / "it.car", "--home", tmp_path)
    assert (told.exit_code, list(tmp_path.glob("*.car"))) == (2, [])


def test_the_verifier_is_written_out(tmp_path: Path) -> None:
    path = tmp_path / "verify_bundle.py"
    told = run("verifier", "--output", path)
    digest, after = told.stderr.splitlines()
    assert (told.exit_code, after) == (0, f"Next: python {path} BUNDLE.car --network network.toml")
    assert digest == f"{path}: SHA-256 {sha256(path.read_bytes()).hex()}"
    assert run("verifier").stdout_bytes == path.read_bytes()


def test_a_manifest_has_one_form() -> None:
    """What is written is read, and written again is the same."""
    from ledger.bundle.form import parse_manifest

    staged = Staged().honest_round()
    staged.bundle(BundleScope("release", 1, 1, 1, "heart@1"))
    assert parse_manifest(staged.written.manifest.encode()) == staged.written.manifest
