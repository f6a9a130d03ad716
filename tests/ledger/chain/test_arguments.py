"""Calldata is read as the contracts' own decoder reads it, by all readers: what it takes alike, what it reverts not."""

import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from support import echo
from support.web.modules import Ask, answering

from ledger.bundle import verify_bundle as verifier
from ledger.chain.evidence.arguments import ENUMERATED, call_decoder
from ledger.chain.rpc import Rpc, RpcError

FUNCTIONS = echo.functions()
IN_BUNDLES = {re.sub(r"enum\d+", "uint8", text): verifier.types_of(text) for _, text, _ in verifier.CALLS}
COUNT, AT_ONCE = 160, 80


@pytest.fixture(scope="module")
def code() -> str:
    return echo.compiled()


@pytest.fixture(scope="module")
def modules() -> Iterator[Ask]:
    with answering() as ask:
        yield ask


def taken(node: Any, code: str, text: str, given: list[bytes]) -> list[Any]:
    """What the compiler's decoder makes of each; None where it reverts."""
    rpc, found = Rpc(node.url), []
    for start in range(0, len(given), AT_ONCE):
        asked = [
            ("eth_call", {"to": echo.ADDRESS, "data": f"0x{one.hex()}"}, "latest", {echo.ADDRESS: {"code": code}})
            for one in given[start : start + AT_ONCE]
        ]
        for answer in rpc.batch(asked):
            assert not isinstance(answer, RpcError) or "revert" in str(answer), answer
            found.append(echo.echoed(text, None if isinstance(answer, RpcError) else answer))
    return found


def or_none(read: Any, *given: Any) -> Any:
    try:
        return echo.plain(read(*given))
    except (ValueError, verifier.Fault):
        return None


def numbered(answer: Any) -> Any:
    """An answer of the page's modules, whose numbers are text behind a #."""
    if isinstance(answer, list):
        return [numbered(one) for one in answer]
    return int(answer[1:]) if isinstance(answer, str) and answer[:1] == "#" else answer


def fields_of(inputs: list[dict[str, Any]]) -> list[Any]:
    """The same types as the page's modules have them."""
    return [[field["name"] or str(place), _field(field)] for place, field in enumerate(inputs)]


def _field(field: dict[str, Any]) -> Any:
    kind = field["type"]
    if kind == "bytes32[2]":
        return {"of": "bytes32", "length": 2}
    if kind.startswith("tuple"):
        parts = fields_of(field["components"])
        return {"of": parts} if kind == "tuple[]" else parts
    limit = ENUMERATED.get(field["internalType"])
    return f"enum{limit}" if limit else kind


@pytest.mark.parametrize("text", FUNCTIONS, ids=[text[: text.index("(")] for text in FUNCTIONS])
def test_calldata_is_taken_as_the_contract_takes_it(text: str, anvil: Any, code: str, modules: Ask) -> None:
    inputs = FUNCTIONS[text]
    given = list(echo.encodings(text, inputs, random.Random(text), COUNT))
    expected = taken(anvil, code, text, given)
    decode = call_decoder([{**field, "type": field["type"].replace("string", "bytes")} for field in inputs])
    for data, right in zip(given, expected, strict=True):
        assert or_none(decode, data) == right, data.hex()
    if text in IN_BUNDLES:
        types, pair = IN_BUNDLES[text], text.startswith("proposeAdmission")
        answers = modules("arguments", fields_of(inputs), [data.hex() for data in given])
        for data, right, answer in zip(given, expected, answers, strict=True):
            flat = right and [*right[:2], *right[2]] if pair else right
            assert or_none(verifier.arguments, types, data) == flat, data.hex()
            assert numbered(answer) == right, data.hex()
    assert sum(right is not None for right in expected) > COUNT // 8
    assert sum(right is None for right in expected) > COUNT // 8


def test_all_that_bundles_hold_is_compared() -> None:
    assert set(IN_BUNDLES) <= set(FUNCTIONS)
    assert len(IN_BUNDLES) == len(verifier.CALLS)
