"""The situations of the protocol's table (docs/spec/audit.md), one test a row: what is right, who lied, what is open.

Rows 20 and 21 are of what other endpoints say (tests/ledger/party), 28 is before any question
(tests/ledger/chain/test_client.py); here 20 is what the tail of a history says.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from support.worlds import lies
from support.worlds.decisions import Chamber
from support.worlds.scorers import ScoredWorld
from support.worlds.signing import key
from support.worlds.world import EVERYTHING, NAMES, World, artifact, open_matters, seen

from ledger.audit import Question, damaged_copies
from ledger.audit.context import ShownBlock
from ledger.audit.found import Found
from ledger.audit.report import Check, Report
from ledger.events import records as r
from ledger.events.evidence import Said, SignedStatement, Unproven
from ledger.formats.cid import of_file
from ledger.formats.copies import BadCopy
from ledger.formats.text import plural
from ledger.history.fold import History

Told = tuple[World, Question]
WEST = f"west ({key(3)})"
MEMBERS = [f"{name} ({key(index)})" for index, name in enumerate(NAMES[:4])]
ALL, MOST = ", ".join(MEMBERS), ", ".join(MEMBERS[:3])


@dataclass(frozen=True)
class Situation:
    """A row: the history and the question, and the three answers. `lies` by who and state, `open_` by whose fault."""

    row: int
    tell: Callable[[], Told]
    right: str
    lies: frozenset[tuple[str, str]] = frozenset()
    open_: frozenset[str | None] = frozenset()

    @property
    def exit(self) -> int:
        return {"yes": 0, "no": 1, "unknown": 3}[self.right]


def of(world: World, question: Question = EVERYTHING) -> Told:
    return world, question


def refuted() -> World:
    """East's false aggregate of round 2 is refuted, and south's is final."""
    world = lies.wrong_value()
    for member in (2, 3):
        world.attest(member)
    world.publish(2)
    for member in (0, 3):
        world.attest(member)
    return world


def finalised() -> World:
    """A majority finalises east's false aggregate of round 2; round 3 builds on it."""
    world = lies.wrong_value()
    for member in (2, 3):
        world.attest(member, world.aggregate.claim)
    return world.honest_round()


def outvoted() -> World:
    """South attests against a right aggregate."""
    world = lies.attests_against_the_truth()
    world.attest(3)
    return world


def without(world: World, number: int, member: int) -> World:
    """The bytes of a member's update of a round are lost by all."""
    del world.files.files[of_file(world.state.rounds[number].updates[member].cid, world.layout.size)]
    return world


def refused(*, lost: bool) -> World:
    """West's update has one byte too many; the round is final without it."""
    world = World().open_job().open_round()
    for member in range(3):
        world.submit(member)
    values = np.ones(world.layout.values, "<i4")
    world.submit(3, values, data=artifact(world.layout, world.binding(3), values) + b"\0")
    world.publish(0)
    world.attest(1)
    world.attest(2)
    return without(world, 1, 3) if lost else world


def never_served() -> World:
    world = World().open_job().open_round()
    for member in range(4):
        world.submit(member, stored=member != 3)
    world.publish(0, without=[3])
    world.attest(1)
    world.attest(2)
    return world


def left() -> World:
    """West opens a round and lets its turn pass."""
    world = World().open_job().honest_round().open_round(3)
    world.submit(0)
    world.open_pending().advance()
    return world


def copied() -> World:
    """South agrees with a right aggregate by what north showed."""
    world = lies.agrees_with_a_copied_witness()
    world.attest(3)
    return world


def without_certificate() -> World:
    """East uses bytes that only it has; the others refute that, and make the round without them."""
    world = lies.uses_bytes_without_a_certificate()
    for member in (2, 3):
        world.attest(member)
    world.publish(2, without=[3])
    for member in (0, 3):
        world.attest(member)
    return world


