"""The twin and the contract agree: on every value of false and honest models, and on what is bent."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from support.consortia.refuted import begin, publish_false, verdict_of_the_court
from support.consortia.synthetic import LIMITS, Trial
from support.consortia.voters import said
from support.court import INT32

from ledger.court import calldata
from ledger.court.calldata import calls_of, read_calls
from ledger.court.judge import Holds, judge
from ledger.court.refutation import Accused, Point, place_of
from ledger.court.search import accused_of, find_point, point_at
from ledger.errors import Malformed
from ledger.events.court import Ground
from ledger.formats.claims import ENTRY
from ledger.formats.digest import sha256
from ledger.history.state import Aggregate
from ledger.jobs.rules import Median, Rule, TrimmedMean, WeightedMean

RULES = (WeightedMean(), Median(), TrimmedMean(1))
GAMES = 40


def verdict_of_the_twin(trial: Trial, accused: Accused, point: Point) -> str:
    """The same words as the contract's, as far as the twin tells them apart: of a claim that stands on the ledger."""
    party = trial.parties[0]
    try:
        found = judge(trial.job.model_terms, party.facts.name, accused, point)
    except Holds:
        return "AggregateCourt_Holds"
    except Malformed:
        return "refused"
    return "" if found.claim == trial.round.aggregates[-1].claim else "refused"


def compare(trial: Trial, accused: Accused, point: Point) -> str:
    contract, twin = verdict_of_the_court(trial, accused, point), verdict_of_the_twin(trial, accused, point)
    assert twin == (contract if contract in ("", "AggregateCourt_Holds") else "refused"), contract
    return contract


