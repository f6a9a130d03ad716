"""What the last audit says of each thing: one lie, which the members did not take."""

from web.documents.answers import Answers, AuditLine, AuditorAnswers, AuditorLine, Coverage, LieLine, OpenLine, Told
from web.examples.consortium import BASE, SOUTH, TX

LIE = LieLine(
    state="caught",
    party=SOUTH,
    who="South",
    key=SOUTH.key,
    said="aggregate 1/1, attempt 1",
    why="the published model does not recompute",
    job=1,
    round=1,
    attempt=1,
    tx=TX,
    address="/audit#lie-1",
)

_COVERAGE = Coverage(job=1, through=1, ended=1, attempts=0, at=1_800_000_700, block=42, hash=BASE)
_OPEN = OpenLine(
    what="the contracts' sources",
    why="they were not compiled: left out",
    fault=None,
    decides=False,
    job=None,
    round=None,
)

AUDIT = AuditLine(
    at=1_800_000_700,
    seconds=1.2,
    block=42,
    hash=BASE,
    rounds=1,
    right="yes",
    lies="caught",
    lies_told=1,
    open_told=1,
)
AUDITOR = AuditorLine(
    file="south.json",
    standing="verified",
    trouble="",
    party=SOUTH,
    key=SOUTH.key,
    answers=AuditorAnswers(
        asked="everything that stands",
        right="yes",
        exit=0,
        lies="caught",
        lies_told=1,
        open_told=1,
        at=1_800_000_650,
        block=42,
        hash=BASE,
    ),
)

TOLD = Told(coverage=_COVERAGE, trouble="", answer="none", lies=(), lies_told=0, open=(), open_told=0)


def of_all() -> Answers:
    """Of everything that stands."""
    return _answers({"all": True}, "fedledger audit --network NETWORK.toml")


def of(**asked: int | str) -> Answers:
    """Of one thing, which is right: `asked` is the question."""
    (option, which), *_ = asked.items()
    return _answers(asked, f"fedledger audit --network NETWORK.toml --{option} {which}")


def _answers(asked: dict[str, bool | int | str], command: str) -> Answers:
    return Answers(
        coverage=_COVERAGE,
        trouble="",
        answer="caught",
        lies=(LIE,),
        lies_told=1,
        open=(_OPEN,),
        open_told=1,
        asked=asked,
        stands=True,
        right="yes",
        exit=0,
        why="",
        command=command,
    )
