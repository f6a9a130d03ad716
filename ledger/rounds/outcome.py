"""What a round's outcome must be: the one computation that aggregator, attesting member and auditor share.

`recompute` takes a round's facts, the certified updates and a way to fetch bytes, and returns the verdicts and the
global model that an honest aggregator publishes; with a standpoint they are a claim. It decides nothing that it cannot
see: bytes that cannot be had raise Unavailable.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from ledger.formats.claims import Claimed, RoundName, claim_of, witness
from ledger.formats.digest import NOTHING
from ledger.formats.text import plural
from ledger.history.state import Update
from ledger.rounds.admission import Decision, Judged, Progress, Verdict
from ledger.rounds.carried import Carried
from ledger.rounds.facts import RoundFacts, Standpoint
from ledger.rounds.inputs import Fetch, Inputs
from ledger.rounds.masking.summed import MaskedSum, masked_sum
from ledger.rounds.model import Keep, KeepState, Model, inputs_of, make_model
from ledger.rounds.one_pass import Pass
from ledger.rounds.scaled import is_scaled, scaled
from ledger.rounds.sealed import unsealed
from ledger.rounds.server_state import step_into

SHORT = 8 << 20
"""Bytes of a round's updates up to which handing them from thread to thread costs more than is won side by side."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a round comes to. Root and CID are zero where no model can be made (`why` says it in words).

    `base` is the tensor root of the model that it builds on, `opened` the digest over its openings, `sums` the root
    over what was divided to make the model, `carried` what the round carries beside the model: nothing where there is
    none.
    """

    round: RoundName
    base: bytes
    opened: bytes
    judged: tuple[Judged, ...]
    root: bytes = NOTHING
    cid: bytes = NOTHING
    sums: bytes = NOTHING
    carried: Carried = field(default_factory=Carried)
    inputs: Inputs | None = None
    why: str = ""

    @property
    def verdicts(self) -> bytes:
        return bytes(judged.decision.verdict for judged in self.judged)

    def claimed(self, point: Standpoint) -> Claimed:
        """What an aggregate of it says, as the contract takes it."""
        return Claimed(self.base, self.root, self.cid, *point, self.carried.digest, self.verdicts)

    def claim(self, point: Standpoint) -> bytes:
        """The digest of that: 32 bytes."""
        return claim_of(self.round, self.opened, self.claimed(point))

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
    keep_state: KeepState | None = None,
    progress: Progress = lambda _: None,
) -> Outcome:
    """The outcome of a round, of which the updates of members `certified` have a certificate.

    1. Judge every update (admission).
    2. Where fewer than the job's minimum are admitted, there is no model.
    3. Combine the admitted ones under the job's rule, by their shares; let the job's server optimiser make of the mean
       what is added to the base model, and the next state; where a value does not fit, no model.
    4. Root over the integers, CID over the file; so of each stream of the state.

    In a masked round `certified` follow from the receipts that its set was proposed under. The model is that of the
    whole set; there is none where an update of it is not admitted, the sum is out of its bounds, or what was dealt
    cannot take the masks off (docs/spec/round.md, "Masked rounds").

    All of it in one pass over the bytes where every update is admitted (`ledger.rounds.one_pass`). `keep` takes the
    model's file in pieces as it is made (an aggregator stores it), `keep_state` those of its state; `progress` hears of
    bytes read, `bytes_to_read` in all. Raises Unavailable where certified bytes are missing; of a masked round also
    where no set is fixed, or too few answers are there.
    """
    summed = masked_sum(facts, fetch)
    threads = threads_for(facts, threads)
    read = Pass(facts, fetch, certified, threads=threads, progress=progress, summed=summed)
    model = read.model(certified, keep, keep_state)
    read.check_had()
    read.finish()
    away = Decision(Verdict.UNAVAILABLE)
    judged = tuple(
        Judged(one.update, read.decision(one.update.index) if one.update.index in certified else away)
        for one in facts.entries
    )
    return conclude(facts, judged, fetch, model, threads=threads, keep=keep, keep_state=keep_state, summed=summed)


def conclude(
    facts: RoundFacts,
    judged: tuple[Judged, ...],
    fetch: Fetch,
    model: Model | None = None,
    *,
    threads: int = 1,
    keep: Keep | None = None,
    keep_state: KeepState | None = None,
    summed: MaskedSum | None = None,
) -> Outcome:
    """Steps 2 to 4 of `recompute`, for updates already judged; a `model` that was made of just those admitted is it.

    `summed` is what makes the model of a masked round.
    """
    made = Outcome(facts.name, facts.base.root, facts.round.opened, judged)
    counted = [one for one in judged if one.decision.verdict is Verdict.ADMITTED]
    admitted = [one.update for one in counted]
    needed = facts.job.admission.min_updates
    why = _no_sum(summed, admitted) if summed is not None else ""
    if why or len(admitted) < needed:
        return replace(made, why=why or _too_few(len(admitted), needed))
    inputs = _inputs(facts, counted, unsealed(fetch, facts.keys, facts.artifact_size), summed)
    if model is None or model.inputs.updates != inputs.updates:
        if is_scaled(facts.job):
            inputs = scaled(inputs, facts.state, facts.job, facts.base, counted).shared(threads)
        model = make_model(inputs, facts.binding, threads, keep, keep_state=keep_state)
    if model.why:
        return replace(made, why=model.why)
    made = replace(made, root=model.root, cid=model.cid, sums=model.sums)
    return replace(made, carried=model.carried, inputs=model.inputs)


def _inputs(facts: RoundFacts, counted: list[Judged], fetch: Fetch, summed: MaskedSum | None) -> Inputs:
    if summed is not None:
        return step_into(summed.inputs(facts, fetch), facts, fetch)
    admitted = [one.update for one in counted]
    ages = [one.decision.staleness for one in counted] if facts.job.buffered else []
    return step_into(inputs_of(facts.state, facts.job, facts.round, facts.base, admitted, fetch, ages), facts, fetch)


def _no_sum(summed: MaskedSum, admitted: list[Update]) -> str:
    """Why a masked round has no sum; nothing where it has one."""
    refused = sorted(summed.set - {update.index for update in admitted})
    if refused:
        return f"the set has updates that are not admitted: of member {', '.join(map(str, refused))}"
    return summed.why


def _too_few(admitted: int, needed: int) -> str:
    verb = "was" if admitted == 1 else "were"
    return f"{plural(admitted, 'update')} {verb} admitted, at least {needed} needed"


def threads_for(facts: RoundFacts, threads: int) -> int:
    """How many threads read a round's updates beside the caller's, which then waits: of one alone none, where the
    updates are short and not masked.
    """
    return 0 if threads == 1 and facts.job.masked is None and bytes_to_read(facts) <= SHORT else threads


def bytes_to_read(facts: RoundFacts) -> int:
    """What `recompute` reports to `progress` in all."""
    return sum(facts.job.size_of(entry.update.index) for entry in facts.entries)