def never_opened() -> World:
    """West commits to an update, and nobody opens it."""
    world = World().open_job().open_round()
    for member in range(4):
        world.submit(member)
    del world.pending[3]
    world.publish(0)
    for member in (1, 2):
        world.attest(member)
    return world


def left_out(*, old: bool) -> World:
    """A majority leaves out west's update, for which members signed; west shows that, in time or not."""
    world = World().open_job().open_round()
    for member in range(4):
        world.submit(member)
    world.open_pending()
    receipts = world.receipts()
    for _ in range(3):
        world.emit(r.Announced, index=0, gateway="")
    world.publish(0, without=[3])
    lies.oppose(world, 3, receipts if old else world.receipts())
    for member in (1, 2):
        world.attest(member)
    return world


def two_heads() -> World:
    """South agrees with two aggregates as of one block, with two heads."""
    world = lies.begun()
    world.publish(1)
    said = world.aggregate.said
    world.attest(2)
    world.fail()
    world.publish_claim(3, said._replace(head=bytes([7]) * 32))
    world.say(2, r.Form.AGREE, world.aggregate.claim)
    world.fail()
    world.publish(0)
    for member in (1, 3):
        world.attest(member)
    return world


def left_out_in_silence() -> World:
    """A majority signs nothing for west's update, and leaves it out."""
    world = World().open_job().open_round()
    for member in range(4):
        world.submit(member)
    world.publish(0, without=[3])
    for member in (1, 2):
        world.attest(member)
    return world


def scored(*liars: int, withheld: tuple[int, ...] = ()) -> World:
    """Members that lie raise one score of round 1; members that withhold never reveal."""
    world = ScoredWorld()
    world.open_job().honest_round()
    truth = world.open_scoring().scores()
    false = (*truth[:2], truth[2] + 1000, *truth[3:])
    return world.score(dict.fromkeys(liars, false), without=withheld)


def release(world: World, number: int, *, revoked: bool = False) -> Told:
    """The model of a round is released as cardio 1.0, and asked about."""
    council = Chamber(world, deadline=9_000)
    council.release(council.model(number=number))
    if revoked:
        council.revoke("cardio", "1.0")
    made = world.history.decisions.release("cardio", "1.0")
    assert made is not None
    return world, Question.of_release(made)


def no_document() -> Told:
    return of(lies.no_document_at_all())


def lost_document() -> Told:
    world = World().open_job().honest_round()
    del world.files.files[world.job.cid]
    return of(world)


