"""What a conviction proves, in words."""

from collections.abc import Callable

from ledger.court.conviction import Proved
from ledger.court.judge import CourtJudgement
from ledger.events.court import Ground
from ledger.formats.claims import RoundName
from ledger.formats.text import listed


def false_in(judgement: CourtJudgement, round_: RoundName) -> str:
    """Which claim is false, and in what."""
    point, expected, actual = judgement.point, judgement.expected, judgement.actual
    where = f"round {round_.round} of job {round_.job}: "
    match point.ground:
        case Ground.VALUE:
            return f"{where}value {point.value} of the model must be {expected}, and is {actual}"
        case Ground.LIMIT:
            update = f"the admitted update of member {point.member}"
            return f"{where}value {point.value} of {update} is {actual}, and the job allows {expected}"
        case Ground.WEIGHT:
            return f"{where}member {point.member} is admitted with weight {actual}, and the job allows {expected}"
        case _:
            return f"{where}there is a model of {actual} updates, and the job asks for {expected}"


def signers(proved: Proved, name: Callable[[str], str] = str) -> list[str]:
    """Who signed the claim, and whose signed commitments it rests on."""
    agreed = listed(map(name, proved.attesters)) or "nobody else"
    shown, opened = len(proved.parties), len(proved.accused.entries)
    return [
        f"signed by {name(proved.aggregator)}, who published it; agreed: {agreed}",
        f"the job's terms are signed by {name(proved.proposer)}, {shown} of {opened} updates by their parties",
    ]
