"""What is to be predicted follows from its column, says why, and a bad choice is refused with the way out."""

import tomllib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.shared import numbers, profile, values

from ledger.errors import UsageError
from ledger.profiles.differences import Choices
from ledger.profiles.documents import document
from ledger.profiles.merging import Merged, merge
from ledger.profiles.numbers import proposed_range, quantiles, widened
from ledger.profiles.parties import PartySide
from ledger.profiles.shared import CountedBin, SharedColumn
from ledger.profiles.targets import NumberTarget, TimeTarget
from ledger.profiles.writing import draft_text

AGE, DOSE = numbers("age", 20, 80), numbers("dose", 0, 100)
STAGE = values("stage", {"0": 40, "1": 30, "2": 30}, number=True)
TIME, EVENT = numbers("days", 0, 2000), values("died", {"0": 70, "1": 30}, number=True)


def of(*columns: SharedColumn, other: list[SharedColumn] | None = None, **choices: Any) -> Merged:
    """Two parties' columns merged; both have the same, unless another one's are given."""
    both = [list(columns), other if other is not None else list(columns)]
    return merge([profile(name, one) for name, one in zip("AB", both, strict=True)], Choices(**choices))


def settings_of(merged: Merged) -> dict[str, Any]:
    task: dict[str, Any] = tomllib.loads(draft_text(merged))["task"]
    return {"task": task["name"], **task["settings"]}


def refusal(merged: Merged) -> tuple[str, str]:
    assert merged.target is None
    first = merged.disagreements[0]
    return first.message, first.advice


def test_a_column_of_many_numbers_is_learnt_as_a_number() -> None:
    merged = of(AGE, DOSE, label="dose")
    assert isinstance(merged.target, NumberTarget)
    made = settings_of(merged)
    assert (made["task"], made["model"], made["targets"], made["target_ranges"]) == (
        "regression", "linear", ["dose"], ["0:150"],
    )  # fmt: skip
    assert [column.name for column in merged.columns] == ["age", "ill"], "what is learnt is no input"
    assert "many different" in merged.target.why and merged.target.why in draft_text(merged).replace("\n# ", " ")


def test_a_column_of_few_codes_is_learnt_as_classes_unless_they_are_amounts() -> None:
    classes = of(AGE, STAGE, label="stage")
    assert classes.label is not None and "--predict number" in classes.label.why
    assert settings_of(classes)["task"] == "tabular"
    amounts = of(AGE, STAGE, label="stage", predict="number")
    assert settings_of(amounts)["target_ranges"] == ["0:3"]


def test_a_named_task_is_taken_where_it_predicts_such_a_thing() -> None:
    assert settings_of(of(AGE, DOSE, label="dose", task="sklearn"))["estimator"].endswith("SGDRegressor")
    assert settings_of(of(AGE, label="ill", task="sklearn"))["estimator"].endswith("SGDClassifier")
    for task, predict in (("tabular", "number"), ("regression", "class"), ("sklearn", "time")):
        with pytest.raises(UsageError, match="does not predict") as refused:
            of(AGE, DOSE, label="dose", task=task, predict=predict)
        assert "--task" in refused.value.advice


@pytest.mark.parametrize(
    ("column", "choices", "message", "advice"),
    [
        (values("x", {"7": 100}, number=True), {"predict": "number"}, "constant", "--target"),
        (values("x", {"7": 100}, number=True), {}, "one class alone", "--label-map"),
        (values("x", {"0": 50, "1": 50}, number=True), {"predict": "number"}, "two different", "--predict class"),
        (values("x", {"low": 50, "high": 50}), {"predict": "number"}, "holds no numbers", "--predict class"),
        (values("x", {"low": 50, "high": 50}), {"task": "regression"}, "holds no numbers", "--predict class"),
        (numbers("x", 0, 9), {"predict": "class"}, "too many different", "--predict number"),
        (numbers("x", 0, 9), {"classes": ("a", "b")}, "too many different", "--predict number"),
        (numbers("x", 0, 9), {"predict": "number", "label_map": {"0": "a"}}, "has no classes", "leave them out"),
        (numbers("x", 0, 9), {"target_range": "0:8"}, "leaves out", "--target-range 0:9"),
        (values("x", {"a": 50, "b": 50}), {"classes": ("a", "b", "c")}, "class 'c'", "--label-map"),
        (SharedColumn(name="x", kind="number", missing=100), {"predict": "number"}, "next to no values", "--target"),
        (SharedColumn(name="x", kind="date", missing=0), {}, "too many different", "columns files"),
    ],
)  # fmt: skip
def test_a_bad_choice_is_refused_with_the_way_out(
    column: SharedColumn, choices: dict[str, Any], message: str, advice: str
) -> None:
    said = refusal(of(AGE, column, label="x", **choices))
    assert message in said[0] and advice in said[1]


