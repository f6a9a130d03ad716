"""One hostile member of five, in a whole job: every round ends in time with a model, and each fault has its name.

A real chain, whose clock goes on where all wait; four honest nodes and two honest aggregators; the fifth does as it
likes (`support.consortia.hostile`). Where it wants to open a round, the others let it go first.
"""

import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.command import fedledger
from support.consortia.hostile import LIES, TURNS, UPDATES, WORDS, Deed
from support.consortia.siege import Siege
from support.consortia.synthetic import Party, Trial
from support.consortia.trainers import train_on
from support.content.holders import Server

from ledger.events.records import Form
from ledger.history.state import Phase, Round
from ledger.party.auditing import AuditRequest, inspect
from ledger.party.gateway import Serving
from ledger.rounds.admission import Verdict

pytestmark = pytest.mark.node

HOSTILE, ROUNDS = 4, 20
UNANSWERED = 18
"""Seconds: a look that waits for a request which is never answered takes 20. Each worker would; on a busy machine now
and then one may take as long.
"""
DEEDS = (
    Deed("unopened", "leaves"),
    Deed("withheld", word="other claim"),
    Deed("to a friend", "false model"),
    Deed("silent", word="missing", junk=True),
    Deed("promised", "wrong head"),
    Deed("overlong", word="copied witness"),
    Deed("honest", "lost receipts"),
    Deed("honest", "own bytes"),
    Deed("honest", "shuts out"),
    Deed("honest", "shuts out late"),
)
FAULTS = {
    "unopened": "never opened",
    "withheld": "could not be had",
    "promised": "could not be had",
    "overlong": "could not be had",
    "leaves": "left its turn",
    "lost receipts": "could not be had",
    "shuts out": "left out in spite of a certificate",
    "shuts out late": "left out in spite of a certificate",
}
"""What an audit says of a deed that is no lie."""


def at_random(seed: int, rounds: int) -> Iterator[Deed]:
    """Deeds that nobody thought out."""
    dice = random.Random(seed)
    for _ in range(rounds):
        turn = dice.choice(TURNS)
        update = "honest" if turn == "own bytes" else dice.choice(UPDATES)
        yield Deed(update, turn, dice.choice(WORDS), junk=dice.random() < 0.2, rotates=dice.random() < 0.8)


@pytest.fixture
def siege(found: Callable[..., Any]) -> Iterator[Callable[[int], Siege]]:
    """Makes a job of so many rounds with five members, the last of them hostile."""
    with ExitStack() as stack:
        yield lambda rounds: Siege(train_on(stack.enter_context(Trial(found(5), propose=False)), rounds=rounds))


@pytest.mark.timeout(900)
def test_one_hostile_member_costs_no_round_and_is_named(siege: Callable[[int], Siege], tmp_path: Path) -> None:
    deeds = [*DEEDS, *at_random(11, ROUNDS - len(DEEDS))]
    s = siege(ROUNDS + 1)
    for deed in deeds:
        s.play(deed)
    assert [one.phase for one in s.trial.state.rounds.values()] == [Phase.FINALISED] * ROUNDS
    assert max(s.lasted) <= s.bound()
    s.leave_open(Deed("withheld"))
    assert s.trial.state.strikes.keys() <= {HOSTILE}
    report = audited(s, tmp_path)
    assert (report["exit"], report["right"]["answer"]) == (0, "yes")
    hostile = {f"member {HOSTILE} ({key})" for key in s.hostile.keys}
    assert {one["fault"] for one in report["open"]["list"] if "fault" in one} <= hostile
    rounds = s.trial.state.rounds
    for number, deed in enumerate(deeds, 1):
        assert lies_in(report, number) == told(deed, rounds[number]), (number, deed)
        for what in {FAULTS.get(deed.update), FAULTS.get(deed.turn)} - {None}:
            assert any(what in why for why in faults_in(report, number)), (number, deed, what)


@pytest.mark.parametrize("seconds", [2.0, None], ids=["slow", "silent"])
def test_a_gateway_that_answers_slowly_or_never_stops_nobody(
    siege: Callable[[int], Siege], seconds: float | None
) -> None:
    """It takes what is asked and keeps all waiting, each for itself; nobody else's update is left out."""
    s, over = siege(2), threading.Event()
    s.settling = 0.1
    with leading_on(s.hostile.party, over, seconds):
        rounds = [s.play(Deed("withheld", rotates=False)) for _ in range(2)]
    assert [one.phase for one in rounds] == [Phase.FINALISED] * 2
    assert [one.aggregates[0].verdicts for one in rounds] == [bytes([0, 0, 0, 0, Verdict.UNAVAILABLE])] * 2
    assert (max(s.lasted) <= s.bound(), s.trial.state.strikes) == (True, {})
    assert len([took for took in s.looks if took > UNANSWERED]) < len(s.workers)


@contextmanager
def leading_on(party: Party, over: threading.Event, seconds: float | None) -> Iterator[None]:
    """A party's announced gateway answers every request after so many seconds that there is nothing, or not at all."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        over.wait(seconds)
        handler.close_connection = True
        if not over.is_set():
            with suppress(OSError):
                handler.send_error(404)

    with Server(answer) as server, ExitStack() as stack:
        stack.callback(over.set)
        party.serving.close()
        party.sender.send("consortium", "announce", server.url)
        party.serving = cast(Serving, SimpleNamespace(check=lambda: None, close=lambda: None))
        yield


def told(deed: Deed, round_: Round) -> list[str]:
    """The lies that the member got onto the ledger in a round, by call."""
    own = ["publishAggregate" for one in round_.aggregates if one.index == HOSTILE and deed.turn in LIES]
    said = [one.form for aggregate in round_.aggregates for one in aggregate.attestations if one.index == HOSTILE]
    return ["attest"] * len([form for form in said if form is not Form.MISSING]) + own


def audited(s: Siege, folder: Path) -> dict[str, Any]:
    """The report of the command, whose evidence holds and which is that of the audit in this process."""
    party = s.trial.parties[0]
    network, evidence = party.member.home.network_file, folder / "evidence"
    common = ("--network", network, "--home", folder / "auditor", "--no-source", "--json")
    done = fedledger("audit", "--all", "--evidence", evidence, *common)
    report: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == report["exit"], done.stderr
    assert {(lie["who"], lie["state"]) for lie in report["lies"]["list"]} <= {(f"member {HOSTILE}", "caught")}
    checked = fedledger("evidence", "check", *sorted(evidence.iterdir()), "--network", network)
    assert checked.returncode == 0, checked.stdout
    same = json.loads(inspect(party.connection, AuditRequest(source=False)).to_json())
    assert (same["right"], same["lies"]) == (report["right"], report["lies"])
    return report


def lies_in(report: dict[str, Any], number: int) -> list[str]:
    """What was signed in a round that is a lie, by call; one signed statement once, whatever is false in it."""
    found = {lie["tx"]: lie["evidence"]["statement"] for lie in report["lies"]["list"] if lie["round"] == number}
    return sorted(found.values())


def faults_in(report: dict[str, Any], number: int) -> list[str]:
    return [one["why"] for one in report["open"]["list"] if one.get("round") == number and "fault" in one]
