"""A party's own tensors as a file, and back: what is trained with a round's update and never leaves (docs/personal.md).

They have names in sections: `model` has the job's private tensors, `personal` all tensors of a personal model.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from ledger.errors import Malformed
from participant.private.file import FORMAT, HEAD, UNSAID, PrivateHeader, digest_of, header_of

Sections = Mapping[str, Mapping[str, torch.Tensor]]
"""Tensors by name, by section."""
MODEL, PERSONAL = "model", "personal"
NOTHING: Sections = MappingProxyType({})


def encode(sections: Sections, job: bytes, round_: int) -> bytes:
    """The file of what a round's training left, as trained: no value is converted, and the same tensors have one file,
    which safetensors itself does not promise of its metadata. Raises Malformed, naming it, for a tensor that is not of
    numbers, or has one that is not finite.
    """
    for section, named in sections.items():
        for name, tensor in named.items():
            _check(f"{section}:{name}", tensor)
    tensors = {
        f"{section}:{name}": tensor.detach().to("cpu").contiguous().clone()
        for section, named in sections.items()
        for name, tensor in named.items()
    }
    data = save(tensors)
    length = int.from_bytes(data[:HEAD], "little")
    header, values = json.loads(data[HEAD : HEAD + length]), data[HEAD + length :]
    said = PrivateHeader(job=job.hex(), round=str(round_), sha256=UNSAID)
    text = json.dumps({"__metadata__": {"fedledger": FORMAT, **said.facts}, **header}, sort_keys=True).encode()
    text += b" " * (-len(text) % HEAD)
    data = len(text).to_bytes(HEAD, "little") + text + values
    return data.replace(UNSAID.encode(), digest_of(data, UNSAID).encode(), 1)


def decode(data: bytes) -> dict[str, dict[str, torch.Tensor]]:
    """What a file holds. Raises Malformed where it is damaged."""
    header_of(data)
    try:
        found = load(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise Malformed(f"a file of private tensors cannot be read: {error}") from error
    sections = dict[str, dict[str, torch.Tensor]]()
    for written, tensor in found.items():
        section, _, name = written.partition(":")
        sections.setdefault(section, {})[name] = tensor
    return sections


def _check(name: str, tensor: torch.Tensor) -> None:
    if tensor.is_quantized or tensor.layout is not torch.strided or tensor.is_meta or tensor.is_complex():
        raise Malformed(
            f"tensor {name!r} is of a kind that cannot be kept at home",
            advice="make it a dense tensor of real numbers",
            actual=str(tensor.dtype),
        )
    if tensor.is_floating_point() and not bool(tensor.float().isfinite().all()):
        raise Malformed(
            f"tensor {name!r} has a value that is not a number, or is not finite",
            advice="lower the job's learning_rate",
        )