def test_units_of_what_is_learnt_are_compared_like_those_of_any_column() -> None:
    others = [AGE, numbers("chol", 2, 8, unit="mmol/l")]
    merged = of(AGE, numbers("chol", 100, 300, unit="mg/dl"), other=others, label="chol")
    assert [one.kind for one in merged.disagreements] == ["units", "ranges"]
    assert not of(AGE, numbers("chol", 100, 300), other=others, label="chol", accept=("chol",)).disagreements


def test_a_class_that_nobody_tells_of_is_taken_where_a_person_says_so() -> None:
    merged = of(AGE, values("x", {"a": 50, "b": 50}), label="x", classes=("a", "b", "c"), accept=("x",))
    assert merged.label is not None and merged.label.counts["c"] == 0


def test_two_codes_are_amounts_where_a_person_says_so() -> None:
    column = values("x", {"0": 50, "10": 50}, number=True)
    assert not of(AGE, column, label="x", predict="number", accept=("x",)).disagreements


def test_parties_hear_of_rows_without_what_is_learnt() -> None:
    merged = of(
        AGE, numbers("dose", 100, 300, missing=20, apart="0"), other=[AGE, DOSE], label="dose", accept=("dose",)
    )
    said = {(one.party, one.line) for one in merged.todo}
    assert said == {("A", 'rows_with_missing = "leave out"'), ("A", '{ name = "dose", missing = ["0"] }')}


def test_a_time_beside_an_event_is_learnt_in_bins_of_about_as_many_rows() -> None:
    merged = of(AGE, TIME, EVENT, time="days", event="died")
    assert isinstance(merged.target, TimeTarget)
    made = settings_of(merged)
    assert (made["task"], made["time"], made["event"]) == ("survival", "days", "died")
    assert made["bins"] == [500, 1000, 1500]
    assert [column.name for column in merged.columns] == ["age", "ill"]
    assert settings_of(of(AGE, TIME, EVENT, time="days", event="died", bins=("300", "900")))["bins"] == [300, 900]


def test_an_event_in_words_needs_a_map_to_0_and_1() -> None:
    words = values("died", {"alive": 70, "dead": 30})
    said = refusal(of(AGE, TIME, words, time="days", event="died"))
    assert "0 (lost from sight before) and 1 (seen)" in said[0] and "alive=CLASS,dead=CLASS" in said[1]
    merged = of(AGE, TIME, words, time="days", event="died", label_map={"alive": "0", "dead": "1"})
    draft = tomllib.loads(draft_text(merged))
    assert draft["preparation"]["labels"] == [{"column": "died", "values": {"alive": "0", "dead": "1"}}]
    wrong = of(AGE, TIME, words, time="days", event="died", label_map={"alive": "no", "dead": "yes"})
    assert "something else than 0" in refusal(wrong)[0]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([numbers("days", -5, 9), EVENT], "begins below 0"),
        ([values("days", {"3": 100}, number=True), EVENT], "is 3 everywhere"),
        ([values("days", {"early": 50, "late": 50}), EVENT], "does not hold numbers"),
        ([TIME, values("died", {"0": 100}, number=True)], "one class alone"),
        ([TIME], "no label 'died'"),
    ],
)
def test_times_that_are_none_are_refused(columns: list[SharedColumn], message: str) -> None:
    assert message in refusal(of(AGE, *columns, time="days", event="died"))[0]


