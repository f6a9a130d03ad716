"""What a round's outcome must be: the one computation that aggregator, attesting member and auditor share.

`recompute` takes a round's facts and a way to fetch bytes, and returns the verdicts, the global model and the claim
that an honest aggregator publishes. It decides nothing that it cannot see: bytes that cannot be had raise Unavailable.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from ledger.formats import claims
from ledger.formats.artifact import Buffer
from ledger.formats.cid import of_file
from ledger.formats.digest import NOTHING
from ledger.formats.text import plural
from ledger.history.state import JobState, Round, Update
from ledger.jobs.document import Job
from ledger.rounds.admission import Judged, Progress, Verdict, judge_all
from ledger.rounds.facts import Base, RoundFacts
from ledger.rounds.inputs import Fetch, Inputs
from ledger.rounds.model import ModelMaker
from ledger.rounds.rules.arithmetic import Saturated
from ledger.rounds.weights import shares

Keep = Callable[[Iterator[Buffer]], object]
"""Takes a model's file in pieces, as it is made."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a round comes to. Root and CID are zero where no model can be made (`why` says it in words)."""

    judged: tuple[Judged, ...]
    root: bytes
    cid: bytes
    claim: bytes
    leaves: tuple[bytes, ...] = ()
    inputs: Inputs | None = None
    why: str = ""

    @property
    def verdicts(self) -> bytes:
        return bytes(judged.decision.verdict for judged in self.judged)


def recompute(
    facts: RoundFacts,
    fetch: Fetch,
    *,
    without: Collection[int] = (),
    threads: int = 1,
    keep: Keep | None = None,
    progress: Progress = lambda _: None,
) -> Outcome:
    """The outcome of a round.

    1. Judge every update (admission).
    2. Where fewer than the job's minimum are admitted, there is no model.
    3. Combine the admitted ones under the job's rule, by their shares, add to the base model; where a value does not
       fit, no model.
    4. Root over the integers, CID over the file, claim over all of it.

    `keep` takes the model's file in pieces as it is made (an aggregator stores it); `progress` hears of bytes read,
    `bytes_to_read` of them at most. Raises Unavailable where bytes are missing that no verdict excuses.
    """
    judged = judge_all(facts, fetch, without=without, progress=progress)
    return conclude(facts, judged, fetch, threads=threads, keep=keep, progress=progress)


def conclude(
    facts: RoundFacts,
    judged: tuple[Judged, ...],
    fetch: Fetch,
    *,
    threads: int = 1,
    keep: Keep | None = None,
    progress: Progress = lambda _: None,
) -> Outcome:
    """Steps 2 to 4 of `recompute`, for updates already judged."""
    round_, job = facts.round, facts.job
    admitted = [j.update for j in judged if j.decision.verdict is Verdict.ADMITTED]
    if len(admitted) < job.admission.min_updates:
        return _nothing(round_, judged, _too_few(len(admitted), job.admission.min_updates))
    header = job.layout.header(facts.binding)
    inputs = inputs_of(facts.state, job, round_, facts.base, admitted, fetch)
    file = ModelMaker(inputs, header, progress)
    try:
        if keep is None:
            for _ in file.pieces(threads):
                pass
        else:
            keep(file.pieces(threads))
    except Saturated as error:
        return _nothing(round_, judged, str(error))
    root, cid = file.finish()
    verdicts = bytes(j.decision.verdict for j in judged)
    claim = claims.claim(round_.job, round_.number, root, cid, verdicts)
    return Outcome(judged, root, cid, claim, tuple(file.leaves), inputs)


def inputs_of(state: JobState, job: Job, round_: Round, base: Base, admitted: Sequence[Update], fetch: Fetch) -> Inputs:
    """What the round's model, and that of any coalition of its admitted updates, is made of."""
    weights = shares(state, job, round_, admitted)
    cids = [of_file(update.cid, job.layout.size) for update in admitted]
    return Inputs(job.layout, job.aggregation, base.cid, cids, weights, fetch)


def _nothing(round_: Round, judged: tuple[Judged, ...], why: str) -> Outcome:
    verdicts = bytes(j.decision.verdict for j in judged)
    claim = claims.claim(round_.job, round_.number, NOTHING, NOTHING, verdicts)
    return Outcome(judged, NOTHING, NOTHING, claim, why=why)


def _too_few(admitted: int, needed: int) -> str:
    verb = "was" if admitted == 1 else "were"
    return f"{plural(admitted, 'update')} {verb} admitted, at least {needed} needed"


def excused(round_: Round, attempt: int) -> set[int]:
    """The members whose updates an aggregate calls UNAVAILABLE; nobody where its verdicts are not one for each."""
    verdicts = round_.aggregates[attempt - 1].verdicts
    updates = round_.sorted_updates()
    if len(verdicts) != len(updates):
        return set()
    return {u.index for u, verdict in zip(updates, verdicts, strict=True) if verdict == Verdict.UNAVAILABLE}


def unavailable(round_: Round, missing: Collection[int]) -> frozenset[int]:
    """Whose bytes count as unavailable to a member that cannot have those of `missing`: the latest aggregate calls them
    so, too. So an aggregate that leaves out an update which a majority of the members can read is refuted by them.
    """
    return frozenset(excused(round_, round_.attempt).intersection(missing))


def bytes_to_read(facts: RoundFacts) -> int:
    """What `recompute` reports to `progress` in all, where every update is admitted."""
    return 2 * facts.size * len(facts.entries)
