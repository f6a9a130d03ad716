"""What the outcome of a masked round is made of beside its updates: the cast, the set, and what takes off the masks."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ledger.errors import Refuted, Unavailable
from ledger.formats.cid import of_file
from ledger.history.state.masking import JobMasks, RoundMasks, SegmentState
from ledger.masks.keys import Cast
from ledger.masks.reveals import cast_of
from ledger.masks.secret import Secret
from ledger.masks.setup import SetupFile
from ledger.masks.sums import Masks, unmasking
from ledger.rounds.admission import Decision, Verdict
from ledger.rounds.facts import RoundFacts
from ledger.rounds.inputs import Fetch
from ledger.rounds.masking.answers import RoundSecretsShown, secrets_of
from ledger.rounds.masking.inputs import MaskedInputs
from ledger.rounds.masking.setups import cast_files


class NotShown(Unavailable):
    """The ledger does not show by now what makes a round's sum: it has no set, or too few answers."""


@dataclass(frozen=True, slots=True)
class MaskedSum:
    """A round's fixed set, out of its segment's cast. `masks` are None where they can never be taken off: see `why`."""

    cast: frozenset[int]
    set: frozenset[int]
    files: Mapping[int, SetupFile] = field(repr=False)
    seeds: Mapping[int, Secret] = field(repr=False)
    masks: Masks | None = field(repr=False)
    why: str = ""

    def decision(self, index: int, judged: Decision) -> Decision:
        """What becomes of a member's update, by what its weight and its bytes lead to."""
        if judged.verdict in (Verdict.UNAVAILABLE, Verdict.WEIGHT):
            return judged
        if index not in self.cast:
            return Decision(Verdict.CAST)
        if judged.verdict is Verdict.ADMITTED and index not in self.set:
            return Decision(Verdict.SET)
        return judged

    def pads(self, round_: int) -> Cast:
        """The round keys that its masks are made with."""
        return cast_of(self.files, round_)

    def inputs(self, facts: RoundFacts, fetch: Fetch) -> MaskedInputs:
        """What the round's model is made of. Raises ValueError where the masks can never be taken off."""
        if self.masks is None:
            raise ValueError("a sum under its masks makes no model")
        chosen = [facts.round.updates[member] for member in sorted(self.set)]
        cids = [of_file(update.cid, facts.update_size) for update in chosen]
        weights = [update.weight for update in chosen]
        job = facts.job
        return MaskedInputs(job.layout, facts.base.cid, cids, weights, fetch, self.masks, job.admission)


def masked_sum(facts: RoundFacts, fetch: Fetch, files: Mapping[int, SetupFile] | None = None) -> MaskedSum | None:
    """What a masked round's outcome is made of; None of an open job's. `files` are the set-up files of the cast, where
    they were read.

    Raises NotShown where no set is fixed, or too few shares were shown to take the masks off, and Unavailable where a
    set-up file is not at hand.
    """
    if facts.job.masked is None:
        return None
    masks, opened, said = board_of(facts)
    if opened is None or opened.cast is None or said is None or said.set is None:
        raise NotShown(f"no set is fixed for round {facts.round.number}", job=facts.round.job)
    cast, chosen = opened.cast, said.set
    try:
        files = files or cast_files(facts.place, facts.round.job, masks, opened, fetch)
    except Refuted as error:
        return MaskedSum(cast, chosen, {}, {}, None, f"the cast is not one to be agreed with: {error.message}")
    shown = secrets_of(said, files, opened.setups)
    if shown.lost:
        return MaskedSum(cast, chosen, files, shown.seeds, None, _lost(shown))
    if shown.wanting:
        member, more = min(shown.wanting.items())
        raise NotShown("too few shares were given to take the masks off the sum", member=member, needed=more)
    pads = cast_of(files, facts.round.number)
    return MaskedSum(cast, chosen, files, shown.seeds, unmasking(pads, chosen, shown.seeds, shown.keys))


def board_of(facts: RoundFacts) -> tuple[JobMasks, SegmentState | None, RoundMasks | None]:
    """What the ledger says of a masked round: its job's masks, its segment, its set; None for what there is not yet.

    Raises Unavailable where nobody configured the job's masks: members approve no such job.
    """
    if facts.masks is None:
        raise Unavailable(f"the masks of job {facts.round.job} are not configured on the ledger")
    number = facts.round.number
    return facts.masks, facts.masks.segment_of(number), facts.masks.rounds.get(number)


def fixed_receipts(said: RoundMasks | None) -> bytes | None:
    """The SHA-256 of the receipts file that a round's fixed set was proposed under; None without a set.

    The round's aggregate names this file and no other.
    """
    return None if said is None or said.set is None else said.proposals[-1].receipts


def _lost(shown: RoundSecretsShown) -> str:
    members = ", ".join(str(member) for member in sorted(shown.lost))
    return f"the masks cannot be taken off: what was dealt makes another secret than that of member {members}"