def stake(values: np.ndarray) -> None:
    """Half of the values are altered, some to the ends of the range."""
    random = np.random.default_rng(5)
    places = random.choice(len(values), len(values) // 2, replace=False)
    values[places] ^= random.integers(1, 1 << 20, len(places)).astype("<i4")
    values[places[:9]], values[places[9:18]] = INT32 - 1, -INT32


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_of_each_value_twin_and_contract_say_the_same(consortium: Any, rule: Rule) -> None:
    with Trial(consortium, rule=rule, limits=replace(LIMITS, min_updates=3)) as trial:
        begin(trial)
        lie = publish_false(trial, stake)
        facts, fetch = trial.parties[3].facts, trial.parties[3].connection.fetch
        accused, told = accused_of(facts, lie), set[str]()
        for value in np.random.default_rng(1).choice(trial.layout.values, GAMES, replace=False):
            told.add(compare(trial, accused, point_at(facts, lie, fetch, int(value))))
        assert told == {"", "AggregateCourt_Holds"}, "games of both kinds"


BENT: dict[str, Callable[[Accused, Point], tuple[Accused, Point]]] = {
    "another value": lambda a, p: (a, p._replace(value=p.value + 1)),
    "a value beyond the model": lambda a, p: (a, p._replace(value=610)),
    "another leaf": lambda a, p: (a, p._replace(value=p.value - 256)),
    "a short proof": lambda a, p: (a, p._replace(proof=p.proof[:-32])),
    "a long proof": lambda a, p: (a, p._replace(proof=p.proof + bytes(32))),
    "model and base exchanged": lambda a, p: (a, p._replace(proof=swapped(p.proof))),
    "a bit of the last leaf": lambda a, p: (a, p._replace(proof=p.proof[:-1] + bytes([p.proof[-1] ^ 1]))),
    "other bounds": lambda a, p: (a, p._replace(low=p.low - 1)),
    "bounds exchanged": lambda a, p: (a, p._replace(low=1, high=-1)),
    "a member": lambda a, p: (a, p._replace(member=1)),
    "updates in another order": lambda a, p: (a._replace(updates=a.updates[ENTRY:] + a.updates[:ENTRY]), p),
    "another document": lambda a, p: (a._replace(document=bytes(31) + b"\x01"), p),
    "a call gone by": lambda a, p: (later(a), p),
    "an update less": lambda a, p: (a._replace(updates=a.updates[ENTRY:]), p),
    "an update twice": lambda a, p: (a._replace(updates=a.updates[:ENTRY] + a.updates[:-ENTRY]), p),
    "another weight": lambda a, p: (a._replace(updates=heavier(a.updates)), p),
    "half an update": lambda a, p: (a._replace(updates=a.updates[:-1]), p),
    "other calls": lambda a, p: (a._replace(batches=b"\x01\x03"), p),
    "an empty call": lambda a, p: (a._replace(batches=b"\x00" + a.batches), p),
    "too few calls": lambda a, p: (a._replace(batches=b"\x03"), p),
    "a verdict more": lambda a, p: (a._replace(said=a.said._replace(verdicts=bytes(5))), p),
    "another verdict": lambda a, p: (a._replace(said=a.said._replace(verdicts=b"\x07" + bytes(3))), p),
    "another model": lambda a, p: (a._replace(said=a.said._replace(root=a.said.base)), p),
    "another round": lambda a, p: (a._replace(round=2), p),
    "too few, which is not so": lambda a, p: (a, Point(Ground.TOO_FEW)),
    "too few, with a value": lambda a, p: (a, Point(Ground.TOO_FEW, value=3)),
    "too heavy, which is not so": lambda a, p: (a, Point(Ground.WEIGHT, 1)),
    "too heavy, of nobody": lambda a, p: (a, Point(Ground.WEIGHT, 9)),
    "too heavy, with bounds": lambda a, p: (a, Point(Ground.WEIGHT, 1, low=1)),
    "too large, which is not so": lambda a, p: (a, Point(Ground.LIMIT, 3, p.value, proof=last(p))),
    "too large, another's leaf": lambda a, p: (a, Point(Ground.LIMIT, 1, p.value, proof=last(p))),
    "nothing bent": lambda a, p: (a, p),
}


def last(point: Point) -> bytes:
    return point.proof[-place_of(point.value, 610).size :]


def swapped(proof: bytes) -> bytes:
    size = len(proof) // 6
    return proof[size : 2 * size] + proof[:size] + proof[2 * size :]


def later(accused: Accused) -> Accused:
    """The same digest over the openings, as of a document that has the first call in it."""
    size = ENTRY * accused.batches[0]
    document = sha256(accused.document + accused.updates[:size])
    return accused._replace(document=document, updates=accused.updates[size:], batches=accused.batches[1:])


def heavier(updates: bytes) -> bytes:
    return updates[:4] + bytes([updates[4] ^ 1]) + updates[5:]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_of_what_is_bent_twin_and_contract_say_the_same(consortium: Any, rule: Rule) -> None:
    with Trial(consortium, rule=rule, limits=replace(LIMITS, min_updates=3)) as trial:
        begin(trial)
        lie = publish_false(trial, stake)
        facts, fetch = trial.parties[3].facts, trial.parties[3].connection.fetch
        accused = accused_of(facts, lie)
        shown = (point_at(facts, lie, fetch, value) for value in range(300, 610))
        point = next(one for one in shown if not verdict_of_the_twin(trial, accused, one))
        convicted = {name for name, bend in BENT.items() if not compare(trial, *bend(accused, point))}
        assert convicted <= {"nothing bent", "another value"}
        assert "nothing bent" in convicted


def test_more_than_one_call_is_shown_in_ranges(
    consortium: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As with more updates than a transaction has room for."""
    monkeypatch.setattr(calldata, "LARGEST", 3_000)
    with Trial(consortium) as trial:
        begin(trial)
        lie = publish_false(trial, stake)
        facts, fetch, values = trial.parties[3].facts, trial.parties[3].connection.fetch, trial.layout.values
        accused, point = accused_of(facts, lie), find_point(facts, lie, fetch)
        assert point is not None
        calls = calls_of(accused, point, lie.claim, values)
        assert [call.function for call in calls] == ["show", "show", "refute"]
        place = (facts.place.chain, facts.place.contract)
        assert read_calls(encoded(calls), *place, values) == (accused, point)
        for wrong in (calls[1:], calls[:1] + calls[2:], [calls[1], calls[0], calls[2]], calls[:2], []):
            with pytest.raises(Malformed):
                judge(trial.job.model_terms, facts.name, *read_calls(encoded(wrong), *place, values))
        member = consortium.members[3]
        key = ("--home", member.home.folder, "--passphrase-file", member.passphrase_file)
        done = said("refute", "--round", 1, "--output", tmp_path / "file", *key, "--json")
        assert done["outcome"] == "convicted"
        said("evidence", "check", tmp_path / "file", "--json")


def encoded(calls: list[calldata.Call]) -> list[bytes]:
    from ledger.chain.calldata import call_data

    return [bytes.fromhex(call_data("court", call.function, *call.arguments)[2:]) for call in calls]


def test_the_lie_is_whatever_the_aggregate_says(consortium: Any) -> None:
    """The same model, claimed again by another aggregator, is as false."""
    with Trial(consortium) as trial:
        begin(trial)
        first = publish_false(trial, stake)
        member = consortium.members[3]
        key = ("--home", member.home.folder, "--passphrase-file", member.passphrase_file)
        said("refute", "--round", 1, "--output", member.home.folder / "1", *key, "--json")
        second: Aggregate = publish_false(trial, stake, 1)
        assert second.root == first.root
        done = said("refute", "--round", 1, "--output", member.home.folder / "2", *key, "--json")
        assert (done["outcome"], done["attempt"]) == ("convicted", 2)
