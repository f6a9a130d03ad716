"""The last reading of the ledger, and the look-ups that every page begins with. Pure: nothing else is read."""

from dataclasses import dataclass
from typing import Any

from ledger.config import Network
from ledger.errors import Unavailable, UsageError
from ledger.events.proposals import Proposal, Release
from ledger.formats.member_name import plain_name
from ledger.history.phases import PresentPhase, present
from ledger.history.state import JobState, Member, Round
from ledger.jobs.document import Job
from web.documents.common import ChainDocument, Dated, PartyDocument
from web.reading.latest import State
from web.reading.snapshot import Snapshot, is_ahead


class NotFound(UsageError):
    """The ledger has no such thing."""


class NotYet(Unavailable):
    """The ledger, or a document that the response depends on, has not been read yet."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One state, by which a whole response is made. All but `chain` raise NotYet before the first reading."""

    network: Network
    state: State

    @property
    def chain(self) -> ChainDocument:
        block = self.state.snapshot.block if self.state.snapshot else 0
        trouble = self.state.trouble
        return ChainDocument(
            id=self.network.chain.id, block=block, read_at=self.state.read_at, up=not trouble, trouble=trouble
        )

    @property
    def snapshot(self) -> Snapshot:
        if self.state.snapshot is None:
            why = self.state.trouble or "the first reading is under way"
            raise NotYet(f"the ledger has not been read yet: {why}", advice="try again in a moment")
        return self.state.snapshot

    def dated(self, block: int) -> dict[str, Any]:
        """What a document says of when something came about, in a block: the fields of `Dated`."""
        found = self.snapshot.times.get(block)
        if found is None:
            return {"block": block, "time": None, "time_proved": False, "time_ahead": False}
        ahead = is_ahead(found.time, self.state.read_at)
        return {"block": block, "time": found.time, "time_proved": found.proved, "time_ahead": ahead}

    def moment(self, block: int) -> Dated | None:
        """When something came about; None for block 0, which stands for never."""
        return Dated(**self.dated(block)) if block else None

    def stage(self, state: JobState, round_: Round) -> PresentPhase:
        """Where a round is, at the chain's time when it was last read."""
        return present(round_, state.terms, self.state.time)

    def job(self, number: int) -> JobState:
        """Raises NotFound if there is no such job."""
        jobs = self.snapshot.jobs
        if number not in jobs:
            raise NotFound(f"there is no job {number}", advice="/jobs lists them all")
        return jobs[number]

    def round(self, job: int, number: int) -> Round:
        """Raises NotFound if the job has no such round."""
        rounds = self.job(job).rounds
        if number not in rounds:
            raise NotFound(f"job {job} has no round {number}", advice=f"/jobs/{job}/rounds lists them all")
        return rounds[number]

    def member(self, index: int) -> Member:
        """Raises NotFound if there never was such a member."""
        members = self.snapshot.members
        if index not in members:
            raise NotFound(f"there is no member {index}", advice="/members lists them all")
        return members[index]

    def proposal(self, number: int) -> Proposal:
        """Raises NotFound if there is no such proposal."""
        found = self.snapshot.decisions.proposal(number)
        if found is None:
            raise NotFound(f"there is no proposal {number}", advice="/proposals lists them all")
        return found

    def release(self, name: str, version: str) -> Release:
        """Raises NotFound if there is no such release."""
        found = self.snapshot.decisions.release(name, version)
        if found is None:
            raise NotFound(f"there is no release {name} {version}", advice="/releases lists them all")
        return found

    def document(self, state: JobState) -> Job | None:
        """The job's document; None until it has been read."""
        return self.state.documents.get(state.digest)

    def classes(self, state: JobState) -> tuple[str, ...]:
        """What the job's task tells apart, by its settings, in their order; none until its document has been read."""
        document = self.document(state)
        named = document.task.settings.get("classes") if document else None
        return tuple(map(str, named)) if isinstance(named, list) else ()

    def require_document(self, state: JobState) -> Job:
        """The job's document. Raises NotYet until it has been read."""
        document = self.document(state)
        if document is None:
            message = f"the document of job {state.number} could not be read yet"
            raise NotYet(message, advice="see that a member serves it")
        return document

    def name(self, index: int) -> str:
        """What a member, present or former, is called."""
        found = self.snapshot.members.get(index)
        return found.name if found else plain_name(index)

    def party(self, index: int, key: str) -> PartyDocument:
        """A member with the key that it used for something."""
        return PartyDocument(index=index, name=self.name(index), key=key)

    def member_party(self, index: int) -> PartyDocument:
        """A member, present or former, with its last key."""
        member = self.snapshot.members.get(index)
        return self.party(index, member.keys[-1] if member else "")

    def owner(self, key: str) -> PartyDocument:
        """The member that a key is or was of."""
        return self.party(self.snapshot.owners[key], key)
