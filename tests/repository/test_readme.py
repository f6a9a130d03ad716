"""What the README says is so: its commands exist and run; and the links of every page lead somewhere."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from ledger.cli.main import fedledger

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh-TW.md").read_text(encoding="utf-8")
MARK = "<!-- tests run this -->"
WIDTH = 120


def runnable(text: str) -> list[str]:
    """The commands of every shell block that stands below a mark."""
    blocks = re.findall(re.escape(MARK) + r"\n```sh\n(.*?)```", text, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith("#")]


def code_in(text: str) -> Iterator[str]:
    """Every line of a shell block and every code span."""
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        yield from block.replace("\\\n", " ").splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def called(program: str) -> list[list[str]]:
    """The arguments of every call of a program that the README shows, in either language, once each."""
    lines = (line.split("#")[0].strip() for page in (README, CHINESE) for line in code_in(page))
    starts = (program, f".venv/bin/{program}")
    calls = {tuple(line.split()[1:]) for line in lines if line.split()[:1] and line.split()[0] in starts}
    return [list(call) for call in sorted(calls) if call]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh clone that borrows this checkout's .venv and node_modules."""
    folder = tmp_path_factory.mktemp("clone") / "fedledger"
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout")
    subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
    for name in (".venv", "node_modules"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def test_the_readme_marks_commands_to_run() -> None:
    assert len(runnable(README)) >= 3


@pytest.mark.parametrize("command", runnable(README))
def test_a_marked_command_runs_in_a_fresh_clone(command: str, clone: Path) -> None:
    done = subprocess.run(["bash", "-euc", command], cwd=clone, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize("arguments", called("fedledger"), ids=" ".join)
def test_a_command_that_the_readme_shows_exists_with_its_options(arguments: list[str]) -> None:
    command: click.Command = fedledger
    context = click.Context(fedledger)
    words = list(arguments)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words.pop(0))
        assert found is not None, f"fedledger {' '.join(arguments)}: no such command"
        command = found
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    known |= {"--help", "--version"}
    assert [word for word in words if word.startswith("-") and word not in known] == []


@pytest.mark.parametrize("target", sorted({call[0] for call in called("make")}))
def test_a_make_target_that_the_readme_shows_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    broken = [
        link
        for link in links
        if "://" not in link and not link.startswith("#") and not (page.parent / link.split("#")[0]).exists()
    ]
    assert broken == []


DOCUMENTS = [path.relative_to(ROOT / "docs").as_posix() for path in PAGES if path.is_relative_to(ROOT / "docs")]


@pytest.mark.parametrize("page", [page for page in DOCUMENTS if not page.startswith("adr/") and page != "index.md"])
def test_a_page_is_in_the_index_and_in_the_sites_navigation(page: str) -> None:
    navigation = (ROOT / "tools" / "site" / "mkdocs.yml").read_text(encoding="utf-8")
    assert f"({page})" in (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert f": {page}\n" in navigation


def wide(text: str) -> list[str]:
    """Lines of prose that are wider than code may be: tables and blocks of code are left out."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE).splitlines()
    return [line for line in prose if len(line) > WIDTH and not line.lstrip().startswith("|")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_prose_is_wrapped_at_one_width(page: Path) -> None:
    assert wide(page.read_text(encoding="utf-8")) == []


def test_a_line_that_is_too_wide_is_found() -> None:
    line = "word " * 25
    assert wide(f"# Title\n\n{line}\n| {line} |\n```sh\n{line}\n```\n") == [line]


def test_the_documented_exit_codes_are_those_of_the_program() -> None:
    from ledger import errors
    from ledger.cli.main import DEFECT
    from ledger.party.interrupts import INTERRUPTED

    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    families = [value for value in vars(errors).values() if isinstance(value, type) and hasattr(value, "exit_code")]
    assert {family.exit_code for family in families} <= documented
    assert documented == {0, 1, 2, 3, 4, DEFECT, INTERRUPTED}


def test_no_text_file_names_a_folder_of_the_machine_it_was_written_on(clone: Path) -> None:
    files = subprocess.run(["git", "ls-files"], cwd=clone, check=True, capture_output=True, text=True).stdout
    here = os.fsencode(str(ROOT)) + b"/"
    assert [name for name in files.splitlines() if here in (clone / name).read_bytes()] == []
