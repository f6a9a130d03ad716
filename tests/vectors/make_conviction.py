"""Writes conviction.json beside it: `python tests/vectors/make_conviction.py`. A change of any byte is a new format.

A model of five values under each rule that the court judges, with a false one that a member agreed to.
"""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.court import convicted
from support.worlds import lies

from ledger.court.conviction import check
from ledger.formats.artifact import Tensor
from ledger.jobs.rules import Median, Rule, TrimmedMean, WeightedMean

FOLDER = Path(__file__).parent
FILE = "conviction.json"
RULES: dict[str, Rule] = {"weighted mean": WeightedMean(), "median": Median(), "trimmed mean": TrimmedMean(1)}


def case(name: str, rule: Rule) -> dict[str, Any]:
    """A file, and what it proves."""
    world = lies.begun(rule=rule, tensors=(Tensor("layer", (5,)),))
    lies.publish_altered(world, 3)
    world.attest(2, world.aggregate.claim)
    file = convicted(world)
    proved = check(file)
    point = proved.judgement.point
    return {
        "name": name,
        "file": file.encode().hex(),
        "chain": proved.round.chain,
        "ledger": proved.round.ledger,
        "job": proved.round.job,
        "round": proved.round.round,
        "claim": proved.judgement.claim.hex(),
        "ground": int(point.ground),
        "value": point.value,
        "low": point.low,
        "high": point.high,
        "expected": proved.judgement.expected,
        "actual": proved.judgement.actual,
        "aggregator": proved.aggregator,
        "attesters": list(proved.attesters),
        "proposer": proved.proposer,
        "parties": list(proved.parties),
    }


def text(_name: str = FILE) -> str:
    """The vectors, as the file has them."""
    return json.dumps([case(name, rule) for name, rule in RULES.items()], indent=1) + "\n"


if __name__ == "__main__":
    (FOLDER / FILE).write_text(text(), encoding="utf-8")
