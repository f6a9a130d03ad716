"""A report's answers follow from what was found, and nothing unchecked is ever right."""

import json
from itertools import product

import msgspec
import numpy as np
import pytest
from support.worlds.chain import block_hash
from support.worlds.signing import key
from support.worlds.world import EVERYTHING, READ, World

from ledger.audit.answers import is_right, what_is_open, who_lied
from ledger.audit.claims import StandingClaim
from ledger.audit.found import MOST_MEASURED, Found
from ledger.audit.question import Question
from ledger.audit.report import EXIT, OPTIONAL, Answer, Check, Lie, LieState, MeasuredRound, Open, Report
from ledger.errors import Corrupt, FedledgerError, Malformed, Refuted, Rejected, Unavailable, UsageError
from ledger.events.evidence import SignedStatement

REQUIRED = sorted(set(Check) - OPTIONAL)
SIGNED = SignedStatement(
    fedledger="evidence/1", chain=1, contract="0x00", statement="attest", arguments={}, signer=key(1), raw="0x"
)
CLAIMS = {
    one.name: one
    for one in (
        StandingClaim("code", given=True),
        StandingClaim("job 1", 1),
        StandingClaim("model 1/1", 1, 1, ("job 1",)),
        StandingClaim("model 1/2", 1, 2, ("model 1/1",)),
        StandingClaim("release a@1", rests_on=("model 1/2",), given=True),
        StandingClaim("job 2", 2),
    )
}


def full() -> Found:
    """Every check made, every claim looked at."""
    found = Found(looked_at=set(CLAIMS))
    for check in REQUIRED:
        found.verify(check)
    return found


def lie(state: LieState, *touches: str) -> Lie:
    told = {"who": "east", "key": key(1), "said": "aggregate 1/2, attempt 1", "evidence": SIGNED}
    return Lie(check=Check.AGGREGATE, why="x", state=state, touches=touches, job=1, round=2, **told)  # type: ignore[arg-type]


def owed(*touches: str) -> Open:
    return Open(check=Check.BYTES, what="bytes", why="gone", touches=touches, job=1, round=2)


def answers(found: Found, question: Question = EVERYTHING) -> dict[str, Answer]:
    right = is_right(found, question, World().history, CLAIMS)
    return {"": right.answer} | {one.claim: one.answer for one in right.claims}


def test_numbers_and_optional_checks_are_fixed_for_ever() -> None:
    assert [(check.value, check.name) for check in Check] == [
        (1, "CODE"),
        (2, "SOURCE"),
        (3, "LOG"),
        (4, "HEADS"),
        (5, "JOB"),
        (6, "INITIAL"),
        (7, "BYTES"),
        (8, "ADMISSION"),
        (9, "AGGREGATE"),
        (10, "ATTESTATION"),
        (11, "COPIES"),
        (12, "SCORES"),
        (13, "SIGNED"),
        (14, "SEALS"),
        (15, "RECEIPTS"),
        (16, "MASKS"),
        (17, "EDGES"),
        (18, "COURT"),
    ]
    assert {Check.SOURCE, Check.COPIES, Check.SEALS, Check.RECEIPTS} == OPTIONAL
    assert EXIT == {"yes": 0, "no": 1, "unknown": 3}
    assert all(check.title for check in Check)


@pytest.mark.parametrize("left_out", [None, *REQUIRED])
def test_every_required_check_must_have_been_made(left_out: Check | None) -> None:
    found = full()
    if left_out:
        del found.passed[left_out]
    assert set(answers(found).values()) == {"unknown" if left_out else "yes"}


def test_what_was_not_looked_at_is_unknown() -> None:
    assert answers(Found())[""] == "unknown"
    found = full()
    found.looked_at.discard("job 2")
    assert answers(found)["job 2"] == answers(found)[""] == "unknown"


MODEL = "model 1/1"
FOUND: dict[str, tuple[list[Lie], list[Open], Answer]] = {
    "standing": ([lie("standing", MODEL)], [], "no"),
    "pending": ([lie("pending", MODEL)], [], "no"),
    "caught": ([lie("caught")], [], "yes"),
    "needed bytes": ([], [owed(MODEL)], "unknown"),
    "bytes owed": ([], [owed()], "yes"),
}


@pytest.mark.parametrize(("one", "other"), list(product(FOUND, repeat=2)))
def test_the_worst_decides_and_a_caught_lie_never_counts(one: str, other: str) -> None:
    found = full()
    expected: list[Answer] = []
    for lies, open_, answer in (FOUND[one], FOUND[other]):
        found.lies += lies
        found.open += open_
        expected.append(answer)
    worst = "no" if "no" in expected else "unknown" if "unknown" in expected else "yes"
    assert answers(found)[""] == answers(found)[MODEL] == worst


def test_what_rests_on_it_shares_its_answer_and_says_what_it_would_be() -> None:
    for lies, open_, answer in FOUND.values():
        found = full()
        found.lies, found.open = lies, open_
        right = is_right(found, Question(), World().history, CLAIMS)
        above = {
            one.claim: (one.answer, one.given_base) for one in right.claims if one.claim in ("model 1/2", "release a@1")
        }
        assert set(above.values()) == {(answer, None if answer == "yes" else "yes")}
        others = {one.claim: one.answer for one in right.claims if one.claim in ("code", "job 1", "job 2")}
        assert set(others.values()) == {"yes"}


