"""Rounds of an audit, as parts for workers; and what comes back."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import msgspec

from ledger.audit.context import Blocks, ShownBlock
from ledger.audit.found import Found
from ledger.audit.run import JobRounds
from ledger.history.state import Round
from ledger.party.workers.crew import Answers
from ledger.party.workers.messages import RoundFindings, RoundsPart, encode, parse_findings
from ledger.rounds.admission import Progress

Executor = Callable[[bytes, Sequence[bytes], int], Answers]
"""Has parts answered by so many workers with that setup, in order; None for a part that none could answer."""
PARTS = 4
"""Parts for each worker, so that none waits long for another at the end."""
LARGEST_PART = 16
"""Rounds."""


@dataclass(frozen=True, slots=True)
class Workers:
    """So many workers of one audit: an `Elsewhere`. `progress` hears how many bytes they read."""

    execute: Executor
    workers: int
    setup: bytes
    blocks: Blocks
    progress: Progress

    def __call__(self, job: JobRounds) -> Generator[Found | None, None, None]:
        """What they found of each round, in order; None for one that is to be checked by the audit itself."""
        size = max(1, min(LARGEST_PART, len(job.numbers) // (PARTS * self.workers)))
        shares = [job.numbers[at : at + size] for at in range(0, len(job.numbers), size)]
        document = job.document.encode()
        parts = [encode(self._part(job, document, share)) for share in shares]
        with closing(self.execute(self.setup, parts, min(self.workers, len(parts)))) as answers:
            for share, answer in zip(shares, answers, strict=True):
                for one in _checked(answer, len(share)):
                    self.progress(one.read)
                    yield one.found

    def _part(self, job: JobRounds, document: bytes, numbers: tuple[int, ...]) -> RoundsPart:
        wanted = {block for number in numbers for block in _blocks(job.state.rounds[number])}
        shown: dict[int, ShownBlock | None] = {block: self.blocks(block) for block in sorted(wanted)}
        return RoundsPart(job.state.number, document, numbers, job.signed_to, job.scorable, shown)


def _blocks(round_: Round) -> Iterator[int]:
    """The blocks that a round's checks ask for, unless a member opposed with receipts of its own."""
    for aggregate in round_.aggregates:
        yield aggregate.as_of


def _checked(answer: bytes | None, rounds: int) -> list[RoundFindings]:
    """What an answer says of so many rounds: nothing, where there is none or it is another's."""
    try:
        found = parse_findings(answer) if answer is not None else []
    except msgspec.DecodeError:
        found = []
    return found if len(found) == rounds else [RoundFindings(None, 0)] * rounds
