"""What a round's outcome must be: the one computation that aggregator, attesting member and auditor share.

`recompute` takes the ledger's history, the job's document and a way to fetch bytes, and gives the verdicts, the global
model and the claim that an honest aggregator publishes. It decides nothing that it cannot see: bytes that cannot be
had raise Unavailable.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from ledger.errors import Malformed
from ledger.formats import claims, merkle
from ledger.formats.artifact import Buffer
from ledger.formats.cid import Cid, of_file, raw
from ledger.formats.digest import NOTHING
from ledger.formats.header import Binding
from ledger.formats.unixfs import TreeBuilder, chunks
from ledger.history.state import JobState, Round, Update
from ledger.jobs.document import Job, NoScoring
from ledger.rounds import admission
from ledger.rounds.admission import Decision, Verdict
from ledger.rounds.inputs import Fetch, Inputs
from ledger.rounds.rules.arithmetic import Saturated
from ledger.rounds.weights import factors

Progress = Callable[[int], None]
Keep = Callable[[Iterator[Buffer]], object]


@dataclass(frozen=True, slots=True)
class Place:
    """The ledger that artifacts are bound to: chain id and RoundLedger's address."""

    chain: int
    contract: str


@dataclass(frozen=True, slots=True)
class Base:
    """The model that a round builds on; round 0 is the job's initial model."""

    round: int
    root: bytes
    cid: Cid


@dataclass(frozen=True, slots=True)
class Judged:
    """An update and the decision on it."""

    update: Update
    decision: Decision


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


def base_of(state: JobState, job: Job, number: int) -> Base:
    """The model that round `number` builds on: that of the last round finalised before it."""
    for earlier in range(number - 1, 0, -1):
        final = state.rounds[earlier].final
        if final is not None:
            return Base(earlier, final.root, of_file(final.cid, job.layout.size))
    return Base(0, job.initial_root, job.initial_cid)


def initial_binding() -> Binding:
    """An initial model belongs to no job: the job's document names it."""
    return Binding(kind="initial")


def update_binding(place: Place, round_: Round, party: str, base: Base) -> Binding:
    """What an update's header must say."""
    return Binding(
        kind="update",
        chain=place.chain,
        contract=place.contract,
        job=round_.job,
        round=round_.number,
        party=party,
        base=base.root,
    )


def model_binding(place: Place, job: int, number: int, base: bytes) -> Binding:
    """What a global model's header must say: not who made it, so that every aggregator makes the same bytes."""
    return Binding(kind="model", chain=place.chain, contract=place.contract, job=job, round=number, base=base)


def binding_of_base(place: Place, state: JobState, job: Job, base: Base) -> Binding:
    """The header of the model that a round builds on."""
    if base.round == 0:
        return initial_binding()
    return model_binding(place, state.number, base.round, base_of(state, job, base.round).root)


def judge(place: Place, job: Job, round_: Round, base: Base, update: Update, fetch: Fetch) -> Decision:
    """Admission of one update: see `admission`. Raises Unavailable where its bytes cannot be had."""
    decision = admission.weigh(update.weight, job.admission)
    if decision.verdict is not Verdict.ADMITTED:
        return decision
    pieces = fetch(of_file(update.cid, job.layout.size), 0, job.layout.size + 1)
    binding = update_binding(place, round_, update.party, base)
    return admission.judge_bytes(pieces, job.layout, binding, update.root, job.admission)


def judge_all(
    place: Place,
    job: Job,
    round_: Round,
    base: Base,
    fetch: Fetch,
    *,
    without: Collection[int] = (),
    progress: Progress = lambda _: None,
) -> tuple[Judged, ...]:
    """Admission of every update of a round, by ascending member index.

    `without` are member indices whose bytes count as UNAVAILABLE: an aggregator that waited for them in vain says so,
    and who attests or audits follows it there.
    """
    judged = []
    for update in round_.sorted_updates():
        if update.index in without:
            decision = Decision(Verdict.UNAVAILABLE)
        else:
            decision = judge(place, job, round_, base, update, fetch)
        judged.append(Judged(update, decision))
        progress(job.layout.size)
    return tuple(judged)


