"""What a signed transaction says: its call, decoded by the committed ABI as the contract decodes it.

A relayed vote or proposal is said by the member whose signature is inside the call, not by the relay.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import msgspec

from ledger.chain.build import SOLIDITY_NAMES, ContractName, committed
from ledger.chain.codec import signature
from ledger.chain.evidence.arguments import SELECTOR, DecodeCall, call_decoder
from ledger.chain.evidence.transaction import Transaction, read
from ledger.chain.logs import snake
from ledger.errors import Malformed
from ledger.events.actions import KINDS
from ledger.events.ballots import Choice
from ledger.events.contents import digest_of_proposal, digest_of_vote, proposal_id
from ledger.events.evidence import Inner, SignedStatement
from ledger.formats.digest import keccak
from ledger.formats.signatures import recover

_RELAYED = ("voteBySignature", "voteBatch", "proposeBySignature")


class _Function(NamedTuple):
    contract: ContractName
    name: str
    named: Callable[[Sequence[Any]], dict[str, Any]]
    decode: DecodeCall


def statements(
    raw: bytes, addresses: Mapping[ContractName, str] | None = None, chain: int | None = None
) -> list[SignedStatement]:
    """What a raw transaction says, and who: one statement, or each vote of a batch.

    `addresses` and `chain` pin contracts and chain. Raises Malformed where it is not a signed call of a contract's, or
    is one of other contracts or of another chain than those.
    """
    call = read(raw)
    function, arguments = _call(call)
    if chain is not None and call.chain != chain:
        raise Malformed("the transaction is of another chain", expected=chain, actual=call.chain)
    if addresses is not None and call.to != addresses[function.contract]:
        name = SOLIDITY_NAMES[function.contract]
        raise Malformed(f"the transaction calls another contract than {name}", actual=call.to)
    whole = _evidence(raw, call, function, arguments)
    if function.name not in _RELAYED:
        return [whole]
    found = [one for part in _signed(arguments) if (one := _relayed(whole, part)) is not None]
    if not found:
        raise Malformed("nothing that was relayed is signed by the member that it names", function=function.name)
    return found


def _call(call: Transaction) -> tuple[_Function, dict[str, Any]]:
    function = _functions().get(call.data[:SELECTOR])
    if function is None:
        raise Malformed("the transaction is not a call of a contract of the ledger", selector=call.data[:4].hex())
    try:
        values = function.decode(call.data)
    except ValueError as error:
        raise Malformed(f"the contract does not take the call: {error}", function=function.name) from error
    return function, function.named(values)


def _naming(fields: Sequence[dict[str, Any]]) -> Callable[[Sequence[Any]], dict[str, Any]]:
    """What makes of the values of such fields what they say by name, bytes in hexadecimal."""
    names, plain = [snake(field["name"]) for field in fields], [_plain(field) for field in fields]

    def named(values: Sequence[Any]) -> dict[str, Any]:
        return {
            name: made(value) if made is not None else value
            for name, made, value in zip(names, plain, values, strict=True)
        }

    return named


def _plain(field: dict[str, Any]) -> Callable[[Any], Any] | None:
    """What makes of a field's value what is shown of it; None where that is the value."""
    kind = field["type"]
    if kind.startswith("tuple"):
        named = _naming(field["components"])
        return named if kind == "tuple" else lambda rows: [named(row) for row in rows]
    if kind in ("uint256", "int256"):  # more digits than a JSON reader's numbers have
        return str
    return bytes.hex if kind.startswith("bytes") and "[" not in kind else None


def _evidence(raw: bytes, call: Transaction, function: _Function, arguments: dict[str, Any]) -> SignedStatement:
    return SignedStatement(
        fedledger="evidence/1",
        chain=call.chain,
        contract=call.to,
        statement=function.name,
        arguments=arguments,
        signer=call.signer,
        raw="0x" + raw.hex(),
    )


def _signed(arguments: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The arguments of each signed message that a relayed call holds."""
    given = arguments["signed"]
    for one in given if isinstance(given, list) else [given]:
        yield arguments | {"signed": one}


def _relayed(whole: SignedStatement, arguments: dict[str, Any]) -> SignedStatement | None:
    """The statement of the member that signed inside the call; None where another key did, or none."""
    signed = arguments["signed"]
    r, s, v = int(signed["r"], 16), int(signed["s"], 16), signed["v"]
    try:
        digest = _digest(whole, arguments)
        signer = recover(digest, r, s, v - 27)
    except (ValueError, Malformed):
        return None
    if signer != signed["member"]:
        return None
    inner = Inner(digest="0x" + digest.hex(), signature="0x" + signed["r"] + signed["s"] + bytes([v]).hex())
    return msgspec.structs.replace(whole, arguments=arguments, signer=signer, inner=inner)


def _digest(whole: SignedStatement, arguments: dict[str, Any]) -> bytes:
    """What the member signed. Raises Malformed for what no wallet shows, ValueError for a choice that there is not."""
    signed, kind = arguments["signed"], arguments["kind"]
    if kind not in KINDS:
        raise Malformed("there is no such kind of action", kind=kind)
    if whole.statement == "proposeBySignature":
        name = proposal_id(signed["member"], signed["nonce"], kind, bytes.fromhex(arguments["action"]))
        return digest_of_proposal(whole.chain, whole.contract, kind, name, signed["deadline"])
    words = {"proposal": arguments["proposal"], "choice": Choice(signed["choice"]).name.title()}
    return digest_of_vote(whole.chain, whole.contract, kind, {**signed, **words})


@cache
def _functions() -> dict[bytes, _Function]:
    """The contracts' functions that change something, by selector."""
    return dict(_known())


def _known() -> Iterator[tuple[bytes, _Function]]:
    for contract in SOLIDITY_NAMES:
        for entry in committed(contract).abi:
            if entry["type"] == "function" and entry["stateMutability"] == "nonpayable":
                selector = keccak(signature(entry).encode())[:SELECTOR]
                decode = call_decoder(entry["inputs"])
                yield selector, _Function(contract, entry["name"], _naming(entry["inputs"]), decode)
