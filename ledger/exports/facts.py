"""What all exports of a release say, drawn together once from the ledger. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from ledger.formats.text import command
from ledger.history.state import Aggregate
from ledger.history.state.masking import JobMasks
from ledger.jobs.document import Job
from ledger.releases.card import Card
from ledger.rounds.facts import Place
from ledger.rounds.trace import ModelTrace, trace

NAMESPACE = "urn:fedledger"
"""Where names of ours begin. No server is behind them."""
RELEASED = "release"
"""The folder of the released files, within that of the exports."""
NETWORK = "network.toml"


@dataclass(frozen=True)
class ExportFacts:
    """A release, its files' SHA-256 in hexadecimal by name, in order, and the time of its record's block.

    `time` is in seconds since 1970. `bundle` is the SHA-256 of the evidence that goes with it, empty for none; `masks`
    are those of a masked job. Nothing in it changes once the release is on record.
    """

    card: Card
    files: Mapping[str, str]
    time: int
    bundle: str = ""
    masks: JobMasks | None = None

    @property
    def title(self) -> str:
        """NAME@VERSION."""
        return f"{self.card.file.release.name}@{self.card.file.release.version}"

    @property
    def place(self) -> Place:
        return self.card.file.place

    @property
    def job(self) -> Job:
        return self.card.file.job

    @property
    def name_of_place(self) -> str:
        """The ledger, as the beginning of names within it."""
        return f"{NAMESPACE}:{self.place.chain}:{self.place.contract}"

    @property
    def when(self) -> str:
        """The record's time in UTC (ISO 8601)."""
        return datetime.fromtimestamp(self.time, UTC).isoformat().replace("+00:00", "Z")

    @cached_property
    def lineage(self) -> tuple[ModelTrace, ...]:
        """The released model and those below it, the newest first, down to the initial one."""
        release = self.card.file.release
        return trace(self.card.file.state, self.job, release.round, self.card.name, masks=self.masks).models

    @property
    def final(self) -> Aggregate:
        """The aggregate that made the released model: what was claimed of it stands there."""
        final = self.card.file.state.rounds[self.card.file.release.round].final
        assert final is not None  # noqa: S101 - a release is of a finalised round (`ModelFile.model`)
        return final

    @cached_property
    def attesters(self) -> Sequence[tuple[str, str]]:
        """Name and key of each member that stood by the claim when the release was put on record."""
        return [(self.card.name(one.index), one.member) for one in self.card.attesters(self.final)]

    @property
    def redo(self) -> tuple[str, ...]:
        """The commands that do all of it again, in the folder of the exports, with the consortium's network file."""
        return (
            command("release", "provenance", "check", ".", "--network", NETWORK),
            command("release", "verify", RELEASED, "--network", NETWORK),
            command("audit", "--release", self.title, "--network", NETWORK),
        )
