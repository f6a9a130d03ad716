"""What a sandbox is played with: parties, their tables, and what a person decides about them."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.consortium import slug
from ledger.chain.consortium_file import MINIMUM_MEMBERS
from ledger.errors import UsageError
from ledger.formats.text import listed
from ledger.history.naming import require_new_name

COLUMNS = ".columns.toml"
"""What the columns file of a table is called, after it (docs/spec/columns.md)."""

OWN = frozenset({"auditor", "chain", "evidence", "log", "observer", "outbox", "release"})
"""Folders that a sandbox has beside its parties' homes."""


@dataclass(frozen=True, slots=True)
class SandboxParty:
    """A party, the table that it brings, and the copy of it that it works with."""

    name: str
    source: Path
    copy: Path

    @classmethod
    def of(cls, name: str, source: Path, folder: Path) -> "SandboxParty":
        """The party whose home is in the folder, under its name."""
        return cls(name, source, folder / slug(name) / "table" / f"{slug(name)}{''.join(source.suffixes[-1:])}")

    @property
    def source_columns(self) -> Path:
        """The columns file beside the table, where there is one."""
        return self.source.with_name(self.source.name + COLUMNS)

    def of_the_table(self, said: str) -> str:
        """What a command said of the copy, said of the table that the person has: the copy goes with the sandbox."""
        return said.replace(str(self.copy), str(self.source))

    def bring(self) -> None:
        """Copy the table, and its columns file where there is one, for this user alone: nothing is written beside the
        original. Raises UsageError where there is no table.
        """
        self.copy.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        for end in ("", COLUMNS):
            source = self.source.with_name(self.source.name + end)
            if source.is_file():
                shutil.copyfile(source, self.copy.with_name(self.copy.name + end))


@dataclass(frozen=True, slots=True)
class TableDecisions:
    """What a person says of the tables and the job, as options of `data share` and `job draft`."""

    sharing: tuple[str, ...]
    drafting: tuple[str, ...]
    rounds: int

    @property
    def named(self) -> tuple[str, ...]:
        """The option that names the columns of tables without a header, or none."""
        at = self.sharing.index("--names") if "--names" in self.sharing else len(self.sharing)
        return self.sharing[at : at + 2]


def parties_of(files: Sequence[Path], names: Sequence[str], folder: Path, count: int | None) -> list[SandboxParty]:
    """The parties, by their tables; without a name, one is called after its file.

    Raises UsageError where there are too few, `count` says another number, a table is not there or is in the folder,
    whose former content goes, or two are called, or their folders would be called, the same, or as one of `OWN`.
    """
    if count is not None and count != len(files):
        raise UsageError("-n says another number of parties than there are tables", expected=count, actual=len(files))
    if len(files) < MINIMUM_MEMBERS:
        raise UsageError(
            "a consortium has at least three members",
            advice="name three tables or more: --data A B C",
            actual=len(files),
        )
    if len(names) not in (0, len(files)):
        raise UsageError("name every party, or none", expected=len(files), actual=len(names))
    for file in files:
        if not file.is_file():
            raise UsageError("no such table", file=str(file))
        if file.resolve().is_relative_to(folder.resolve()):
            raise UsageError(
                "the table is in the sandbox's folder, and would be deleted with what an earlier one left there",
                advice="copy it to another place, or name another folder: --folder",
                file=str(file),
            )
    found = [
        SandboxParty.of(name, file, folder) for name, file in zip(names or map(_name_of, files), files, strict=True)
    ]
    for party in found:
        require_new_name(party.name, [])
    folders = [slug(party.name) for party in found]
    if len(set(folders)) < len(folders) or "" in folders:
        raise UsageError(
            "parties need names that differ in letters or digits, as their folders do",
            advice="name each with --party NAME",
            actual=listed(party.name for party in found),
        )
    if taken := next((party.name for party in found if slug(party.name) in OWN), ""):
        raise UsageError("a party's name names a folder of the sandbox's own", advice="--party NAME", actual=taken)
    return found


def _name_of(file: Path) -> str:
    """`clinic.north` for clinic.north.csv: a comma, as in many names of files, is no sign of a member's name."""
    return file.stem.replace(",", " ").strip() or file.name