def test_a_history_that_is_not_believed_has_no_right_or_false_claim() -> None:
    found = full()
    found.lies.append(lie("standing", MODEL))
    found.doubted.add(1)
    expected = dict.fromkeys(CLAIMS, "unknown") | {"code": "yes", "job 2": "yes", "": "unknown"}
    assert answers(found) == expected
    found.doubted.add(None)
    assert set(answers(found).values()) == {"unknown"}


def test_a_lie_in_a_round_that_is_not_asked_about_is_told_and_not_counted() -> None:
    found = full()
    found.lies.append(lie("pending", "aggregate 1/2, attempt 1"))
    assert answers(found)["aggregate 1/2, attempt 1"] == answers(found)[""] == "no"
    assert answers(found, Question.of_job(1))[""] == "no"
    assert answers(found, Question.of_model(1, 1)) == {"": "yes", "code": "yes", "job 1": "yes", MODEL: "yes"}
    assert answers(found, Question.of_job(2)) == {"": "yes", "code": "yes", "job 2": "yes"}
    assert who_lied(found).answer == "pending"


def test_lies_are_told_worst_first() -> None:
    found = Found(lies=[lie("caught"), lie("standing", MODEL), lie("pending", "x")])
    assert (who_lied(found).answer, [one.state for one in who_lied(found).list]) == (
        "standing",
        ["standing", "pending", "caught"],
    )
    assert (who_lied(Found()).answer, what_is_open(Found()).answer) == ("none", "nothing")
    assert what_is_open(Found(open=[owed()])).answer == "something"


def test_json_has_everything_and_names_only_what_is_known() -> None:
    document = json.loads(World().open_job().honest_round().audit().to_json())
    assert list(document)[:3] == ["fedledger", "asked", "exit"]
    assert (document["fedledger"], document["asked"], document["exit"]) == ("report/2", {"all": True}, 0)
    assert document["history"] == json.loads(msgspec.json.encode(READ)) | {
        "signed": {"asOf": 15, "anchor": "0x" + block_hash(15).hex(), "members": [0, 1, 2], "of": 4},
        "after": 4,
    }
    assert document["right"] == {
        "answer": "yes",
        "claims": [
            {"claim": "code", "answer": "yes"},
            {"claim": "job 1", "answer": "yes"},
            {"claim": "model 1/1", "answer": "yes", "rests_on": ["job 1"]},
        ],
    }
    assert (document["lies"], document["open"]["answer"]) == ({"answer": "none", "list": []}, "something")
    assert document["open"]["list"] == [
        {"check": 2, "what": "the contracts' sources", "why": "they were not compiled: left out"}
    ]
    assert document["skipped"] == [2]


def test_the_norm_of_every_update_is_in_the_report() -> None:
    world = World().open_job()
    world.open_round()
    sent = [np.full(world.layout.values, member, dtype="<i4") for member in range(4)]
    for member, values in enumerate(sent):
        world.submit(member, values)
    world.publish(0)
    squares = {str(member): str(member**2 * world.layout.values) for member in range(4)}
    assert json.loads(world.audit().to_json())["measured"] == [{"job": 1, "round": 1, "squares": squares}]


def test_an_update_whose_bytes_are_not_those_registered_has_no_norm() -> None:
    world = World().open_job()
    world.open_round()
    for member in range(4):
        world.submit(member, root=bytes(32) if member == 1 else None)
    world.publish(0)
    assert list(world.audit().measured[0].squares) == [0, 2, 3]


def test_of_too_many_updates_the_newest_whole_rounds_are_kept() -> None:
    many = [MeasuredRound(1, number, dict.fromkeys(range(255), "1")) for number in range(1, 301)]
    kept = Found(measured=many).newest_measured
    assert (len(kept), kept[-1].round, kept[0].round) == (MOST_MEASURED // 255, 300, 301 - MOST_MEASURED // 255)
    assert Found(measured=many[:3]).newest_measured == tuple(many[:3])
    assert Found().newest_measured == ()


@pytest.mark.parametrize("squares", [{"255": "1"}, {"0": "-1"}, {"0": "1" * 31}, {"0": 1}, {"x": "1"}, {"0": "01"}])
def test_what_is_no_sum_of_squares_is_refused(squares: dict[str, object]) -> None:
    document = json.loads(World().open_job().honest_round().audit().to_json())
    document["measured"][0]["squares"] = squares
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json.dumps(document), type=Report)


def test_counts_add_up() -> None:
    found = Found()
    found.verify(Check.BYTES, 0)
    found.verify(Check.BYTES, 3)
    found.verify(Check.BYTES)
    assert found.passed == {Check.BYTES: 4}
    assert Found().passed == {}


@pytest.mark.parametrize(
    ("kind", "code"),
    [(FedledgerError, 3), (Refuted, 1), (UsageError, 2), (Malformed, 2), (Unavailable, 3), (Corrupt, 3), (Rejected, 4)],
)
def test_exit_codes_are_never_reused(kind: type[FedledgerError], code: int) -> None:
    error = kind("it is so", advice="do this", expected=1, two_words="x")
    assert error.exit_code == code
    assert str(error) == "it is so\n  expected: 1\n  two words: x"
    assert error.advice == "do this"
    with pytest.raises(TypeError):
        error.facts["expected"] = 2  # type: ignore[index]


def test_foreign_text_steers_no_terminal() -> None:
    error = Malformed("unknown field \x1b[2J\ud800", name="a\x07b", other="é €\u202e")
    assert str(error) == "unknown field \\x1b[2J\\ud800\n  name: a\\x07b\n  other: é €\\u202e"
    assert error.message == "unknown field \\x1b[2J\\ud800"
