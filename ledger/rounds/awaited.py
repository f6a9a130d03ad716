"""Whom a round waits for, and until when, by the ledger alone. Pure."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from ledger.events.records import Role
from ledger.formats.text import clock_text, command, listed, plural
from ledger.history.phases import present
from ledger.history.state import JobState, Member, Phase, Round

FEW = 3
"""So many are named one by one in what a role writes down, which is once for each change; of more it says no names."""
NAMED = 5
"""Members that are named, at most; the rest is counted."""


class AwaitedRound(NamedTuple):
    """What a round waits for in `phase`, at the longest until its last second, `until`, of the chain's clock.

    `members` are those whose turn it is, ascending: to commit to an update, to aggregate first, or to attest; while it
    is opened, those whose updates are not, which is its opener's to do first: they may have shown it all. `withdrawn`
    are participants that withdrew their data from the job and have not committed: the round counts them still.
    `needed` is how many more it needs to go on at once: in a buffered job fewer than there are.
    """

    phase: Phase
    members: tuple[int, ...]
    withdrawn: tuple[int, ...]
    needed: int
    until: int

    def words(self, name: Callable[[int], str]) -> str:
        """For people: who, what, until when; `name` is what members are called."""
        until = f"until {clock_text(self.until)}"
        who = _named(self.members, name)
        match self.phase:
            case Phase.COLLECTING:
                return self._updates(who, until, _named(self.withdrawn, name))
            case Phase.OPENING:
                return f"to open the updates of {who} {until}" if who else f"to be opened {until}"
            case Phase.ATTESTING:
                return f"for the attestations of {who} {until}" if who else f"for its majority {until}"
            case _:
                return f"for its aggregate{f' by {who}' if who else ''} {until}"

    def _updates(self, who: str, until: str, withdrawn: str) -> str:
        if self.needed <= len(self.members):
            withdrawn = ""
        if not self.members and withdrawn:
            return f"{until} for {withdrawn}, who withdrew: nobody is left to bring an update"
        if not self.members:
            return f"for updates that nobody is left to bring {until}"
        few = self.needed < len(self.members) + len(self.withdrawn)
        what = plural(self.needed, "update") if few else "the updates"
        return f"for {what} of {who} {until}" + (f", and counts in {withdrawn}, who withdrew" if withdrawn else "")


def awaited(
    members: Mapping[int, Member], state: JobState, round_: Round, now: int, *, masked: bool = False
) -> AwaitedRound | None:
    """Whom a round waits for at `now`, in seconds since 1970 by the chain's clock; None where its time is over, or it
    ended. Of the steps of a `masked` job's aggregation nothing is said but their end.
    """
    phase, until = present(round_, state.terms, now)
    if phase.terminal or now > until:
        return None
    if phase is Phase.COLLECTING:
        return _collecting(members, state, round_, until)
    if phase is Phase.OPENING:
        late = tuple(sorted(round_.commitments.keys() - round_.updates.keys()))
        return AwaitedRound(phase, late, (), len(late), until)
    if phase is Phase.ATTESTING:
        latest = round_.aggregates[-1]
        electors = [one for one in members.values() if one.active and one.since <= round_.epoch]
        silent = tuple(one.index for one in electors if not latest.attested_by(one.index))
        return AwaitedRound(phase, silent, (), max(round_.majority - latest.agreeing, 0), until)
    alone = until - state.terms.aggregate_seconds
    opener = members.get(round_.opener_index)
    may = opener is not None and opener.acts(Role.AGGREGATOR, round_.epoch)
    first = round_.attempt == 0 and now <= alone and not masked and may
    return AwaitedRound(phase, (round_.opener_index,) if first else (), (), 1, alone if first else until)


def _collecting(members: Mapping[int, Member], state: JobState, round_: Round, until: int) -> AwaitedRound:
    absent = [
        one.index
        for one in members.values()
        if one.index not in round_.commitments and one.acts(Role.PARTICIPANT, round_.epoch)
    ]
    coming = tuple(index for index in absent if index not in state.withdrawn)
    withdrawn = tuple(index for index in absent if index in state.withdrawn)
    return AwaitedRound(Phase.COLLECTING, coming, withdrawn, round_.target - len(round_.commitments), until)


def counted_still(members: Mapping[int, Member], state: JobState) -> tuple[Member, ...]:
    """The members that withdrew their data from a job and are participants all the same, which each of its rounds to
    come waits for; none in a job that is over, or that goes on without some of its members.
    """
    if state.closed or state.complete or state.terms.buffer:
        return ()
    withdrawn = (members.get(index) for index in sorted(state.withdrawn))
    return tuple(one for one in withdrawn if one is not None and one.has(Role.PARTICIPANT))


def way_out(member: Member) -> str:
    """The command that proposes to members what ends waiting for one that withdrew its data. It is about all jobs."""
    left = ",".join(word for word in member.roles.words if word != "participant")
    if left:
        return command("proposal", "propose", "roles", member.index, "--roles", left)
    return command("proposal", "propose", "remove", member.index)


def _named(members: Iterable[int], name: Callable[[int], str]) -> str:
    """Names, the first of many."""
    found = list(members)
    first, more = listed(map(name, found[:NAMED])), len(found) - NAMED
    return f"{first} and {more:,} more" if more > 0 else first
