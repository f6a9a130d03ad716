"""What the chain itself keeps, held against the log. A log that is not the contract's is the server's lie, no party's.

Everything else that an audit checks rests on the log. So a job whose log fails here is not checked any further.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ledger.audit.context import Context
from ledger.audit.report import Check, Finding
from ledger.formats.digest import NOTHING
from ledger.formats.text import plural
from ledger.history.state import JobState


@dataclass(frozen=True, slots=True)
class Observed:
    """What the chain itself said, at the block up to which the history goes.

    `code` maps a contract's name to the expected and the actual hash of its code; `source` to whether its source
    compiles to that code (None: not asked for; a text: why it could not be checked). `models` holds the root that each
    round finalised, by (job, round), 32 zero bytes where it finalised none; `claims` the claim that it finalised, and
    `scores` the root of each settled scoring, likewise.
    """

    code: Mapping[str, tuple[str, str]]
    source: Mapping[str, bool] | str | None
    models: Mapping[tuple[int, int], bytes]
    claims: Mapping[tuple[int, int], bytes]
    scores: Mapping[tuple[int, int], bytes] = field(default_factory=dict)


class _Word(NamedTuple):
    """One thing that log and chain both tell; `actual` is None where the chain was not read."""

    logged: bytes
    actual: bytes | None
    where: dict[str, Any]


def is_the_contracts_log(audit: Context, state: JobState, observed: Observed) -> bool:
    """HEADS: whether what the log tells of a job is what its contracts keep; one finding where it is not."""
    words = list(_of_rounds(state, observed))
    different = [word for word in words if word.logged != word.actual]
    audit.report.verify(Check.HEADS, len(words) - len(different))
    if different:
        first = different[0]
        audit.report.add(
            Finding(
                check=Check.HEADS,
                status="unknown",
                message="the log that was read is not the one the contract wrote, so nothing else of this job was "
                f"checked and nobody is blamed: {len(different)} of {plural(len(words), 'word')} on chain differ; "
                "read the log from another endpoint",
                job=state.number,
                expected=first.actual.hex() if first.actual is not None else "nothing read from the chain",
                actual=first.logged.hex(),
                **first.where,
            )
        )
    return not different


def _of_rounds(state: JobState, observed: Observed) -> Iterator[_Word]:
    """What each round finalised (its claim covers root, CID and verdicts), and what each scoring settled."""
    for number, round_ in state.rounds.items():
        place, where, final = (state.number, number), {"round": number}, round_.final
        yield _Word(final.root if final else NOTHING, observed.models.get(place), where)
        yield _Word(final.claim if final else NOTHING, observed.claims.get(place), where)
    for number, scoring in state.scorings.items():
        yield _Word(scoring.root, observed.scores.get((state.number, number)), {"round": number})
