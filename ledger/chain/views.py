"""Views of the contracts, encoded and decoded by the committed ABI: static words only, which is all we ask for."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

from ledger.chain.build import ContractName, committed
from ledger.chain.codec import decoder, encode_word, signature
from ledger.errors import Malformed, UsageError
from ledger.formats.digest import keccak


class _View(NamedTuple):
    selector: str
    inputs: list[str]
    decode: Callable[[bytes], list[Any]]


def encode_view(contract: ContractName, function: str, arguments: Sequence[Any]) -> str:
    """The data of the call, in hexadecimal. Raises UsageError where the ABI has no such view for these arguments."""
    view = _view(contract, function)
    try:
        words = [encode_word(kind, value) for kind, value in zip(view.inputs, arguments, strict=True)]
    except ValueError as error:
        raise UsageError(f"the contract does not take this call: {error}", function=function) from error
    return view.selector + b"".join(words).hex()


def decode_view(contract: ContractName, function: str, answer: bytes) -> list[Any]:
    """The view's results. Raises Malformed where the answer is not of the ABI's types."""
    try:
        return _view(contract, function).decode(answer)
    except ValueError as error:
        raise Malformed(f"the contract's answer is not what its ABI says: {error}", function=function) from error


@cache
def _view(contract: ContractName, function: str) -> _View:
    for entry in committed(contract).abi:
        if entry["type"] == "function" and entry["name"] == function:
            selector = "0x" + keccak(signature(entry).encode())[:4].hex()
            return _View(selector, [field["type"] for field in entry["inputs"]], decoder(entry["outputs"]))
    raise UsageError("the contract has no such view", contract=contract, function=function)
