"""If-None-Match in every form that RFC 9110 has, and in forms that it does not have."""

import pytest

from ledger.http.conditions import has_already

TAG = '"4d45"'


@pytest.mark.parametrize(
    "condition",
    [TAG, f"W/{TAG}", "*", f'"a", {TAG}', f'"a",W/"b",  {TAG} ,"c"', f" {TAG} ", f'"a,b", {TAG}', f'"", {TAG}'],
)
def test_a_copy_is_recognised(condition: str) -> None:
    assert has_already(condition, TAG)
    assert has_already(condition, f"W/{TAG}")


@pytest.mark.parametrize(
    "condition",
    ["", '"other"', "4d45", '"4d4', 'w/"4d45"', '"a" "4d45"', f"{TAG}x", f"x{TAG}", f"*, {TAG}", '"a\n4d45"'],
)
def test_what_names_something_else_is_not_taken_for_it(condition: str) -> None:
    assert not has_already(condition, TAG)


def test_a_long_value_takes_no_time() -> None:
    assert has_already('"a",' * 20_000 + TAG, TAG)
    assert not has_already('"a' * 20_000, TAG)
