"""Whether the contracts keep of a job what its document says.

The job's proposer told them, and nobody makes it tell the truth: members approve no other job, nodes take part in none,
and the audit names who proposed it.
"""

from collections.abc import Iterator
from typing import NamedTuple

from ledger.errors import FedledgerError
from ledger.events.budgets import Spending
from ledger.events.masks import Masking
from ledger.events.records import ModelTerms, Terms
from ledger.history.state import JobState
from ledger.history.state.masking import JobMasks
from ledger.jobs.document import Job

Told = Terms | ModelTerms | Masking | Spending
"""What contracts are told of a job."""


class Contradiction(NamedTuple):
    """What the document says, and what the contracts were told instead; None is nothing at all.

    `what` is one of terms, models, masks and costs.
    """

    what: str
    said: Told | None
    kept: Told | None

    @property
    def field(self) -> str:
        """The first field that differs; empty where one of the two says nothing."""
        if self.said is None or self.kept is None:
            return ""
        names = type(self.said).__struct_fields__
        return next(name for name in names if getattr(self.said, name) != getattr(self.kept, name))

    def __str__(self) -> str:
        if self.kept is None:
            return f"the document asks for {self.what}, and the job's proposer told the contract of none"
        if self.said is None:
            return f"the contract was told of {self.what}, and the document asks for none"
        return f"document and contract disagree on the {self.what}: {self.field}"

    def may_follow(self, state: JobState) -> bool:
        """Whether the job's proposer can still tell the contract what is missing: nobody opened the job yet."""
        return self.kept is None and not state.opened_in

    def error(self, kind: type[FedledgerError], why: str = "", *, advice: str = "") -> FedledgerError:
        """It as an error of this kind, with what both say of the field; `why` says what follows."""
        said, kept = (self._shown(told) for told in (self.said, self.kept))
        text = f"{self}: {why}" if why else str(self)
        return kind(text, advice=advice, expected=said, actual=kept)

    def _shown(self, told: Told | None) -> object:
        return "none" if told is None else getattr(told, self.field) if self.field else self.what


def contradiction(document: Job, state: JobState, masks: JobMasks | None) -> Contradiction | None:
    """The first thing that the contracts were told otherwise; None where they keep all that the document says.

    `masks` are the job's (`History.masks`). While the job is not open, its proposer may still tell of them.
    """
    return next(_contradictions(document, state, masks), None)


def _contradictions(document: Job, state: JobState, masks: JobMasks | None) -> Iterator[Contradiction]:
    asked = document.masked.masking if document.masked else None
    costs, spending = document.dp.spending if document.dp else None, state.spending
    pairs: tuple[tuple[str, Told | None, Told | None], ...] = (
        ("terms", document.terms, state.terms),
        ("models", document.model_terms, state.model),
        ("masks", asked, masks.terms if masks else None),
        ("costs", costs, spending.terms if spending else None),
    )
    for what, said, kept in pairs:
        if said != kept:
            yield Contradiction(what, said, kept)
