"""A round's outcome made again: its updates judged once, and each outcome that an attempt's receipts lead to."""

from collections.abc import Iterable, Mapping

from ledger.audit.context import Context
from ledger.errors import FedledgerError, Unavailable
from ledger.history.state import Aggregate, Phase, Round, Update
from ledger.rounds.admission import Decision, Judged, Verdict
from ledger.rounds.facts import RoundFacts
from ledger.rounds.masking.inputs import MaskedInputs, Summand
from ledger.rounds.masking.summed import MaskedSum, NotShown, masked_sum
from ledger.rounds.model import Model
from ledger.rounds.one_pass import Pass
from ledger.rounds.outcome import Outcome, conclude, threads_for

REFUSALS = frozenset(set(Verdict) - {Verdict.ADMITTED, Verdict.UNAVAILABLE})


class Remade:
    """What the audit makes of a round. `judged` are the updates whose bytes were read, `missing` the others;
    `platforms` are the digests of the platform documents that they name.

    `unshown` says what the ledger does not show of a masked round that would make its sum; nothing where it does.
    """

    def __init__(self, audit: Context, facts: RoundFacts) -> None:
        self._audit, self._facts = audit, facts
        self._threads = threads_for(facts, audit.threads)
        self.judged: dict[int, Judged] = {}
        self.missing: dict[int, Update] = {}
        self.platforms: dict[int, bytes] = {}
        self.unshown = ""
        self._summed: MaskedSum | str | None = None
        self._model: Model | None = None
        self._outcomes: dict[frozenset[tuple[int, Verdict]], Outcome | str] = {}

    def read(self, certified: Iterable[int]) -> dict[int, Unavailable]:
        """Read every update once, and make on the way the model of those certified; why updates cannot be had."""
        audit, facts, errors = self._audit, self._facts, dict[int, Unavailable]()
        self._summed = self._sum()
        summed = self._summed if isinstance(self._summed, MaskedSum) else None
        updates = facts.round.updates
        read = Pass(facts, audit.fetch, updates, threads=self._threads, progress=audit.progress, summed=summed)
        self._model = read.model(frozenset(certified), None)
        read.finish()
        self.platforms = read.platforms()
        for update in facts.round.sorted_updates():
            try:
                self.judged[update.index] = Judged(update, read.decision(update.index))
            except Unavailable as error:
                self.missing[update.index], errors[update.index] = update, error
        return errors

    def _sum(self) -> MaskedSum | str | None:
        """What makes the sum of a masked round, or why it cannot be made; None of an open one."""
        try:
            return masked_sum(self._facts, self._audit.fetch)
        except NotShown as error:
            self.unshown = error.message
            return error.message
        except Unavailable as error:
            return error.message

    @property
    def squares(self) -> list[tuple[Summand, int]]:
        """The sum of squares of each sum of a masked round; none of one not made to its end, and of an open round."""
        inputs = self._model.inputs if self._model is not None else None
        if not isinstance(inputs, MaskedInputs):
            return []
        found = zip(inputs.parts, inputs.surveys, strict=True)
        return [(part, survey.squares) for part, survey in found if survey.values == inputs.layout.values]

    @property
    def unmade(self) -> bool:
        """Whether it is a masked round whose sum cannot be made."""
        return isinstance(self._summed, str)

    def outcome(self, certified: Iterable[int], taken: Mapping[int, Verdict]) -> Outcome | str:
        """The outcome under these certificates, or why there is none; missing updates have the verdicts of `taken`."""
        entitled = set(certified)
        given = {i: Verdict.UNAVAILABLE for i in self._facts.round.updates if i not in entitled}
        given |= {index: verdict for index, verdict in taken.items() if index in entitled & self.missing.keys()}
        key = frozenset(given.items())
        if key not in self._outcomes:
            self._outcomes[key] = self._conclude(given)
        return self._outcomes[key]

    def _conclude(self, given: Mapping[int, Verdict]) -> Outcome | str:
        audit, summed = self._audit, self._summed
        if isinstance(summed, str):
            return summed
        missing = [audit.describe(update.party) for index, update in self.missing.items() if index not in given]
        if missing:
            return f"missing updates: {', '.join(missing)}"
        judged = tuple(
            Judged(update, Decision(given[update.index])) if update.index in given else self.judged[update.index]
            for update in self._facts.round.sorted_updates()
        )
        try:
            return conclude(self._facts, judged, audit.fetch, self._model, threads=self._threads, summed=summed)
        except FedledgerError as error:
            return str(error)


def taken_over(round_: Round, aggregate: Aggregate) -> dict[int, Verdict]:
    """The refusals, by member index, that a majority attested: where bytes are missing, an audit takes them over."""
    if aggregate.outcome is not Phase.FINALISED:
        return {}
    verdicts = zip(round_.sorted_updates(), aggregate.verdicts, strict=True)
    return {update.index: Verdict(byte) for update, byte in verdicts if byte in REFUSALS}


def failed(aggregate: Aggregate) -> bool:
    """Whether the members did not take the aggregate as a model: no bytes are needed for it any more."""
    return aggregate.outcome in (Phase.REFUTED, Phase.ABANDONED)
