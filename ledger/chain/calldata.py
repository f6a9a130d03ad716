"""What is signed, as the contracts read it: calls, encoded by eth_abi from the committed ABI, as web3.py does.

Its types stay in this module. A value of fewer bytes than its type has is refused, where eth_abi pads it with zeros.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from eth_abi.codec import ABIEncoder
from eth_abi.encoding import BytesEncoder
from eth_abi.exceptions import EncodingError, ValueOutOfBounds
from eth_abi.registry import BaseEquals, registry

from ledger.chain.build import ContractName, committed
from ledger.chain.codec import canonical, signature
from ledger.errors import UsageError
from ledger.formats.digest import keccak


class _ExactBytes(BytesEncoder):
    """bytesN of N bytes."""

    def validate_value(self, value: Any) -> None:
        super().validate_value(value)  # type: ignore[no-untyped-call]
        size = int(self.value_bit_size or 0) // 8
        if len(value) != size:
            self.invalidate_value(value, exc=ValueOutOfBounds, msg=f"bytes{size} has {size} bytes, not {len(value)}")


def call_data(contract: ContractName, function: str, *arguments: Any) -> str:
    """The data of a call, in hexadecimal. Raises UsageError for a function or arguments that the ABI does not have."""
    selector, kinds = _function(contract, function)
    try:
        return selector + _encoded(kinds, arguments)
    except (EncodingError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"the contract has no such call: {reason}", function=function) from error


@cache
def _function(contract: ContractName, function: str) -> tuple[str, list[str]]:
    """Selector and types of the one function of that name: no contract here has two."""
    for entry in committed(contract).abi:
        if entry["type"] == "function" and entry["name"] == function:
            selector = "0x" + keccak(signature(entry).encode())[:4].hex()
            return selector, [canonical(field) for field in entry["inputs"]]
    raise UsageError("the contract has no such call", contract=contract, function=function)


def _encoded(kinds: Sequence[str], arguments: Sequence[Any]) -> str:
    return str(_encoder().encode(kinds, arguments).hex())


@cache
def _encoder() -> ABIEncoder:
    strict = registry.copy()  # type: ignore[no-untyped-call]
    strict.unregister_encoder("bytes<M>")
    sized = BaseEquals("bytes", with_sub=True)  # type: ignore[no-untyped-call]
    strict.register_encoder(sized, _ExactBytes, label="bytes<M>")
    return ABIEncoder(strict)