CAUGHT, STANDING, PENDING = "caught", "standing", "pending"
EAST, SOUTH = "east", "south"
BY_MAJORITY = frozenset({(EAST, STANDING), (SOUTH, STANDING), ("west", STANDING)})
ROWS = [
    Situation(1, lambda: of(lies.wrong_value()), "no", frozenset({(EAST, PENDING)}), frozenset({None})),
    Situation(
        1,
        lambda: of(lies.wrong_value(), Question.of_round(1, 2)),
        "no",
        frozenset({(EAST, PENDING)}),
        frozenset({None}),
    ),
    Situation(
        2,
        lambda: of(lies.wrong_value(), Question.of_model(1, 1)),
        "yes",
        frozenset({(EAST, PENDING)}),
        frozenset({None}),
    ),
    Situation(3, lambda: of(refuted()), "yes", frozenset({(EAST, CAUGHT)})),
    Situation(3, lambda: of(refuted(), Question.of_model(1, 2)), "yes", frozenset({(EAST, CAUGHT)})),
    Situation(4, lambda: of(finalised()), "no", BY_MAJORITY),
    Situation(4, lambda: of(finalised(), Question.of_model(1, 3)), "no", BY_MAJORITY),
    Situation(5, lambda: release(finalised(), 1), "yes", BY_MAJORITY),
    Situation(5, lambda: release(finalised(), 3), "no", BY_MAJORITY),
    Situation(6, lambda: of(outvoted()), "yes", frozenset({(SOUTH, CAUGHT)})),
    Situation(7, lambda: of(copied()), "yes", frozenset({(SOUTH, CAUGHT)})),
    Situation(8, lambda: of(without_certificate()), "yes", frozenset({(EAST, CAUGHT)}), frozenset({None})),
    Situation(9, lambda: of(without(refuted(), 1, 3)), "unknown", frozenset({(EAST, CAUGHT)}), frozenset({ALL, None})),
    Situation(11, lambda: of(refused(lost=False)), "yes"),
    Situation(12, lambda: of(refused(lost=True)), "yes", frozenset(), frozenset({WEST})),
    Situation(13, lambda: of(never_opened()), "yes", frozenset(), frozenset({WEST})),
    Situation(14, lambda: of(never_served()), "yes", frozenset(), frozenset({WEST})),
    Situation(15, lambda: of(World().open_job().honest_round().open_round()), "yes", frozenset(), frozenset({None})),
    Situation(15, lambda: of(left()), "yes", frozenset(), frozenset({WEST})),
    Situation(15, lambda: of(left(), Question.of_round(1, 2)), "yes", frozenset(), frozenset({WEST})),
    Situation(16, lambda: of(left_out(old=True)), "yes", frozenset(), frozenset({MOST, None})),
    Situation(16, lambda: of(left_out(old=False)), "yes", frozenset(), frozenset({None})),
    Situation(17, lambda: of(left_out_in_silence()), "yes", frozenset(), frozenset({None})),
    Situation(
        23,
        lambda: of(two_heads()),
        "yes",
        frozenset({(SOUTH, STANDING), (SOUTH, CAUGHT), ("west", CAUGHT)}),
        frozenset({None}),
    ),
    Situation(24, no_document, "no", frozenset({("north", STANDING)})),
    Situation(25, lost_document, "unknown", frozenset(), frozenset({f"north ({key(0)})"})),
    Situation(26, lambda: of(scored(1)), "yes", frozenset({(EAST, CAUGHT)})),
    Situation(26, lambda: of(scored(1, 2, 3)), "no", BY_MAJORITY),
    Situation(
        27,
        lambda: of(scored(withheld=(1, 2, 3))),
        "yes",
        frozenset(),
        frozenset({f"{n} ({key(i)})" for i, n in enumerate(("east", "south", "west"), 1)} | {None}),
    ),
    Situation(30, lambda: release(refuted(), 2, revoked=True), "yes", frozenset({(EAST, CAUGHT)})),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"row {row.row}")
def test_a_situation_has_its_three_answers(row: Situation) -> None:
    world, question = row.tell()
    report = world.audit(question=question)
    assert (report.right.answer, report.exit) == (row.right, row.exit), report.right
    assert {(lie.who, lie.state) for lie in report.lies.list} == row.lies
    assert {one.fault for one in open_matters(report)} == row.open_


def answers(report: Report) -> dict[str, str]:
    return {one.claim: one.answer for one in report.right.claims}


def test_row_2_the_attempt_under_way_is_not_in_question() -> None:
    world, question = of(lies.wrong_value(), Question.of_model(1, 1))
    assert answers(world.audit(question=question)) == {"code": "yes", "job 1": "yes", "model 1/1": "yes"}


def test_row_4_every_model_after_a_false_one_is_false_and_says_what_it_would_be() -> None:
    report = finalised().audit()
    assert answers(report) == {"code": "yes", "job 1": "yes", "model 1/1": "yes", "model 1/2": "no", "model 1/3": "no"}
    last = report.right.claims[-1]
    assert (last.given_base, last.why, last.rests_on) == ("yes", "it rests on model 1/2", ("model 1/2",))


def test_row_9_later_models_are_right_given_their_base() -> None:
    report = without(World().open_job().honest_round().honest_round(), 1, 3).audit()
    assert answers(report) == {"code": "yes", "job 1": "yes", "model 1/1": "unknown", "model 1/2": "unknown"}
    assert [one.given_base for one in report.right.claims[-2:]] == [None, "yes"]


