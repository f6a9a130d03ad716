"""What signs with a member's key, and never reveals it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ledger.config import LOCAL_CHAIN
from ledger.errors import Malformed, UsageError
from ledger.formats.sign_in import read_sign_in
from ledger.keys.library import accounts

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount


class Signer(Protocol):
    """Signs with one member's key, wherever that key is kept.

    Signing is deterministic (RFC 6979) and may be repeated. An implementation raises UsageError where it will not
    sign, Unavailable where its device or service cannot be reached.
    """

    @property
    def address(self) -> str:
        """The key's address, EIP-55."""
        ...

    def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        """The raw signed transaction; `transaction` has the JSON-RPC fields, with integers as integers."""
        ...

    def sign_typed_data(self, domain: Mapping[str, Any], types: Mapping[str, Any], message: Mapping[str, Any]) -> bytes:
        """The 65-byte signature (r, s, v) of EIP-712 data; the domain must have its chainId."""
        ...

    def sign_in(self, text: str) -> bytes:
        """The 65-byte signature (EIP-191) of a text that signs this key in at a server; no other text is signed."""
        ...


class LocalSigner:
    """A signer whose key is in this process's memory."""

    def __init__(self, account: "LocalAccount", *, light: bool = False) -> None:
        self._account = account
        self.address = str(account.address)
        self.light = light

    def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        """See `Signer`. Raises UsageError where a light key is to sign for another chain than the local one."""
        self._allow(transaction.get("chainId"))
        try:
            return bytes(self._account.sign_transaction(dict(transaction)).raw_transaction)
        except (TypeError, ValueError) as error:
            raise Malformed(f"this is not a transaction that can be signed: {error}") from error

    def sign_typed_data(self, domain: Mapping[str, Any], types: Mapping[str, Any], message: Mapping[str, Any]) -> bytes:
        """See `Signer`. Raises UsageError where a light key is to sign for another chain than the local one."""
        from eth_abi.exceptions import EncodingError

        self._allow(domain.get("chainId"))
        try:
            signed = self._account.sign_typed_data(dict(domain), dict(types), dict(message))
        except (TypeError, ValueError, KeyError, EncodingError) as error:
            raise Malformed(f"this is not typed data that can be signed: {error}") from error
        return bytes(signed.signature)

    def sign_in(self, text: str) -> bytes:
        """See `Signer`. Raises Malformed for any other text, UsageError for another key's, or as `sign_typed_data`."""
        from eth_account.messages import encode_defunct

        said = read_sign_in(text)
        if said.address != self.address:
            raise UsageError("the text is for another key to sign in", expected=self.address, actual=said.address)
        self._allow(said.chain)
        return bytes(self._account.sign_message(encode_defunct(text=text)).signature)

    def __repr__(self) -> str:
        return f"LocalSigner({self.address})"

    def _allow(self, chain_id: object) -> None:
        if not isinstance(chain_id, int):
            raise UsageError("nothing is signed without a chain id", actual=chain_id)
        if self.light:
            check_light(chain_id)


def ephemeral() -> LocalSigner:
    """A key that is never stored; it signs for the local chain only."""
    return LocalSigner(accounts().create(), light=True)


def check_light(chain_id: int) -> None:
    """Raise UsageError where a light key must not be used."""
    if chain_id != LOCAL_CHAIN:
        raise UsageError(
            "the key file is quick to open, and so to guess: its key is for the local chain only",
            advice="encrypt it again at full cost: fedledger keys passphrase",
            expected=LOCAL_CHAIN,
            actual=chain_id,
        )
