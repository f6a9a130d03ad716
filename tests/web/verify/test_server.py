"""What the page does with a server's answers: it waits as it is asked to, believes no byte, reads no more than fits."""

from typing import Any

import pytest

from ledger.formats.cid import Cid, raw
from ledger.formats.digest import sha256

BLOCK = b"a block of eleven"
CID = raw(BLOCK)
GOOD = [200, {}, BLOCK.hex()]
TRIES = 8


def fetched(modules: Any, *answers: list[Any], cid: Cid = CID) -> Any:
    return modules("fetched", cid.digest.hex(), list(answers))


def test_a_block_is_asked_for_by_its_cid(modules: Any) -> None:
    told = fetched(modules, GOOD)
    assert (told["got"], told["asked"]) == (BLOCK.hex(), [f"/ipfs/{CID}?format=raw"])
    assert told["waited"] == []


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("said", "waited"),
    [
        ("2", 2_000),
        ("0", 500),
        ("0.25", 500),
        ("3600", 10_000),
        ("-5", 500),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 500),
        ("NaN", 500),
        ("1e999", 10_000),
        (None, 500),
    ],
)
def test_it_waits_as_long_as_it_is_asked_to_within_reason(
    modules: Any, status: int, said: str | None, waited: int
) -> None:
    busy = [status, {} if said is None else {"Retry-After": said}]
    told = fetched(modules, busy, busy, GOOD)
    assert told["got"] == BLOCK.hex()
    assert told["waited"] == [waited, waited]
    assert len(set(told["asked"])) == 1


def test_it_gives_up_after_some_tries(modules: Any) -> None:
    told = fetched(modules, *[[429, {"Retry-After": "1"}]] * (TRIES + 1))
    assert told["got"] is None
    assert told["waited"] == [1_000] * TRIES


@pytest.mark.parametrize("status", [400, 403, 404, 410, 451, 500, 502])
def test_what_is_refused_is_not_asked_for_again(modules: Any, status: int) -> None:
    told = fetched(modules, [status, {"Retry-After": "1"}, BLOCK.hex()], GOOD)
    assert told["got"] is None
    assert len(told["asked"]) == 1
    assert told["pieces"] == 0, "what it says instead is not read"


def test_another_block_under_the_name_is_none(modules: Any) -> None:
    assert fetched(modules, [200, {}, b"another".hex()])["got"] is None
    assert fetched(modules, [200, {}, ""])["got"] is None
    assert fetched(modules, [200, {}, BLOCK.hex()], cid=raw(b""))["got"] is None


def test_a_body_without_end_is_not_read_to_it(modules: Any) -> None:
    """Whatever its length is said to be: a block has at most 1 MiB."""
    piece = bytes(1 << 18)
    told = fetched(modules, [200, {"Content-Length": "17"}, piece.hex(), 1_000])
    assert told["got"] is None
    assert told["pieces"] == 5
    whole = fetched(modules, [200, {}, piece.hex(), 4], cid=Cid(0x55, sha256(bytes(1 << 20))))
    assert whole["got"] == bytes(1 << 20).hex()


def test_what_the_ledger_says_is_waited_for_as_well(modules: Any) -> None:
    answer = b'{"facts":null,"chain":{"id":1},"ledger":"0x"}'.hex()
    told = modules("facts", [[503, {"Retry-After": "3"}], [200, {}, answer]])
    assert (told["got"], told["waited"]) == (None, [3_000])
    assert told["asked"] == ["/verify.json?job=1&round=1"] * 2
    assert modules("facts", [[404]])["got"] == "the server answered 404"