def test_row_15_says_how_far_the_round_is() -> None:
    (found,) = open_matters(World().open_job().honest_round().open_round().audit())
    assert (found.what, found.why) == ("round 1/2", "it is open: Collecting")


def test_row_16_shows_the_certificate_and_who_ignored_it() -> None:
    (found,) = [one for one in open_matters(left_out(old=True).audit()) if one.fault]
    assert found.why == f"it was left out in spite of a certificate that was signed in time; {WEST} has it"
    assert found.signed_for == tuple(MEMBERS)
    assert found.cid is not None


@pytest.mark.parametrize("old", [False, True])
def test_nobody_is_blamed_by_times_on_the_nodes_word(old: bool) -> None:
    """A node that shows a young certificate as old makes nobody look guilty; one that is old stays open."""
    world = left_out(old=old)

    def shown(number: int) -> ShownBlock | None:
        block = world.block_at(number)
        return None if block is None else ShownBlock(block.hash, 1000, proved=False)

    matters = open_matters(world.audit(blocks=shown))
    assert {one.fault for one in matters} == {None}
    assert any("on the node's word" in one.why for one in matters)


def test_row_17_says_who_signed_and_who_did_not() -> None:
    (found,) = open_matters(left_out_in_silence().audit())
    assert "0 of 2 needed signed to hold it; not north, east, south, west" in found.why


@pytest.mark.parametrize("question", [EVERYTHING, Question.of_model(1, 2), Question.of_round(1, 1)])
def test_row_18_a_server_that_shows_another_block_or_head_is_told_off_and_nothing_else_is_said(
    question: Question,
) -> None:
    world = refuted()
    report = world.audit(
        question=question, blocks=lambda number: ShownBlock(bytes([number]) * 32, 12 * number, proved=True)
    )
    (found,) = open_matters(report)
    assert (report.exit, report.lies.answer, found.check, found.fault) == (3, "none", Check.SIGNED, "the chain node")
    assert set(answers(report).values()) == {"unknown"}
    assert (report.history.signed, report.passed[Check.HEADS]) == (None, 0)


def test_row_19_a_fork_of_impersonated_members_has_no_signatures() -> None:
    world = refuted()
    world.transactions = {
        tx: (raw, block) for tx, (raw, block) in world.transactions.items() if block < world.aggregate.as_of
    }
    report = world.audit()
    (found,) = open_matters(report)
    assert (report.exit, report.lies.answer, found.check, found.fault) == (3, "none", Check.SIGNED, "the chain node")
    assert "did not sign what it shows" in found.why


@pytest.mark.parametrize("kept", [0, 3, 6])
def test_row_20_a_hidden_tail_leaves_what_is_signed_right_and_says_how_far_that_is(kept: int) -> None:
    """The server cuts round 2, and shows so many events of it."""
    world = refuted()
    final = world.state.rounds[1].aggregates[0]
    end = final.as_of + final.agreeing + 1
    history = History(world.foundation, world.events[: end + kept])
    words = object.__new__(World)
    words.history = history
    report = world.audit(words.observed(), history=history)
    assert (report.right.answer, report.lies.answer) == ("yes", "none")
    signed = report.history.signed
    assert signed is not None
    assert (signed.as_of, signed.members, signed.of) == (final.as_of, (0, 1, 2), 4)
    assert report.history.after == history.applied - final.as_of
    told = [one.why for one in report.open.list if one.what == "the end of the history"]
    why = f"{plural(kept, 'event')} after block {final.as_of} are under no signed head"
    assert told == ([why] if kept else [])


def test_row_23_both_statements_are_shown() -> None:
    report = two_heads().audit()
    (found,) = [lie for lie in report.lies.list if lie.state == STANDING]
    assert (found.evidence.statement, found.evidence.arguments["attempt"]) == ("attest", 2)
    assert any(one.signer == found.key and one.arguments.get("attempt") == 1 for one in report.rests_on)
    assert found.evidence.claim is not None
    assert found.evidence.claim.head == found.actual


