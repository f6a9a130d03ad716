"""A job's preparation: its one form, what it makes, and all that no job says."""

from typing import Any

import msgspec
import pytest
from support.preparation import NAMES, PREPARATION

from ledger.errors import Malformed
from ledger.formats.digest import decode, encode
from ledger.jobs.preparation import (
    Category,
    Label,
    Missing,
    Number,
    Preparation,
    check_preparation,
    describe,
)
from ledger.releases.agreed import prepared

AGE = Number(column="age", low="0", high="100")
PAIN = Category(column="cp", vocabulary=("1", "2"))


def of(*inputs: Number | Category, labels: tuple[Label, ...] = ()) -> Preparation:
    return Preparation(inputs=inputs, labels=labels)


def number(**said: Any) -> Preparation:
    return of(msgspec.structs.replace(AGE, **said))


def category(**said: Any) -> Preparation:
    return of(msgspec.structs.replace(PAIN, **said))


def test_what_it_makes_is_named_in_order_with_its_range() -> None:
    check_preparation(PREPARATION)
    assert tuple(output.name for output in PREPARATION.outputs) == NAMES
    ranges = {output.name: output.range for output in PREPARATION.outputs}
    assert (ranges["age"], ranges["chol"], ranges["chol missing"], ranges["cp=3"]) == (
        "20:90",
        "80:620",
        "0:1",
        "0:1",
    )
    assert PREPARATION.columns == ("age", "sex", "cp", "trestbps", "chol", "restecg", "thal")
    assert PREPARATION.mapped["num"]["3"] == "yes"


def test_it_is_written_in_one_way() -> None:
    data = encode(PREPARATION)
    assert decode(data, Preparation, "a preparation") == PREPARATION
    assert b'"outside":"refuse"' not in data
    longer = data.replace(b'"low":"20"', b'"low":"20","outside":"refuse"')
    assert longer != data
    with pytest.raises(Malformed):
        decode(longer, Preparation, "a preparation")


def test_people_read_a_sentence_for_each_column() -> None:
    said = describe(PREPARATION)
    assert len(said) == 8
    assert said[4] == (
        "chol",
        "a number from 80 to 620, what lies outside is clipped; 0 counts as missing; "
        "missing is 240.5, and 1 in an input of its own",
    )
    assert said[-1] == ("num", "0 is no, 1 is yes, 2 is yes, 3 is yes, 4 is yes")


def test_a_card_has_the_whole_name_of_a_column() -> None:
    (row,) = [line for line in prepared(number(column="age: in years")) if "a number" in line]
    assert row.startswith("| age\\: in years | a number from 0 to 100, ")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (of(), "preparation.inputs"),
        (of(AGE, AGE), "names a column twice"),
        (of(AGE, labels=(Label(column="age", values={"0": "no"}),)), "names a column twice"),
        (number(column=""), "the name of a column"),
        (number(low="0.10"), "not a decimal number in its one form"),
        (number(low="1e2"), "not a decimal number in its one form"),
        (number(low="-0"), "not a decimal number in its one form"),
        (number(low="+1"), "not a decimal number in its one form"),
        (number(low="100"), "is empty"),
        (number(missing=Missing(by="flag")), "not a decimal number"),
        (number(missing=Missing(by="constant", value="101")), "is outside its range"),
        (number(sentinels=("0", "0")), "a sentinel twice"),
        (number(sentinels=("none",)), "not a decimal number"),
        (category(vocabulary=()), "the number of words"),
        (category(vocabulary=("1", "1")), "has a word twice"),
        (category(vocabulary=("a ",)), "a word of column 'cp'"),
        (category(vocabulary=("a", "other"), unknown="other"), "two inputs of one name"),
        (category(sentinels=("1",)), "is a sentinel, too"),
        (category(missing=Missing(by="median", value="1")), "words have no median"),
        (category(missing=Missing(by="constant", value="3")), "is not in its vocabulary"),
        (category(missing=Missing(by="flag", value="1")), "takes no value"),
        (of(AGE, msgspec.structs.replace(PAIN, column="a"), Number(column="a=1", low="0", high="1")), "two inputs of"),
        (of(AGE, labels=(Label(column="ill", values={}),)), "the number of words of label"),
        (of(AGE, labels=(Label(column="ill", values={"0": ""}),)), "stands for"),
    ],
)
def test_what_no_job_says_is_refused_by_name(wrong: Preparation, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        check_preparation(wrong)


def test_no_number_is_a_float() -> None:
    text = b'{"inputs":[{"column":"age","high":"100","kind":"number","low":0.5}]}'
    with pytest.raises(Malformed):
        decode(text, Preparation, "a preparation")
