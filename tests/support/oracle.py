"""What the oracle in Node is asked (tests/oracle): requests of one line, made from vectors and from values of ours."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from ledger.formats.artifact import Tensor
from ledger.formats.header import Binding
from ledger.jobs.document import Admission

Ask = Callable[..., Any]


def said(binding: Mapping[str, Any]) -> dict[str, str]:
    """A binding as the oracle takes it: numbers as decimal text, empty what does not apply."""
    return {name: str(value) if value else "" for name, value in binding.items()}


def document_of(case: Mapping[str, Any]) -> bytes:
    """The document of a vector in grammar.json."""
    if "hex" in case:
        return bytes.fromhex(case["hex"])
    return str(case["text"] if "text" in case else case["repeated"] * case["times"]).encode()


def verdict_of(
    ask: Ask,
    tensors: Sequence[Tensor],
    binding: Binding,
    limits: Admission,
    file: bytes,
    *,
    root: bytes,
    weight: int,
    member: int = 0,
) -> int:
    """The oracle's verdict on an update of a member."""
    fields = msgspec.to_builtins(binding) | {"base": binding.base.hex(), "data": binding.data.hex()}
    numbers = msgspec.to_builtins(limits)
    caps = {index: str(cap) for index, cap in numbers.pop("max_weights", {}).items()}
    limits_said = {name: str(value) for name, value in numbers.items()} | {"max_weights": caps}
    tensors_said = msgspec.to_builtins(tuple(tensors))
    about = {"tensors": tensors_said, "binding": said(fields), "limits": limits_said, "weight": str(weight)}
    about["member"] = str(member)
    return int(ask("verdict", **about, root=root.hex(), file=file.hex()))
