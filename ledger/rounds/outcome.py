"""What a round's outcome must be: the one computation that aggregator, attesting member and auditor share.

`recompute` takes a round's facts, the certified updates and a way to fetch bytes, and returns the verdicts and the
global model that an honest aggregator publishes; with a standpoint they are a claim. It decides nothing that it cannot
see: bytes that cannot be had raise Unavailable.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from ledger.formats.artifact import Buffer
from ledger.formats.cid import of_file
from ledger.formats.claims import Claimed, RoundName, claim_of, witness
from ledger.formats.digest import NOTHING
from ledger.formats.text import plural
from ledger.history.state import JobState, Round, Update
from ledger.jobs.document import Job
from ledger.rounds.admission import Judged, Progress, Verdict, judge_all
from ledger.rounds.facts import Base, RoundFacts, Standpoint
from ledger.rounds.inputs import Fetch, Inputs
from ledger.rounds.model import ModelMaker
from ledger.rounds.rules.arithmetic import Saturated
from ledger.rounds.weights import shares

Keep = Callable[[Iterator[Buffer]], object]
"""Takes a model's file in pieces, as it is made."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a round comes to. Root and CID are zero where no model can be made (`why` says it in words).

    `base` is the tensor root of the model that it builds on, `sums` the root over what was divided to make the model.
    """

    round: RoundName
    base: bytes
    judged: tuple[Judged, ...]
    root: bytes = NOTHING
    cid: bytes = NOTHING
    sums: bytes = NOTHING
    leaves: tuple[bytes, ...] = ()
    inputs: Inputs | None = None
    why: str = ""

    @property
    def verdicts(self) -> bytes:
        return bytes(judged.decision.verdict for judged in self.judged)

    def claimed(self, point: Standpoint) -> Claimed:
        """What an aggregate of it says, as the contract takes it."""
        return Claimed(self.base, self.root, self.cid, *point, self.verdicts)

    def claim(self, point: Standpoint) -> bytes:
        """The digest of that: 32 bytes."""
        return claim_of(self.round, self.claimed(point))

    def witness(self, member: str, claim: bytes) -> bytes:
        """What a member that agrees with a claim shows of having computed it: 32 bytes."""
        return witness(member, claim, self.sums)


def recompute(
    facts: RoundFacts,
    fetch: Fetch,
    certified: Collection[int],
    *,
    threads: int = 1,
    keep: Keep | None = None,
    progress: Progress = lambda _: None,
) -> Outcome:
    """The outcome of a round, of which the updates of members `certified` have a certificate.

    1. Judge every update (admission).
    2. Where fewer than the job's minimum are admitted, there is no model.
    3. Combine the admitted ones under the job's rule, by their shares, add to the base model; where a value does not
       fit, no model.
    4. Root over the integers, CID over the file.

    `keep` takes the model's file in pieces as it is made (an aggregator stores it); `progress` hears of bytes read,
    `bytes_to_read` of them at most. Raises Unavailable where certified bytes are missing.
    """
    judged = judge_all(facts, fetch, certified, progress=progress)
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
    job, made = facts.job, Outcome(facts.name, facts.base.root, judged)
    admitted = [j.update for j in judged if j.decision.verdict is Verdict.ADMITTED]
    if len(admitted) < job.admission.min_updates:
        return replace(made, why=_too_few(len(admitted), job.admission.min_updates))
    header = job.layout.header(facts.binding)
    inputs = inputs_of(facts.state, job, facts.round, facts.base, admitted, fetch)
    file = ModelMaker(inputs, header, progress)
    try:
        if keep is None:
            for _ in file.pieces(threads):
                pass
        else:
            keep(file.pieces(threads))
    except Saturated as error:
        return replace(made, why=str(error))
    root, cid = file.finish()
    return replace(made, root=root, cid=cid, sums=file.sums, leaves=tuple(file.leaves), inputs=inputs)


def inputs_of(state: JobState, job: Job, round_: Round, base: Base, admitted: Sequence[Update], fetch: Fetch) -> Inputs:
    """What the round's model, and that of any coalition of its admitted updates, is made of."""
    weights = shares(state, job, round_, admitted)
    cids = [of_file(update.cid, job.layout.size) for update in admitted]
    return Inputs(job.layout, job.aggregation, base.cid, cids, weights, fetch)


def _too_few(admitted: int, needed: int) -> str:
    verb = "was" if admitted == 1 else "were"
    return f"{plural(admitted, 'update')} {verb} admitted, at least {needed} needed"


def bytes_to_read(facts: RoundFacts) -> int:
    """What `recompute` reports to `progress` in all, where every update is admitted."""
    return 2 * facts.size * len(facts.entries)
