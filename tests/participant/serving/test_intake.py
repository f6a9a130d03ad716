"""Rows of a request become what the same rows of a table become, by the short way and by the long one."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import predicted

from ledger.errors import Malformed
from ledger.jobs.preparation import Category, Missing, Number, Preparation
from participant.predicting.describing import describe
from participant.predicting.description import Description
from participant.predicting.table import read_table
from participant.serving.protocol import InferRequest, InputTensor, Intake

JOB = predicted.job_of(
    settings={"model": "logistic", "label": "ill", "classes": ["no", "yes"]},
    preparation=Preparation(
        inputs=(
            Number(column="age", low="0", high="100", missing=Missing(by="flag", value="50"), sentinels=("-1", "7")),
            Number(column="dose", low="-2", high="2.5", outside="clip"),
            Category(column="pain", vocabulary=("1", "2", "none"), unknown="other", sentinels=("9",)),
            Category(column="ward", vocabulary=("A", "B"), missing=Missing(by="flag")),
        )
    ),
)
NUMBERS = st.one_of(
    st.none(), st.sampled_from([-1, 0, 7, 7.0, 100, 2.5, -3]), st.floats(-5, 110, width=32), st.integers(-5, 110)
)
WORDS = st.sampled_from(["1", "2", "1.0", "none", "A", "B", "", "9", "worse", "NA"])
ROWS = st.lists(st.tuples(NUMBERS, NUMBERS, WORDS, WORDS), min_size=1, max_size=5)


def described() -> Description:
    found = describe(JOB)
    assert isinstance(found, Description)
    return found


def request(rows: list[tuple[Any, ...]]) -> InferRequest:
    names = [one.column for one in described().preparation.inputs]
    kinds = ["FP64", "FP64", "BYTES", "BYTES"]
    columns = zip(names, kinds, zip(*rows, strict=True), strict=True)
    return InferRequest([InputTensor(name, [len(rows)], kind, list(data)) for name, kind, data in columns])  # type: ignore[arg-type]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(rows=ROWS)
def test_a_request_is_read_as_a_table_is(rows: list[tuple[Any, ...]], tmp_path: Path) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["age", "dose", "pain", "ward"], *rows])
    path = tmp_path / "rows.csv"
    path.write_text(text.getvalue())
    description = described()
    table = read_table(path, description)
    if table.unreadable:
        with pytest.raises(Malformed):
            Intake(description).rows(request(rows))
    else:
        assert np.array_equal(Intake(description).rows(request(rows)), table.inputs)
