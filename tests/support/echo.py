"""Functions with the contracts' own arguments that give back what they take: the compiler's decoder, to be asked."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import solcx
from eth_abi.abi import decode, encode

from ledger.chain.build import SOLIDITY_NAMES, committed
from ledger.chain.codec import signature
from ledger.chain.compile import standard_input
from ledger.formats.digest import keccak

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "0x00000000000000000000000000000000000ec400"
WORD = 32
LENGTHS = (0, 1, 31, 32, 33, 69, 104)
EDGES = (0, 1, 2, 3, 5, 11, 31, 32, 33, 64, 128, 160, 1 << 31, 1 << 32, 1 << 40, (1 << 64) - 1, 1 << 64, 1 << 160)
"""Numbers at which a word's meaning changes; the negative ones count, too."""


def functions() -> dict[str, list[dict[str, Any]]]:
    """The inputs of all functions of the contracts that change something, by signature."""
    return {
        signature(entry): entry["inputs"]
        for contract in SOLIDITY_NAMES
        for entry in committed(contract).abi
        if entry["type"] == "function" and entry["stateMutability"] == "nonpayable" and entry["inputs"]
    }


def compiled() -> str:
    """The code of the contract that has them all, with the settings of the project's."""
    given = standard_input(ROOT / "contracts")
    interfaces = {name: text for name, text in given["sources"].items() if "/interfaces/" in name}
    lines = [f'import "./{name.removeprefix("contracts/")}";' for name in sorted(interfaces)]
    echoes = "\n".join(_echo(text[: text.index("(")], inputs) for text, inputs in functions().items())
    source = f"pragma solidity 0.8.37;\n{chr(10).join(lines)}\ncontract Echo {{\n{echoes}\n}}\n"
    given["sources"] = {**interfaces, "contracts/Echo.sol": {"content": source}}
    given["settings"]["outputSelection"] = {"*": {"Echo": ["evm.deployedBytecode"]}}
    output = solcx.compile_standard(given, solc_binary=ROOT / "tools" / "solc" / "solc-v0.8.37")
    return "0x" + str(output["contracts"]["contracts/Echo.sol"]["Echo"]["evm"]["deployedBytecode"]["object"])


def _echo(name: str, inputs: Sequence[dict[str, Any]]) -> str:
    taken = ", ".join(f"{_solidity(field)} a{place}" for place, field in enumerate(inputs))
    given = ", ".join(f"a{place}" for place in range(len(inputs)))
    return f"function {name}({taken}) external pure returns (bytes memory) {{ return abi.encode({given}); }}"


def _solidity(field: dict[str, Any]) -> str:
    kind = field["internalType"].removeprefix("struct ").removeprefix("enum ")
    in_calldata = field["type"] in ("bytes", "string") or "[" in field["type"] or field["type"] == "tuple"
    return f"{kind} calldata" if in_calldata else str(kind)


def echoed(text: str, returned: str | None) -> Any:
    """What the contract took, as plain values; None where it reverted. Text is as its bytes."""
    if returned is None:
        return None
    (packed,) = decode(["bytes"], bytes.fromhex(returned[2:]))
    whole = packed if is_static(text) else WORD.to_bytes(WORD) + packed
    return plain(decode([text[text.index("(") :].replace("string", "bytes")], whole)[0])


def is_static(text: str) -> bool:
    """Whether nothing of a function's arguments stands elsewhere."""
    return not any(kind in text for kind in ("bytes,", "bytes)", "string", "[]"))


def plain(value: Any) -> Any:
    """Tuples as lists, bytes and addresses as hexadecimal digits, all numbers as integers."""
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str):
        return value.lower().removeprefix("0x")
    return int(value)


def encodings(text: str, inputs: Sequence[dict[str, Any]], random_: random.Random, count: int) -> Iterator[bytes]:
    """Calldata of a function: in the one encoding, and in many others, right and wrong."""
    for _ in range(count):
        data = _encoded(text, inputs, random_)
        for _ in range(random_.choice((0, 1, 1, 1, 2, 3))):
            data = random_.choice((_longer, _cut, _worded, _worded, _worded, _moved, _bent))(data, random_)
        yield data


def _encoded(text: str, inputs: Sequence[dict[str, Any]], random_: random.Random) -> bytes:
    values = [_value(field, random_) for field in inputs]
    body = encode([text[text.index("(") :]], [values])
    return keccak(text.encode())[:4] + (body if is_static(text) else body[WORD:])


def _value(field: dict[str, Any], random_: random.Random) -> Any:
    kind = field["type"]
    if kind.startswith("tuple"):
        rows = [[_value(part, random_) for part in field["components"]] for _ in range(random_.randrange(4) or 1)]
        return rows if kind == "tuple[]" else rows[0]
    if kind == "bytes32[2]":
        return [random_.randbytes(WORD), random_.randbytes(WORD)]
    if kind == "string":
        return "n" * random_.choice(LENGTHS)
    if kind.startswith("bytes") or kind == "address":
        return random_.randbytes(20 if kind == "address" else int(kind[5:] or random_.choice(LENGTHS)))
    if kind == "bool":
        return random_.random() < 0.5
    bits = 1 if field["internalType"].startswith("enum") else int(kind.lstrip("uint"))
    return random_.randrange(1 << bits) - (1 << bits - 1 if kind.startswith("int") else 0)


def _longer(data: bytes, random_: random.Random) -> bytes:
    return data + random_.choice((b"\0", b"\xff", bytes(32), random_.randbytes(random_.randrange(1, 90))))


def _cut(data: bytes, random_: random.Random) -> bytes:
    return data[: max(4, len(data) - random_.choice((1, 4, 31, 32, 33, random_.randrange(1, 200))))]


def _bent(data: bytes, random_: random.Random) -> bytes:
    place = random_.randrange(4, len(data)) if len(data) > 4 else 0
    return data if not place else data[:place] + bytes([data[place] ^ 1 << random_.randrange(8)]) + data[place + 1 :]


def _worded(data: bytes, random_: random.Random) -> bytes:
    """Another number in a word, of those that are offsets and lengths more often."""
    words = range(4, len(data) - 31, WORD)
    if not words:
        return data
    small = [at for at in words if int.from_bytes(data[at : at + WORD]) < len(data)]
    at = random_.choice(small if small and random_.random() < 0.8 else words)
    size, is_near = len(data), random_.random() < 0.5
    near = random_.randrange(-3, 4) * 32 + random_.randrange(-1, 2) + int.from_bytes(data[at : at + WORD])
    edge = random_.choice((*EDGES, size, size - 4, size - at, size - 36, 1 << 255, random_.randrange(size)))
    number = near if is_near else random_.choice((1, -1)) * edge + random_.choice((0, 0, 1, -1))
    return data[:at] + (number % (1 << 256)).to_bytes(WORD) + data[at + WORD :]


def _moved(data: bytes, random_: random.Random) -> bytes:
    """A dynamic value where it is not looked for: something before it, and an offset that knows, or does not."""
    words = [at for at in range(4, len(data) - 31, WORD) if 0 < int.from_bytes(data[at : at + WORD]) < len(data)]
    if not words:
        return data
    at, shift = random_.choice(words), random_.choice((32, 32, 64, 7))
    number = int.from_bytes(data[at : at + WORD])
    changed = data[:at] + (number + shift).to_bytes(WORD) + data[at + WORD :]
    behind = min(len(data), 4 + number)
    return changed[:behind] + random_.randbytes(shift) + changed[behind:]
