"""What the chain itself keeps, held against the log. A log that is not the contract's is the server's lie, no party's.

Everything else that an audit checks rests on the log. So a job whose log fails here is not checked any further.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ledger.audit.context import CHAIN_NODE, Context
from ledger.audit.report import Check
from ledger.formats.claims import COMMITMENT
from ledger.formats.digest import NOTHING
from ledger.formats.text import plural
from ledger.history.state import JobState
from ledger.history.state.masking import JobMasks, bitmap_of

Judgement = tuple[tuple[int, int], tuple[tuple[int, int, int], ...]]


@dataclass(frozen=True, slots=True)
class Observed:
    """What the chain itself said, at the block up to which the history goes.

    `code` maps a contract's name to the expected and the actual hash of its code; `source` to whether its source
    compiles to that code (None: not asked for; a text: why it could not be checked). `models` holds the root that each
    round finalised, by (job, round), 32 zero bytes where it finalised none; `scores` the root of each settled scoring,
    and `claims` the claim that was finalised next after each round, and after 0, likewise. `commitments` holds what
    every key that any member ever had committed to last, by (job, key): 28 bytes and the round, zeros where it did not;
    `strikes` those of every member, by (job, index); `casts` the bitmap of each segment's cast, by (job, segment), 0
    where none is fixed. `judged` holds what the court and the members made of each job's models, by job, as
    `final_judgement` has it.
    """

    code: Mapping[str, tuple[str, str]]
    source: Mapping[str, bool] | str | None
    models: Mapping[tuple[int, int], bytes]
    claims: Mapping[tuple[int, int], bytes]
    scores: Mapping[tuple[int, int], bytes] = field(default_factory=dict)
    commitments: Mapping[tuple[int, str], tuple[bytes, int]] = field(default_factory=dict)
    strikes: Mapping[tuple[int, int], int] = field(default_factory=dict)
    casts: Mapping[tuple[int, int], int] = field(default_factory=dict)
    judged: Mapping[int, Judgement] = field(default_factory=dict)


def final_claims(state: JobState) -> dict[int, bytes]:
    """The claim finalised next after each round that is not void, and after 0, by round; zero where there is none, as
    on chain."""
    kept = {number: round_ for number, round_ in state.rounds.items() if not state.is_void(number)}
    claims = dict.fromkeys([0, *kept], NOTHING)
    for number, round_ in kept.items():
        if round_.final is not None:
            claims[state.built_on(number)] = round_.final.claim
    return claims


def final_judgement(state: JobState) -> Judgement:
    """The first convicted round and the one before it, both 0 where the members have not to decide; and the runs of
    void rounds: first, last, and the one before, without those inside of a later one. As on chain."""
    runs: list[tuple[int, int, int]] = []
    for first, last in state.void:
        while runs and runs[-1][0] > first:
            runs.pop()
        runs.append((first, last, state.built_on(first)))
    return (state.convicted, state.sound), tuple(runs)


_NOTHING = (bytes(COMMITMENT), 0)


class _Word(NamedTuple):
    """One thing that log and chain both tell; `actual` is None where the chain was not read."""

    logged: bytes
    actual: bytes | None
    where: dict[str, Any]


def is_the_contracts_log(audit: Context, state: JobState, observed: Observed) -> bool:
    """HEADS: whether what the log tells of a job is what its contracts keep; one finding where it is not."""
    words = [*_of_parties(audit, state, observed), *_of_rounds(state, observed), *_of_segments(audit, state, observed)]
    kept = observed.judged.get(state.number)
    words.append(_Word(_numbers(final_judgement(state)), None if kept is None else _numbers(kept), {}))
    different = [word for word in words if word.logged != word.actual]
    audit.found.verify(Check.HEADS, len(words) - len(different))
    if different:
        first = different[0]
        why = (
            "the log that was read is not the one the contract wrote, so nothing else of this job was checked and "
            f"nobody is blamed: {len(different)} of {plural(len(words), 'word')} on chain differ; read the log from "
            "another endpoint"
        )
        told = {
            "expected": first.actual.hex() if first.actual is not None else "nothing read from the chain",
            "actual": first.logged.hex(),
        }
        what = f"the log of job {state.number}"
        audit.leave_open(Check.HEADS, what, why, job=state.number, fault=CHAIN_NODE, **told, **first.where)
        audit.found.doubted.add(state.number)
    return not different


def _numbers(judged: Judgement) -> bytes:
    """Three bytes for each number."""
    (convicted, sound), runs = judged
    return b"".join(number.to_bytes(3) for numbers in ((convicted, sound), *runs) for number in numbers)


def _of_parties(audit: Context, state: JobState, observed: Observed) -> Iterator[_Word]:
    """What each key committed to last, and each member's strikes: also of those that log or chain alone knows."""
    logged = _last_commitments(state)
    kept = {key: said for (job, key), said in observed.commitments.items() if job == state.number}
    for key in logged.keys() | {key for key, said in kept.items() if any(said[0])}:
        where, actual = {"party": audit.describe(key)}, kept.get(key)
        yield _Word(_packed(*logged.get(key, _NOTHING)), _packed(*actual) if actual else None, where)
    strikes = {index: count for (job, index), count in observed.strikes.items() if job == state.number}
    for index in sorted(audit.history.members.keys() | strikes.keys()):
        count = strikes.get(index)
        where = {"party": audit.name(index)}
        yield _Word(bytes([state.strikes.get(index, 0)]), None if count is None else bytes([count]), where)


def _last_commitments(state: JobState) -> dict[str, tuple[bytes, int]]:
    """By key."""
    rounds = state.rounds.items()
    return {one.party: (one.digest, number) for number, round_ in rounds for one in round_.commitments.values()}


def _packed(commitment: bytes, number: int) -> bytes:
    return commitment + number.to_bytes(4, "big")


def _of_rounds(state: JobState, observed: Observed) -> Iterator[_Word]:
    """What each round finalised (its claim covers root, CID and verdicts), and what each scoring settled."""
    for number, round_ in state.rounds.items():
        root = round_.final.root if round_.final else NOTHING
        yield _Word(root, observed.models.get((state.number, number)), {"round": number})
    for before, claim in final_claims(state).items():
        yield _Word(claim, observed.claims.get((state.number, before)), {"round": before + 1})
    for number, scoring in state.scorings.items():
        yield _Word(scoring.root, observed.scores.get((state.number, number)), {"round": number})


def final_casts(masks: JobMasks | None) -> dict[int, int]:
    """The cast of each segment that was opened, as a bitmap: zero until it is fixed, as on chain."""
    segments = masks.segments.items() if masks else ()
    return {number: bitmap_of(segment.cast or ()) for number, segment in segments}


def _of_segments(audit: Context, state: JobState, observed: Observed) -> Iterator[_Word]:
    """The cast of each segment of a masked job, under its first round."""
    masks = audit.history.masks.get(state.number)
    for number, cast in final_casts(masks).items():
        actual = observed.casts.get((state.number, number))
        first = (number - 1) * masks.terms.segment + 1 if masks else 0
        yield _Word(cast.to_bytes(32), None if actual is None else actual.to_bytes(32), {"round": first})
