"""Profiles of several parties become one draft, or all that has to be decided, in whatever order they come."""

import shlex
import tomllib
from itertools import permutations
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.shared import numbers, profile, values

from ledger.errors import UsageError
from ledger.jobs.preparation import Category, Number, is_decimal
from ledger.profiles.differences import Choices
from ledger.profiles.documents import document
from ledger.profiles.labels import parse_label_map
from ledger.profiles.merging import Merged, merge
from ledger.profiles.parties import near
from ledger.profiles.shared import SharedColumn, SharedProfile
from ledger.profiles.writing import draft_text

AGE, BMI = numbers("age", 20, 80), numbers("bmi", 10, 50)


def kinds(merged: Merged) -> list[tuple[str, str]]:
    return [(one.kind, one.column) for one in merged.disagreements]


def of(merged: Merged, name: str) -> Number | Category:
    return next(column.input for column in merged.columns if column.name == name)


def two(first: list[SharedColumn], second: list[SharedColumn], choices: Choices = Choices()) -> Merged:  # noqa: B008
    return merge([profile("A", first), profile("B", second)], choices)


def test_common_columns_make_a_draft_that_is_toml() -> None:
    merged = two([AGE, BMI], [numbers("age", 30, 90, missing=20), numbers("bmi", 15, 45)])
    assert not merged.disagreements
    draft = tomllib.loads(draft_text(merged))
    assert [one["column"] for one in draft["preparation"]["inputs"]] == ["age", "bmi"]
    age = draft["preparation"]["inputs"][0]
    assert (age["low"], age["high"], age["outside"]) == (20, 90, "clip")
    assert age["missing"]["by"] == "median", "a tenth of the rows is missing, and no more"
    assert 20 <= age["missing"]["value"] <= 90
    assert draft["task"]["settings"]["classes"] == ["no", "yes"]


def test_where_more_than_a_tenth_is_missing_it_is_an_input() -> None:
    merged = two([numbers("age", 20, 80, missing=30)], [AGE])
    missing = of(merged, "age").missing
    assert missing is not None
    assert missing.by == "flag"


FOUR = [
    profile("A", [AGE, BMI, values("sex", {"F": 50, "M": 50}), numbers("chol", 100, 300, unit="mg/dl")]),
    profile(
        "B", [numbers("Age", 30, 70), BMI, values("sex", {"f": 50, "m": 50}), numbers("chol", 2, 8, unit="mmol/l")]
    ),
    profile("C", [AGE, numbers("b_m_i", 10, 40), values("sex", {"F": 90}, missing=10), numbers("chol", 90, 400)]),
    profile("", [AGE, BMI, values("sex", {"F": 20, "M": 80}), values("chol", {"0": 100}, number=True)]),
]


@pytest.mark.parametrize("order", list(permutations(range(4)))[::5])
def test_the_order_of_parties_changes_nothing(order: tuple[int, ...]) -> None:
    choices = Choices(drop=("chol",), accept=("sex",))
    assert document(merge([FOUR[place] for place in order], choices)) == document(merge(FOUR, choices))
    assert document(merge([FOUR[place] for place in order])) == document(merge(FOUR))


@given(st.permutations(range(4)), st.integers(1, 4), st.sampled_from([(), ("chol",), ("sex", "chol")]))
def test_nor_does_that_of_some_of_them(order: list[int], count: int, drop: tuple[str, ...]) -> None:
    some = [FOUR[place] for place in order[:count]]
    assert document(merge(some, Choices(drop=drop))) == document(merge(list(reversed(some)), Choices(drop=drop)))


def test_names_that_look_alike_are_one_column_and_who_renames_is_told() -> None:
    merged = merge(FOUR, Choices(drop=("chol", "sex")))
    assert [column.name for column in merged.columns] == ["age", "bmi"]
    told = {(one.party, one.column): one for one in merged.todo}
    assert told["B", "age"].line == '{ name = "age", source = "Age", kind = "number" }'
    assert told["C", "bmi"].why == "rename 'b_m_i' to 'bmi'"
    assert {one.party for one in merged.todo} == {"B", "C"}


