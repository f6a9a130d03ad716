"""Which rows a party measures, and what its own updates say of them."""

from dataclasses import dataclass
from pathlib import Path

from ledger.config import Home
from ledger.errors import UsageError
from ledger.formats.row_proofs import OpenedRows
from ledger.formats.rows import RowTree
from ledger.history.state import JobState, Member
from ledger.jobs.document import Job
from ledger.keys import address_of
from ledger.party.connection import Connection
from ledger.party.held_out import entry_of, round_fetch
from ledger.releases.report import HeldOutRows, Rows
from ledger.rounds.facts import read_binding
from participant.rows.records import RowRecords
from participant.trainer.messages import DataRead, ReadData
from participant.trainer.trainers import Trainers

ELSE = "measure rows that nobody trained on with --data FILE, or those trained on with --trained-on"


@dataclass(frozen=True, slots=True)
class OwnRows:
    """A home's rows: what it drew and kept, held against what its member committed to on the ledger."""

    connection: Connection
    home: Home
    records: RowRecords

    @property
    def member(self) -> Member | None:
        """The member whose key this home has, or had; None where it has none."""
        if not self.home.keystore.exists():
            return None
        return self.connection.history.member_of(address_of(self.home.keystore))

    def read(self, state: JobState, job: Job, path: Path, rows: Rows, trainers: Trainers) -> Rows:
        """Have the data read; which rows they are: a file is one of the party's own unless a row of it was trained on.

        Raises UsageError for data that cannot be read, or where what is held out may have been trained on.
        """
        if rows == "held_out":
            self._require_untouched(state, job)
        trained = self._trained(job) if rows == "own_file" and self.records.has_draw(job) else set[bytes]()
        do = ReadData(rows=rows, leaves=bool(trained))
        with trainers.carried_out(job, state.number, do, path) as errand:
            errand.expect(DataRead)
            return "trained_on" if trained and not trained.isdisjoint(errand.leaves()) else rows

    def held_out(self, state: JobState, job: Job, last: int) -> HeldOutRows:
        """What shows how many rows this party held out: its latest update up to round `last`.

        Raises UsageError where it has none, or this home does not have what opens it; Unavailable for its bytes.
        """
        member = self.member
        for number in sorted(state.rounds, reverse=True):
            if member is not None and number <= last and member.index in state.rounds[number].updates:
                return HeldOutRows(round=number, opening=OpenedRows.of(self.tree(state, job, number)[0].opening))
        raise UsageError(
            "held-out rows are shown by an update of this party, and it has none", advice=ELSE, job=state.number
        )

    def tree(self, state: JobState, job: Job, number: int) -> tuple[RowTree, tuple[bytes, ...]]:
        """What this party's update of a round was made from: the tree, and all leaves in their order.

        Raises UsageError where it has no opened update, or this home does not have what opens its rows; Unavailable.
        """
        member = self.member
        entry = entry_of(self.connection, state, job, member.index, number) if member is not None else None
        if entry is None:
            raise UsageError("this party has no opened update in that round", job=state.number, round=number)
        binding = read_binding(job, entry, round_fetch(self.connection, state, job, number))
        for leaves in self.records.kept(job) if self.records.has_draw(job) else ():
            tree = self.records.draw(job).tree(number, leaves)
            if tree.root == binding.data:
                return tree, leaves
        raise UsageError(
            "this home does not have the salt and leaves that this party's update was made from",
            advice="restore the home's folder `rows` from a copy",
            job=state.number,
            round=number,
        )

    def _require_untouched(self, state: JobState, job: Job) -> None:
        """Raise UsageError where this party had trained for the job before its salt was made."""
        member = self.member
        if member is not None and any(member.index in round_.commitments for round_ in state.rounds.values()):
            self.records.note_training_before(job)
        if self.records.is_drawn_again(job):
            raise UsageError(
                "what this home holds out may have been trained on: this party trained before the job's salt was made",
                advice=f"restore the home's folder `rows` from a copy, or {ELSE}",
                job=state.number,
            )

    def _trained(self, job: Job) -> set[bytes]:
        """Every leaf that an update of this home was trained on."""
        draw = self.records.draw(job)
        return {leaf for leaves in self.records.kept(job) for leaf in leaves if not draw.holds_out(leaf)}
