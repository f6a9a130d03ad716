"""What a job's model may be used for: its one form, and the date until which."""

from datetime import date
from typing import Any

import msgspec
import pytest
from support.preparation import USE

from ledger.errors import Malformed
from ledger.formats.digest import decode, encode
from ledger.jobs.permitted_use import Expired, PermittedUse, check_permitted_use, ended, require_permitted

ENDS = msgspec.structs.replace(USE, expires="2027-12-31")


def test_it_holds_through_its_last_day() -> None:
    assert ENDS.last_day == date(2027, 12, 31)
    require_permitted(ENDS, date(2027, 12, 31), "predicting")
    with pytest.raises(Expired, match=r"predicting: the job's permitted use ended") as caught:
        require_permitted(ENDS, date(2028, 1, 1), "predicting")
    assert caught.value.exit_code == 2
    assert (caught.value.facts["last_day"], caught.value.facts["today"]) == ("2027-12-31", "2028-01-01")
    assert caught.value.advice


@pytest.mark.parametrize("use", [None, msgspec.structs.replace(USE, expires="")])
def test_without_a_date_it_never_ends(use: PermittedUse | None) -> None:
    require_permitted(use, date(9999, 12, 31), "predicting")


@pytest.mark.parametrize("seconds", [253402300800, (1 << 64) - 1, 1 << 255])
def test_a_time_that_no_calendar_has_is_past_it(seconds: int) -> None:
    """A block's time is a chain node's word."""
    assert "ended with 2027-12-31" in ended(ENDS, seconds)
    assert not ended(msgspec.structs.replace(USE, expires=""), seconds)


def test_it_is_written_in_one_way_and_read_by_people() -> None:
    assert decode(encode(ENDS), PermittedUse, "a permitted use") == ENDS
    check_permitted_use(ENDS)
    words = dict(ENDS.words)
    assert words["expires"] == "after 2027-12-31 (UTC)"
    assert words["data sets"] == "UCI heart disease, Cleveland, UCI heart disease, Hungary"
    assert b"expires" not in encode(msgspec.structs.replace(USE, expires=""))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"purpose": ""}, "permitted_use.purpose"),
        ({"licence": " x"}, "permitted_use.licence"),
        ({"legal_basis": "a\nb"}, "permitted_use.legal_basis"),
        ({"data_sets": ()}, "permitted_use.data_sets"),
        ({"data_sets": ("a", "a")}, "names one twice"),
        ({"expires": "2027-02-30"}, "is not a date"),
        ({"expires": "31.12.2027"}, "is not a date"),
        ({"expires": "20271231"}, "is not a date"),
    ],
)
def test_what_nobody_can_be_held_to_is_refused(said: dict[str, Any], message: str) -> None:
    with pytest.raises(Malformed, match=message):
        check_permitted_use(msgspec.structs.replace(ENDS, **said))
