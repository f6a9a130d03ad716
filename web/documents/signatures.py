"""Signatures as members' wallets make them: the one form that counts, and the key that made it."""

from typing import TYPE_CHECKING, Any, NamedTuple

from ledger.formats.digest import keccak
from ledger.formats.typed import TypedData
from web.documents.exact import exact
from web.documents.refusals import SignatureNotCanonical, WrongSigner

if TYPE_CHECKING:
    from eth_account.messages import SignableMessage

LENGTH, COMPACT = 65, 64
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
LARGEST_S = ORDER // 2
PATTERN = "^0x[0-9a-f]{128}(1b|1c)$"
_DOMAIN = {"name": "string", "version": "string", "chainId": "uint256", "verifyingContract": "address"}


class Signature(NamedTuple):
    """Its words as the contract takes them."""

    v: int
    r: bytes
    s: bytes

    @property
    def bytes(self) -> bytes:
        return self.r + self.s + bytes([self.v])


def parse_signature(text: str) -> Signature:
    """Read a signature of 65 bytes: r, s, v. Raises SignatureNotCanonical for any other form of it.

    1. Hexadecimal with 0x. 2. 65 bytes, so not the compact form of EIP-2098. 3. v is 27 or 28.
    4. r and s are of the curve's order, and s in its lower half: every signature has a twin in the upper.
    """
    try:
        raw = bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise SignatureNotCanonical("a signature is written in hexadecimal", actual=text[:200]) from error
    if not text.startswith("0x") or len(text) != 2 + 2 * LENGTH or len(raw) != LENGTH:
        compact = "the compact form of EIP-2098 is not accepted" if len(raw) == COMPACT else "this is not a signature"
        raise SignatureNotCanonical(compact, advice="sign again: 0x and 65 bytes", expected=LENGTH, actual=len(raw))
    signature = Signature(raw[64], raw[:32], raw[32:64])
    if signature.v not in (27, 28):
        advice = "add 27 to the last byte" if signature.v < 2 else "sign again"
        raise SignatureNotCanonical("the last byte must be 27 or 28", advice=advice, actual=signature.v)
    r, s = int.from_bytes(signature.r), int.from_bytes(signature.s)
    if not 0 < r < ORDER or not 0 < s <= LARGEST_S:
        raise SignatureNotCanonical("s must be in the lower half of the order", advice="sign again", actual=hex(s))
    return signature


def digest_of(parts: TypedData) -> bytes:
    """The EIP-712 digest: what is signed, and what names a message here. No signature takes part in it."""
    signable = _typed(parts)
    return keccak(b"\x19" + signable.version + signable.header + signable.body)


def require_signer(parts: TypedData, signature: Signature, address: str) -> None:
    """Raises WrongSigner if another key signed, or this one another message."""
    _require(_typed(parts), signature, address)


def require_text_signer(text: str, signature: Signature, address: str) -> None:
    """The same for a text (EIP-191)."""
    from eth_account.messages import encode_defunct

    _require(encode_defunct(text=text), signature, address)


def typed_data(parts: TypedData) -> dict[str, Any]:
    """The JSON that wallets take (eth_signTypedData_v4)."""
    domain, types, message = parts
    primary = next(iter(types))
    own = [{"name": name, "type": kind} for name, kind in _DOMAIN.items()]
    return {
        "types": {"EIP712Domain": own, **types},
        "primaryType": primary,
        "domain": domain,
        "message": exact(_plain(message)),
    }


def _typed(parts: TypedData) -> "SignableMessage":
    from eth_account.messages import encode_typed_data

    domain, types, message = parts
    return encode_typed_data(dict(domain), dict(types), dict(message))


def _require(signable: "SignableMessage", signature: Signature, address: str) -> None:
    from eth_account import Account
    from eth_keys.exceptions import BadSignature

    try:
        actual = str(Account.recover_message(signable, signature=signature.bytes))
    except (BadSignature, ValueError):
        actual = "nobody"
    if actual != address:
        raise WrongSigner(
            "the signature is another key's, or of another message",
            advice="sign what this server provides to sign, with the member's current key",
            expected=address,
            actual=actual,
        )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return "0x" + value.hex() if isinstance(value, bytes) else value