def test_all_differences_are_told_at_once_side_by_side() -> None:
    first = [numbers("chol", 100, 300, unit="mg/dl"), numbers("dose", 1000, 2000), values("ward", {"1": 50, "2": 50})]
    first += [values("sex", {"1": 50, "2": 50}, number=True), values("smoker", {"Yes": 50, "no": 50}), AGE]
    second = [
        numbers("chol", 2, 8, unit="mmol/l"),
        numbers("dose", 1, 3),
        values("ward", {"1": 50, "2": 50}, number=True),
    ]
    second += [values("sex", {"0": 50, "1": 50}, number=True), values("smoker", {"yes": 50, "no": 50}), AGE]
    merged = two(first, second)
    assert kinds(merged) == [
        ("units", "chol"), ("ranges", "chol"), ("ranges", "dose"), ("kinds", "ward"), ("codes", "sex"),
        ("words", "smoker"),
    ]  # fmt: skip
    units = merged.disagreements[0]
    assert dict(units.sides)["A"].startswith("number in mg/dl: 100 to 300")
    assert dict(units.sides)["B"].startswith("number in mmol/l: 2 to 8")
    assert all("--drop" in one.advice for one in merged.disagreements)
    with pytest.raises(UsageError, match="6 disagreements"):
        draft_text(merged)
    decided = two(first, second, Choices(drop=("chol",), accept=("dose", "sex", "smoker"), category=("Ward",)))
    assert not decided.disagreements
    assert of(decided, "ward") == Category(
        column="ward", vocabulary=("1", "2"), unknown="other", missing=of(decided, "ward").missing
    )


def test_words_that_have_nothing_in_common_are_not_merged() -> None:
    merged = two([values("sex", {"F": 50, "M": 50})], [values("sex", {"0": 50, "1": 50})])
    assert kinds(merged) == [("codes", "sex")]


def test_codes_that_one_party_has_not_are_no_difference() -> None:
    merged = two(
        [values("cp", {"1": 20, "2": 80}, number=True)], [values("cp", {"1": 50, "2": 20, "4": 30}, number=True)]
    )
    assert not merged.disagreements
    assert (of(merged, "cp").low, of(merged, "cp").high) == ("1", "4")  # type: ignore[union-attr]


def test_a_column_that_a_party_has_none_of_is_left_out() -> None:
    nothing = SharedColumn(name="ca", kind="number", missing=100)
    zeros = values("chol", {"0": 100}, number=True)
    merged = two([AGE, nothing, zeros, BMI], [AGE, numbers("ca", 0, 3), numbers("chol", 100, 300)])
    assert {one.column: one.why.split(":")[0] for one in merged.left_out} == {
        "ca": "A has next to no values of it (100 of 100 missing)",
        "chol": "A has none of it",
        "bmi": "B has no such column",
    }


def test_a_number_that_stands_apart_counts_as_missing_and_its_party_is_asked() -> None:
    merged = two([numbers("chol", 100, 300, apart="0")], [numbers("chol", 120, 400)])
    chol = of(merged, "chol")
    assert chol.sentinels == ("0",)
    assert (chol.low, chol.high) == ("100", "400")  # type: ignore[union-attr]
    assert [(one.party, one.line) for one in merged.todo] == [("A", '{ name = "chol", missing = ["0"] }')]
    within = two([numbers("chol", 100, 300, apart="0")], [numbers("chol", -50, 400)])
    assert of(within, "chol").sentinels == ()
    assert "was it measured?" in within.todo[0].why


def test_a_name_with_a_slip_is_asked_for() -> None:
    merged = two([AGE, numbers("trestbps", 80, 200)], [AGE, numbers("trestbp", 80, 200)])
    assert kinds(merged)[0][0] == "names"
    assert "'trestbp" in merged.disagreements[0].message
    assert list(near("trestbps", ["trestbp", "age", "thalach"])) == ["trestbp"]
    assert not list(near("age", ["ace", "bmi"])), "short names are never near"


