"""Which aggregate of a round stands, and whether the court has convicted it."""

from typing import NamedTuple

from ledger.court.search import accused_of
from ledger.errors import UsageError
from ledger.events.court import Convicted
from ledger.formats.text import command
from ledger.history.state import Aggregate, Phase
from ledger.party.connection import Connection
from ledger.rounds.facts import RoundFacts


class Attempt(NamedTuple):
    """An attempt at a round; where the court convicted it, with its conviction."""

    facts: RoundFacts
    aggregate: Aggregate
    convicted: Convicted | None

    @property
    def stands(self) -> bool:
        """Whether members attest it now, or have finalised it: then there is something to overturn."""
        return self.convicted is None and self.aggregate.outcome in (None, Phase.FINALISED)

    @property
    def agreed_on_nothing(self) -> bool:
        """Whether a majority attested that no model can be made."""
        return self.aggregate.empty and self.aggregate.agreeing >= self.facts.round.majority

    @property
    def nothing_found(self) -> str:
        """Why the court cannot be shown anything, in words, where the search found nothing."""
        if not self.aggregate.empty:
            return "every value follows from the base and the updates that were admitted"
        state = self.facts.state
        admitted, needed = len(accused_of(self.facts, self.aggregate).admitted), state.model.min_updates
        why = f"{admitted} of {needed} updates are admitted" if admitted < needed else "a value does not fit into int32"
        return (
            f"it says that there is no model, and by its own verdicts there is none: {why}; whether the verdicts are "
            f"right, no court can judge: {command('audit', '--round', f'{state.number}/{self.facts.round.number}')}"
        )


def attempt_at(connection: Connection, job: int | None, number: int, attempt: int | None = None) -> Attempt:
    """An attempt at a round, by the history as it was read last: by default the latest.

    Raises UsageError where there is none.
    """
    state = connection.job(job)
    round_ = state.rounds.get(number)
    if round_ is None:
        raise UsageError(
            f"job {state.number} has no round {number}", advice="fedledger status", rounds=len(state.rounds)
        )
    chosen = round_.attempt if attempt is None else attempt
    if not 0 < chosen <= round_.attempt:
        raise UsageError(
            f"round {number} has no such aggregate", advice="fedledger status", attempts=round_.attempt, asked=chosen
        )
    found = round_.aggregates[chosen - 1]
    facts = RoundFacts.of(connection.place, state, connection.document(state), round_)
    return Attempt(facts, found, state.conviction_of(number, chosen))


def require_standing(found: Attempt) -> None:
    """Refuse an attempt that has failed already, or stands on a convicted model: the ledger takes no conviction of it.
    Raises UsageError.
    """
    round_, attempt = found.facts.round, found.aggregate.attempt
    if found.stands and found.facts.state.is_convicted(round_.number):
        raise UsageError(
            f"the model of round {round_.number} counts no more: it stands on a convicted one, or a rewind left it out",
            advice=f"add --attempt {attempt} --dry-run for a conviction file",
            convicted=found.facts.state.convicted,
        )
    if found.convicted is None and found.agreed_on_nothing:
        raise UsageError(
            f"round {round_.number} is over without a model, as a majority attested: no model is built on it, so there "
            "is nothing to overturn",
            advice=f"open the next round; add --attempt {attempt} --dry-run for a conviction file",
            phase=round_.phase.value,
        )
    if found.convicted is None and not found.stands:
        raise UsageError(
            f"attempt {attempt} of round {round_.number} has failed already, so there is nothing to overturn",
            advice=f"add --attempt {attempt} --dry-run for a conviction file",
            phase=round_.phase.value,
        )
