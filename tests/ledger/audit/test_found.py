"""What was found of rounds is put together whole, whichever process found it."""

from dataclasses import fields
from typing import Any

import pytest

from ledger.audit.found import Found
from ledger.audit.report import Check, Lie, MeasuredRound, Open, PlatformNote
from ledger.events.evidence import SignedStatement

SIGNED = SignedStatement("evidence/1", 1, "0x01", "openRound", {}, "0x02", "0x03")
FULL = Found(
    lies=[Lie(check=Check.BYTES, who="A", key="0x02", said="an update", state="caught", evidence=SIGNED, why="x")],
    open=[Open(check=Check.BYTES, what="an update", why="it could not be had")],
    denied={"code": "it is another"},
    looked_at={"job 1"},
    doubted={1, None},
    rests_on=[SIGNED],
    passed={Check.BYTES: 2},
    skipped=[Check.SOURCE],
    measured=[MeasuredRound(1, 1, {0: "5"})],
    platforms=[PlatformNote(job=1, round=1, party="A", key="0x02", block=1, tx="03", sha256="04")],
)
"""Something in each field."""


@pytest.mark.parametrize("name", [field.name for field in fields(Found)])
def test_no_field_is_forgotten(name: str) -> None:
    expected: Any = getattr(FULL, name)
    together = Found()
    together.add(FULL)
    assert expected, f"FULL has nothing in {name}"
    assert getattr(together, name) == expected


def test_measured_rounds_keep_their_order() -> None:
    together = Found()
    for number in (1, 2, 3):
        together.add(Found(measured=[MeasuredRound(1, number, {0: "5"})]))
    assert [one.round for one in together.newest_measured] == [1, 2, 3]
