"""The state that a replay works on: the project's own folds, and what only a contract with a clock knows."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from ledger.bundle.calls import BundledCall
from ledger.bundle.form import Manifest
from ledger.chain.evidence.transaction import UncheckedCall
from ledger.events import ballots as b
from ledger.events import members as m
from ledger.events import rounds as r
from ledger.formats.digest import NOTHING
from ledger.formats.head import FoundingRecord
from ledger.formats.member_name import name_words, plain_name
from ledger.history.ballots import Ballots
from ledger.history.decisions import Decisions
from ledger.history.impossible import Impossible
from ledger.history.jobs import Jobs
from ledger.history.members import NO_ROLE, Members
from ledger.history.state import JobState, Member, Round

MOST_MEMBERS = 255
_FOUNDING = BundledCall("consortium", "", (), "", NOTHING, 0, 0, UncheckedCall(0, 0, b"", b"", b"", 0, 0, 0))


@dataclass
class Ledger:
    """Members, jobs and decisions as their folds have them. `ended` says when a job's last round ended, in seconds
    since 1970; `failed` are attempts that failed, by job, round and number.
    """

    members: Members
    jobs: Jobs
    decisions: Decisions
    ended: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    failed: set[tuple[int, int, int]] = field(default_factory=set)
    events: int = 0

    @classmethod
    def founded(cls, manifest: Manifest) -> "Ledger":
        """The ledger at its founding. Raises Impossible for members that it cannot have."""
        members = Members()
        block, hash_ = manifest.founding
        names = manifest.addresses
        record = FoundingRecord(
            manifest.chain, block, hash_, **{name: names[name] for name in FoundingRecord._fields[3:]}
        )
        ledger = cls(members, Jobs(members, record), Decisions(manifest.rules))
        for index, founder in enumerate(manifest.founders):
            said = {"key": founder.key, "roles": founder.roles, "name": name_words(plain_name(index))}
            ledger.write(_FOUNDING._replace(block=block), m.MemberAdmitted, index=index, epoch=1, **said)
        return ledger

    def write(self, call: BundledCall, kind: type[Any], /, **fields: Any) -> None:
        """Fold an event that the call leads to. Raises Impossible where it cannot follow."""
        place = {"block": call.block, "log": self.events, "tx": call.tx, "leaf": NOTHING}
        event = kind(**place, **fields)
        self.events += 1
        if isinstance(event, m.MemberEvent):
            self.members.apply(event)  # type: ignore[arg-type]
        elif isinstance(event, b.BallotEvent):
            Ballots(self.members, self.jobs, self.decisions).apply(event)  # type: ignore[arg-type]
        elif isinstance(event, r.RoundEvent):
            self.jobs.apply_round(event)  # type: ignore[arg-type]
        else:
            self.jobs.apply(event)

    def stands(self, attempt: tuple[int, int, int]) -> bool:
        """Whether what an attempt, by job, round and number, says was not refused: it did not fail, nor is it void."""
        job, number, _ = attempt
        return attempt not in self.failed and not self.jobs.require(job).is_void(number)

    def member(self, key: str) -> Member:
        """The active member whose key this is. Raises Impossible."""
        return self.members.holder(key, NO_ROLE, self.members.epoch)

    def round(self, call: BundledCall) -> tuple[JobState, Round]:
        """The job and its current round, which the call must name. Raises Impossible."""
        job, number = call.arguments[:2]
        state = self.jobs.require(job)
        if state.current is None or state.current.number != number:
            raise Impossible(f"round {number} is not the current round of job {job}")
        return state, state.current


def require(true: object, why: str) -> None:
    """Raises Impossible where it is not so."""
    if not true:
        raise Impossible(why)