def test_columns_of_one_party_that_look_alike_are_asked_for() -> None:
    assert kinds(two([AGE, numbers("Age", 1, 9), BMI], [AGE, BMI])) == [("names", "age")] or kinds(
        two([AGE, numbers("Age", 1, 9), BMI], [AGE, BMI])
    ) == [("names", "Age")]


def labelled(name: str, words: dict[str, int], *, number: bool = True, label: str = "ill") -> SharedProfile:
    return profile(name, [AGE, values("ill", words, number=number)], label=label)


def test_a_label_in_other_words_needs_a_map() -> None:
    graded = [labelled("A", {"0": 50, "1": 20, "2": 30}), labelled("B", {"0": 60, "1": 40})]
    merged = merge(graded)
    assert kinds(merged) == [("label", "ill")]
    assert merged.disagreements[0].proposal == "0=no,1,2=yes"
    mapped = merge(graded, Choices(label_map=parse_label_map("0=no,1,2,3=yes")))
    assert mapped.label is not None
    assert (mapped.label.classes, dict(mapped.label.counts)) == (("no", "yes"), {"no": 110, "yes": 90})
    assert tomllib.loads(draft_text(mapped))["preparation"]["labels"][0]["values"]["3"] == "yes"
    short = merge(graded, Choices(label_map={"0": "no", "1": "yes"}))
    assert "does not say what 2 stand for" in short.disagreements[0].message
    listed = merge(graded, Choices(classes=("0", "1", "2")))
    assert listed.label is not None
    assert listed.label.classes == ("0", "1", "2")


def test_rare_classes_get_weights() -> None:
    merged = merge(
        [labelled("A", {"no": 90, "yes": 10}, number=False), labelled("B", {"no": 60, "yes": 40}, number=False)]
    )
    assert merged.label is not None
    assert merged.label.weights == ("0.67", "2")
    assert "class_weights = [0.67, 2]" in draft_text(merged)


@pytest.mark.parametrize(
    ("profiles", "choices", "said"),
    [
        ([labelled("A", {"0": 50, "1": 50}), labelled("B", {"0": 50, "1": 50})], Choices(label="dead"), "no label"),
        ([labelled("A", {"0": 100}), labelled("B", {"0": 50})], Choices(), "one class alone"),
        ([labelled("A", {"0": 50, "1": 50}, label="")], Choices(), "nobody says"),
        ([labelled("A", {"0": 50, "1": 50}), labelled("B", {"0": 90, "1": 10}, label="age")], Choices(), "differ"),
        ([profile("A", [AGE, numbers("ill", 0, 10)])], Choices(classes=("no", "yes")), "too many different values"),
        ([labelled("A", {"0": 50, "1": 50})], Choices(drop=("nothing",)), "no party has"),
        ([profile("A", [AGE]), profile("B", [BMI])], Choices(), "no column is left"),
    ],
)  # fmt: skip
def test_what_is_open_is_said(profiles: list[SharedProfile], choices: Choices, said: str) -> None:
    assert any(said in one.message for one in merge(profiles, choices).disagreements)


def test_a_profile_that_is_there_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="twice"):
        merge([FOUR[0], FOUR[0]])
    with pytest.raises(UsageError):
        merge([])
    again = merge([FOUR[0], profile("A", [AGE])])
    assert again.parties == ("A", "A (2)")


@pytest.mark.parametrize("text", ["", "0", "0=", "=no", "0=no,1", "0=no,0=yes", "0,0=no", ",0=no"])
def test_a_map_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_label_map(text)


HOSTILE = "x\"] = 1 # '\\ 危"


def test_words_of_others_stay_words_in_the_draft() -> None:
    columns = [values(HOSTILE, {HOSTILE: 50, "other": 50}), AGE]
    parties = [profile(HOSTILE, columns), profile("B", columns)]
    draft = tomllib.loads(draft_text(merge(parties, Choices(name=HOSTILE))))
    assert draft["name"] == HOSTILE
    assert draft["preparation"]["inputs"][0]["column"] == HOSTILE
    assert set(draft) == {"name", "hold_out", "preparation", "task", "admission", "terms"}


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 40)), min_size=1, max_size=4))
def test_the_median_is_within_the_range(bounds: list[tuple[int, int]]) -> None:
    parties = [profile(f"P{place}", [numbers("x", low, low + 2 * wide)]) for place, (low, wide) in enumerate(bounds)]
    merged = merge(parties, Choices(accept=("x",)))
    found = of(merged, "x")
    assert isinstance(found, Number)
    assert found.missing is not None
    assert is_decimal(found.missing.value)
    assert float(found.low) <= float(found.missing.value) <= float(found.high)