@pytest.mark.parametrize(
    "choices",
    [{"time": "days"}, {"event": "died"}, {"task": "survival"}, {"predict": "time"}, {"bins": ("3",), "label": "ill"},
     {"time": "days", "event": "died", "label": "ill"}, {"time": "days", "event": "died", "task": "tabular"}],
)  # fmt: skip
def test_times_need_both_of_their_columns_and_nothing_else(choices: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as refused:
        of(AGE, TIME, EVENT, **choices)
    assert refused.value.advice


@pytest.mark.parametrize("text", ["", "1", "5:5", "9:1", "a:b", "1:2:3", "1e3:2e3"][1:])
def test_a_range_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--target-range"):
        of(AGE, DOSE, label="dose", target_range=text)


@pytest.mark.parametrize(
    ("choices", "task"),
    [({"label": "dose"}, "regression"), ({"time": "days", "event": "died"}, "survival"), ({"label": "ill"}, "tabular")],
)
def test_the_document_says_what_is_learnt_whatever_the_order(choices: dict[str, Any], task: str) -> None:
    parties = [profile(name, [AGE, DOSE, TIME, EVENT]) for name in "ABC"]
    said = document(merge(parties, Choices(**choices)))
    assert said["target"]["task"] == task and said["target"]["why"]
    assert said == document(merge(parties[::-1], Choices(**choices)))


@given(st.integers(-1000, 1000), st.integers(1, 5000))
def test_a_widened_range_holds_the_told_one_and_does_not_cross_zero(low: int, width: int) -> None:
    least, most = widened(Decimal(low), Decimal(low + width))
    assert least <= low < low + width <= most
    assert not (low >= 0 > least) and not (low + width <= 0 < most)
    assert most - least <= 3 * width


def binned(name: str, counts: dict[tuple[str, str], int]) -> SharedColumn:
    bins = tuple(CountedBin(low=low, high=high, count=count) for (low, high), count in counts.items())
    return SharedColumn(name=name, kind="number", missing=0, bins=bins)


COST = {("0", "10"): 60, ("10", "20"): 20, ("20", "40"): 10, ("40", "100"): 10}
"""Half of the rows below 8.3, a tenth above 40, the last ones told below 100."""


def test_a_skewed_target_gets_room_for_its_tail_and_says_so() -> None:
    merged = of(AGE, binned("cost", COST), label="cost")
    assert isinstance(merged.target, NumberTarget)
    assert settings_of(merged)["target_ranges"] == ["0:280"], "8.3 + 91.7 · (91.7 / 31.7), in whole tens"
    for words in (
        "half of the rows are below 8.3",
        "in 2 % of the range 0 to 280",
        "--target-range 0:100 ",
        "logarithm",
    ):
        assert words in merged.target.why, words
    said = of(AGE, binned("cost", COST), label="cost", target_range="0:100")
    assert settings_of(said)["target_ranges"] == ["0:100"]
    assert said.target is not None and "skewed" not in said.target.why


def test_a_tail_on_the_other_side_and_one_that_is_all_there_is() -> None:
    mirrored = {(f"-{high}", f"-{low}" if low != "0" else "0"): count for (low, high), count in reversed(COST.items())}
    side = PartySide("A", 100, binned("loss", mirrored))
    assert proposed_range([side])[:2] == (Decimal(-280), Decimal(0))
    flat = {("0", "1"): 90, ("1", "1000"): 10}
    least, most, why = proposed_range([PartySide("A", 100, binned("x", flat))])
    assert (least, most) == (0, 10_000) and "1 % of the range" in why, "ten times as far, at most"


def test_a_target_that_is_not_skewed_is_widened_as_before() -> None:
    column = numbers("dose", 0, 100)
    assert proposed_range([PartySide("A", 100, column)]) == (*widened(Decimal(0), Decimal(100)), "")


CELLS = st.lists(st.tuples(st.integers(1, 400), st.integers(1, 50)), min_size=1, max_size=8)


@given(st.integers(-500, 500), CELLS)
def test_a_proposed_range_holds_what_is_told_and_does_not_cross_zero(low: int, cells: list[tuple[int, int]]) -> None:
    counts, at = dict[tuple[str, str], int](), low
    for width, count in cells:
        counts[str(at), str(at + width)] = count * 10
        at += width
    least, most, _ = proposed_range([PartySide("A", 100, binned("x", counts))])
    assert least <= low < at <= most
    assert not (low >= 0 > least) and not (at <= 0 < most)


@given(st.integers(0, 50), st.integers(2, 500), st.integers(2, 10))
def test_quantiles_ascend_and_cut_alike(low: int, width: int, parts: int) -> None:
    column = numbers("t", low, low + 2 * width)
    ends = [Decimal(one) for one in quantiles([PartySide("A", 100, column)], parts)]
    assert ends == sorted(set(ends)) and all(0 < one <= low + 2 * width for one in ends)