def recompute(
    place: Place,
    state: JobState,
    job: Job,
    round_: Round,
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

    `keep` takes the model's file in pieces as it is made (an aggregator stores it); `progress` hears of bytes read.
    Raises Unavailable where bytes are missing that no verdict excuses.
    """
    base = base_of(state, job, round_.number)
    judged = judge_all(place, job, round_, base, fetch, without=without, progress=progress)
    return conclude(place, state, job, round_, base, judged, fetch, threads=threads, keep=keep, progress=progress)


def conclude(
    place: Place,
    state: JobState,
    job: Job,
    round_: Round,
    base: Base,
    judged: tuple[Judged, ...],
    fetch: Fetch,
    *,
    threads: int = 1,
    keep: Keep | None = None,
    progress: Progress = lambda _: None,
) -> Outcome:
    """Steps 2 to 4 of `recompute`, for updates already judged."""
    admitted = [j.update for j in judged if j.decision.verdict is Verdict.ADMITTED]
    if len(admitted) < job.admission.min_updates:
        return _nothing(
            round_, judged, f"{len(admitted)} updates were admitted, at least {job.admission.min_updates} needed"
        )
    inputs = inputs_of(state, job, round_, base, admitted, fetch)
    maker = _Maker(inputs, job.layout.header(model_binding(place, round_.job, round_.number, base.root)), progress)
    try:
        if keep is None:
            for _ in maker.pieces(threads):
                pass
        else:
            keep(maker.pieces(threads))
    except Saturated as error:
        return _nothing(round_, judged, str(error))
    root, cid = merkle.root(maker.leaves), maker.tree.finish()[0].digest
    claim = claims.claim(round_.job, round_.number, root, cid, bytes(j.decision.verdict for j in judged))
    return Outcome(judged, root, cid, claim, tuple(maker.leaves), inputs)


def inputs_of(state: JobState, job: Job, round_: Round, base: Base, admitted: Sequence[Update], fetch: Fetch) -> Inputs:
    """What the round's model, and that of any coalition of its admitted updates, is made of."""
    cids = [of_file(update.cid, job.layout.size) for update in admitted]
    return Inputs(job.layout, job.aggregation, base.cid, cids, shares(state, job, round_, admitted), fetch)


def shares(state: JobState, job: Job, round_: Round, updates: Sequence[Update]) -> list[int]:
    """What each update weighs in the mean: its samples, times the factor of past scores where the job says so."""
    if isinstance(job.scoring, NoScoring) or job.scoring.weighting == "none":
        return [update.weight for update in updates]
    factor = factors(state, round_)
    return [update.weight * factor[update.index] for update in updates]


def _nothing(round_: Round, judged: tuple[Judged, ...], why: str) -> Outcome:
    verdicts = bytes(j.decision.verdict for j in judged)
    claim = claims.claim(round_.job, round_.number, NOTHING, NOTHING, verdicts)
    return Outcome(judged, NOTHING, NOTHING, claim, why=why)


class _Maker:
    """Makes a model's file block by block, and its root and CID on the way."""

    def __init__(self, inputs: Inputs, header: bytes, progress: Progress) -> None:
        self.inputs, self.header, self.progress = inputs, header, progress
        self.leaves: list[bytes] = []
        self.tree = TreeBuilder()

    def pieces(self, threads: int) -> Iterator[Buffer]:
        pending = self.header
        for band in self.inputs.bands(threads):
            self.leaves += merkle.leaf_hashes(band.data)
            block = pending + band.tobytes()
            pending = b""
            for chunk in chunks([block]):
                self.tree.add(raw(chunk), len(chunk))
            self.progress(len(block) * len(self.inputs.updates))
            yield block


def excused(round_: Round, attempt: int) -> set[int]:
    """The members whose updates an aggregate calls UNAVAILABLE; nobody where its verdicts are not one for each."""
    verdicts = round_.aggregates[attempt - 1].verdicts
    updates = round_.sorted_updates()
    if len(verdicts) != len(updates):
        return set()
    return {u.index for u, verdict in zip(updates, verdicts, strict=True) if verdict == Verdict.UNAVAILABLE}


def read_model(place: Place, state: JobState, job: Job, base: Base, fetch: Fetch) -> Iterator[Buffer]:
    """The integers of a model, as bytes in pieces: header, length and root checked by the end.

    Raises Malformed where the file is not the model that the ledger names, Unavailable where it cannot be had.
    """
    binding = binding_of_base(place, state, job, base)
    leaves: list[bytes] = []
    for piece in job.layout.body(fetch(base.cid, 0, job.layout.size + 1), binding):
        leaves += merkle.leaf_hashes(piece)
        yield piece
    if merkle.root(leaves) != base.root:
        raise Malformed(
            f"the model of round {base.round} does not have its tensor root",
            expected=base.root.hex(),
            actual=merkle.root(leaves).hex(),
        )