def test_permitted_use_is_whole_or_absent() -> None:
    said = Choices(purpose="predict", legal_basis="consent", licence="CC-BY-4.0", expires="2027-12-31")
    use = tomllib.loads(draft_text(merge(FOUR[:1], said)))["permitted_use"]
    assert use == {
        "purpose": "predict", "data_sets": ["A"], "legal_basis": "consent", "licence": "CC-BY-4.0",
        "expires": "2027-12-31",
    }  # fmt: skip
    with pytest.raises(UsageError, match="needs"):
        draft_text(merge(FOUR[:1], Choices(purpose="predict")))


def distance(first: str, second: str) -> int:
    """V. I. Levenshtein's, without bounds."""
    row = list(range(len(second) + 1))
    for place, sign in enumerate(first, 1):
        before, row[0] = row[0], place
        for at, other in enumerate(second, 1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (sign != other))
    return row[-1]


@given(st.text("abc", min_size=4, max_size=12), st.text("abc", min_size=4, max_size=12))
def test_near_is_a_letter_or_two_apart(first: str, second: str) -> None:
    limit = min(2, max(len(first), len(second)) // 3)
    assert list(near(first, [second])) == ([second] if distance(first, second) <= limit else [])


def test_many_columns_are_merged_in_time() -> None:
    """Foreign profiles are as large as they like: what is done for each column is bounded."""
    parties = [
        profile(f"P{party}", [numbers(f"{party}column{number:04}" + "x" * 100, 0, 100) for number in range(600)])
        for party in range(4)
    ]
    began = thread_time()
    merged = merge(parties)
    assert len(merged.left_out) + len(merged.disagreements) > 1000
    assert thread_time() - began < 60


def test_what_words_stand_for_is_not_guessed() -> None:
    """A map that is taken over as proposed never makes "negative" a yes."""
    words = [
        labelled("A", {"陰性": 60, "陽性": 40}, number=False),
        labelled("B", {"0": 50, "1": 40}),
    ]
    proposal = merge(words).disagreements[0].proposal
    assert proposal == "0=CLASS,1=CLASS,陰性=CLASS,陽性=CLASS"
    refused = merge(words, Choices(label_map=parse_label_map(proposal)))
    assert kinds(refused) == [("label", "ill")]


def test_as_many_parties_as_there_may_be_are_merged_in_time() -> None:
    """Any two of them may differ, and what is compared of two is little."""
    codes, words = {str(code): 10 for code in range(20)}, {f"w{word}": 10 for word in range(50)}
    columns = [
        *(values(f"c{at}", codes, number=True) for at in range(2)),
        *(values(f"w{at}", words) for at in range(4)),
    ]
    parties = [profile(f"P{party:03}", columns) for party in range(255)]
    began = thread_time()
    assert not merge(parties).disagreements
    assert thread_time() - began < 20


def test_what_is_to_be_typed_holds_no_command_of_another_party() -> None:
    """Columns and words have any sign: what advice says is one word of a shell."""
    evil, word = '$(rm -rf "$HOME")', "`id`;\"'"
    label = [values("ill", {word: 50, "no": 50})]
    asked = two([numbers(evil, 0, 10, unit="mg"), *label], [numbers(evil, 0, 10, unit="g"), values("ill", {"no": 100})])
    advices = {one.kind: shlex.split(one.advice) for one in asked.disagreements}
    for option in ("--drop", "--accept"):
        words = advices["units"]
        assert words[words.index(option) + 1].removesuffix(";") == evil
    assert advices["label"][-2] == "--label-map"
    assert word in advices["label"][-1]