@pytest.mark.parametrize("question", [EVERYTHING, Question.of_model(1, 2), Question.of_round(1, 1)])
def test_row_18_a_server_that_invents_is_told_off_and_nothing_else_is_said(question: Question) -> None:
    world = refuted()
    models = {place: bytes(32) for place in world.observed().models}
    report = world.audit(seen(world.observed(), models=models), question)
    assert (report.right.answer, report.lies.answer) == ("unknown", "none")
    assert {one.fault for one in open_matters(report)} == {"the chain node"}
    assert set(answers(report).values()) == {"unknown", "yes"}
    assert [name for name, answer in answers(report).items() if answer == "yes"] == ["code"]


def test_row_22_a_server_without_transactions_convicts_nobody() -> None:
    def nothing(said: Said) -> SignedStatement:
        raise Unproven("the node has no such transaction", tx=said.tx.hex())

    report = refuted().audit(witness=nothing)
    assert (report.right.answer, report.lies.answer) == ("unknown", "none")
    assert "the chain node" in {one.fault for one in open_matters(report)}


def test_row_29_sources_that_were_not_compiled_are_open() -> None:
    report = World().open_job().honest_round().audit()
    assert (report.right.answer, [one.what for one in report.open.list]) == ("yes", ["the contracts' sources"])


def test_row_30_a_revoked_release_says_so() -> None:
    world, question = release(refuted(), 2, revoked=True)
    report = world.audit(question=question)
    last = report.right.claims[-1]
    assert (last.claim, last.answer, last.note) == ("release cardio@1.0", "yes", "revoked")
    assert report.asked == {"release": "cardio@1.0"}
    assert "release cardio@1.0" not in answers(world.audit())


def test_a_decision_that_was_executed_stands() -> None:
    world, _ = release(refuted(), 2)
    assert answers(world.audit()) == {
        "code": "yes",
        "job 1": "yes",
        "model 1/1": "yes",
        "model 1/2": "yes",
        "release cardio@1.0": "yes",
        "decision 1": "yes",
    }


def test_a_false_no_model_that_a_majority_agreed_to_is_a_standing_lie() -> None:
    world = lies.no_model_though_one_can_be_made()
    for member in (2, 3):
        world.attest(member, world.aggregate.claim)
    report = world.audit()
    assert (report.right.answer, report.lies.answer) == ("no", "standing")
    assert answers(report)["no model 1/2"] == "no"


def test_a_right_aggregate_that_false_votes_brought_down_is_a_standing_lie_of_those_who_voted() -> None:
    world = lies.begun()
    world.publish(1)
    for member in (2, 3):
        world.attest(member, bytes([member]) * 32)
    assert world.audit().lies.answer == "none"  # too few have signed the history that the claims are made from
    world.publish(0)
    for member in (1, 2):
        world.attest(member)
    report = world.audit()
    assert (report.right.answer, {(lie.who, lie.state) for lie in report.lies.list}) == (
        "no",
        {("south", "standing"), ("west", "standing")},
    )
    assert answers(report)["failure of aggregate 1/2, attempt 1"] == "no"
    assert world.audit(question=Question.of_model(1, 1)).right.answer == "yes"


def test_row_10_a_holder_that_damaged_its_copy_is_at_fault_and_no_answer_changes() -> None:
    world = World().open_job().honest_round()
    file = of_file(world.round.updates[3].cid, world.layout.size)
    copies = [BadCopy("gateway of east", file, file, 0, 9, True)]
    damaged = damaged_copies(world.history, {1: world.job}, copies, str)
    report = world.audit(found=Found(open=damaged))
    assert (report.right.answer, report.exit, report.lies.answer) == ("yes", 0, "none")
    assert [one.fault for one in open_matters(report)] == ["gateway of east"]
