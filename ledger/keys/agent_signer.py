"""A signer whose key is in a keys agent, another process of this user."""

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ledger.errors import FedledgerError, Malformed, Unavailable, UsageError
from ledger.keys.files import address_of
from ledger.keys.talk import SECONDS, check_peer, receive, send, socket_path


class AgentSigner:
    """See `Signer`. Its methods raise UsageError where the agent refuses, Unavailable where it is gone."""

    def __init__(self, path: Path, address: str) -> None:
        self._path = path
        self.address = address

    def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        """See `Signer`."""
        return self._signed({"ask": "transaction", "transaction": dict(transaction)})

    def sign_typed_data(self, domain: Mapping[str, Any], types: Mapping[str, Any], message: Mapping[str, Any]) -> bytes:
        """See `Signer`."""
        asked = {"domain": dict(domain), "types": dict(types), "message": dict(message)}
        return self._signed({"ask": "typed data"} | asked)

    def sign_in(self, text: str) -> bytes:
        """See `Signer`."""
        return self._signed({"ask": "sign-in", "text": text})

    def _signed(self, request: Mapping[str, Any]) -> bytes:
        signed = _ask(self._path, request).get("signed")
        if not isinstance(signed, bytes):
            raise Malformed("the keys agent did not answer with a signature")
        return signed


def find_agent(keystore: Path, chain_id: int) -> AgentSigner | None:
    """The agent that holds the key of this file for this chain; None where there is none, or it holds another."""
    try:
        path = socket_path(keystore)
        if not path.exists():
            return None
        held = _ask(path, {"ask": "address"})
        address = str(held.get("address"))
        if held.get("chain") != chain_id or _named(keystore) not in (None, address):
            return None
    except FedledgerError:
        return None
    return AgentSigner(path, address)


def _named(keystore: Path) -> str | None:
    """The address in the key file, where it names one."""
    try:
        return address_of(keystore)
    except Malformed:
        raise
    except UsageError:
        return None


def _ask(path: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(SECONDS)
            connection.connect(str(path))
            check_peer(connection)
            send(connection, request)
            answer = receive(connection)
    except OSError as error:
        raise Unavailable(
            f"the keys agent does not answer: {error}", advice="start it again: fedledger keys agent"
        ) from error
    if "error" in answer:
        raise UsageError(str(answer["error"])[:300], advice=str(answer.get("advice", ""))[:300])
    return answer
