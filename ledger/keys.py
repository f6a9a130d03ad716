"""A member's key: encrypted on disk (Ethereum's V3 key file), used through a signer that never reveals it.

A light key file costs little to decrypt, and to guess. It is for throw-away chains: its signer signs for the local
chain alone.
"""

import codecs
import getpass
import os
import shlex
import stat
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from ledger.config import LOCAL_CHAIN
from ledger.errors import Malformed, Unavailable, UsageError

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

LIGHT_COST = 1 << 10
"""scrypt's n of a light key file (2 ms); eth-account's default is 2^18 (1 s)."""
WEAK_WORK = 1 << 17
"""scrypt's n·r·p, or PBKDF2's rounds, below which a key file counts as light, no matter what it says of itself."""
MAXIMUM_KEYFILE = 1 << 16
MAXIMUM_PASSPHRASE = 1 << 12
PRIVATE = (0o600, 0o400)
"""The modes that a passphrase file may have."""


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
        self._allow(domain.get("chainId"))
        try:
            signed = self._account.sign_typed_data(dict(domain), dict(types), dict(message))
        except (TypeError, ValueError, KeyError) as error:
            raise Malformed(f"this is not typed data that can be signed: {error}") from error
        return bytes(signed.signature)

    def __repr__(self) -> str:
        return f"LocalSigner({self.address})"

    def _allow(self, chain_id: object) -> None:
        if not isinstance(chain_id, int):
            raise UsageError("nothing is signed without a chain id", actual=chain_id)
        if self.light:
            check_light(chain_id)


def create(path: Path, passphrase: str, *, light: bool = False) -> LocalSigner:
    """Make a new key and keep it, encrypted, in a new file (mode 0600; a folder made for it has 0700).

    Raises UsageError where the file exists already: a key is never overwritten.
    """
    from eth_account import Account

    if not passphrase:
        raise UsageError("an empty passphrase protects nothing")
    account = Account.create()
    keyfile = dict(Account.encrypt(account.key, passphrase, kdf="scrypt", iterations=LIGHT_COST if light else None))
    if light:
        keyfile["fedledger"] = {"light": True}
    _write_new(path, msgspec.json.encode(keyfile, order="sorted"))
    return LocalSigner(account, light=light)


def ephemeral() -> LocalSigner:
    """A key that is never stored; it signs for the local chain only."""
    from eth_account import Account

    return LocalSigner(Account.create(), light=True)


def unlock(path: Path, passphrase: str, *, chain_id: int | None = None) -> LocalSigner:
    """Decrypt a key file.

    Raises UsageError for a wrong passphrase, or a light key file where `chain_id` is not the local chain; Malformed
    for a file that is not a V3 key file; Unavailable where it cannot be read.
    """
    keyfile = _read(path)
    light = is_light(keyfile)
    if light and chain_id is not None:
        check_light(chain_id)
    from eth_account import Account

    try:
        key = Account.decrypt(keyfile, passphrase)
    except ValueError as error:
        if "mac" in str(error).lower():
            raise UsageError("the passphrase does not open this key file", file=str(path)) from error
        raise Malformed(f"the key file cannot be used: {error}", file=str(path)) from error
    except (KeyError, TypeError, NotImplementedError) as error:
        raise Malformed(f"the key file cannot be used: {error!r}", file=str(path)) from error
    return LocalSigner(Account.from_key(key), light=light)


def address_of(path: Path) -> str:
    """The address a key file is of, as the file says, without its passphrase; EIP-55."""
    from eth_utils.address import to_checksum_address

    try:
        return str(to_checksum_address(_read(path)["address"]))
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed("the key file names no address", file=str(path)) from error


def is_light(keyfile: Mapping[str, Any]) -> bool:
    """Whether a key file is cheap to guess: by its own mark, or by what decrypting it costs."""
    if keyfile.get("fedledger"):
        return True
    try:
        parameters = keyfile["crypto"]["kdfparams"]
        if "n" in parameters:
            return int(parameters["n"]) * int(parameters["r"]) * int(parameters["p"]) < WEAK_WORK
        return int(parameters["c"]) < WEAK_WORK
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed("the key file does not say how its key is derived") from error


def check_light(chain_id: int) -> None:
    """Raise UsageError where a light key must not be used."""
    if chain_id != LOCAL_CHAIN:
        raise UsageError(
            "a light key is for the local chain only",
            advice="make a key file without --light",
            expected=LOCAL_CHAIN,
            actual=chain_id,
        )


def read_passphrase(file: Path | None, *, confirm: bool = False, prompt: Callable[[str], str] = getpass.getpass) -> str:
    """A passphrase from the first line of a file, else from the terminal (asked twice with `confirm`).

    Never from arguments or the environment, which other processes may read, nor from a file that others may read.
    Raises UsageError.
    """
    if file is not None:
        return _first_line(file)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)  # no terminal: it would read aloud from a pipe
            passphrase = prompt("Passphrase: ")
            if confirm and prompt("Again: ") != passphrase:
                raise UsageError("the two passphrases differ")
    except (EOFError, getpass.GetPassWarning) as error:
        raise UsageError("there is no terminal to ask for the passphrase", advice="use --passphrase-file") from error
    return passphrase


def _first_line(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            _check_private(file, os.fstat(stream.fileno()))
            content = stream.read(MAXIMUM_PASSPHRASE)
    except FileNotFoundError as error:
        raise UsageError("there is no such passphrase file", file=str(file)) from error
    except OSError as error:
        raise Unavailable(f"the passphrase file cannot be read: {error}", file=str(file)) from error
    first = next(iter(_text(file, content).splitlines()), "")
    if not first:
        raise UsageError("the passphrase file's first line is empty", file=str(file))
    return first


def _check_private(file: Path, found: os.stat_result) -> None:
    """Refuse a file that others may read or change, or that another user owns. Raises UsageError.

    Not looked at: pipes and terminals, which keep nothing for others to find; and Windows, where a mode says nothing of
    who may read. A mounted file system that keeps no modes shows every file as open to all, and is refused.
    """
    if not stat.S_ISREG(found.st_mode) or os.name == "nt":
        return
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid != os.geteuid():
        raise UsageError(
            "the passphrase file belongs to another user",
            advice="copy it to a file of your own, mode 0600",
            file=str(file),
            expected=os.geteuid(),
            actual=found.st_uid,
        )
    if mode not in PRIVATE:
        raise UsageError(
            f"the passphrase file has mode {mode:04o}: others may read or change it",
            advice=f"chmod 600 {shlex.quote(str(file))}",
            file=str(file),
            expected=" or ".join(f"{allowed:04o}" for allowed in PRIVATE),
            actual=f"{mode:04o}",
        )


def _text(file: Path, content: bytes) -> str:
    """UTF-8, without the byte order mark that some editors put first. Raises UsageError for any other encoding."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UsageError(
            "the passphrase file is UTF-16, not UTF-8", advice="save it as UTF-8, in one line", file=str(file)
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"the passphrase file is not UTF-8: {error.reason} at byte {error.start}",
            advice="save it as UTF-8, in one line",
            file=str(file),
        ) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            content = stream.read(MAXIMUM_KEYFILE)
        return msgspec.json.decode(content, type=dict[str, Any])
    except FileNotFoundError as error:
        raise UsageError(
            "there is no such key file", advice="make one: fedledger keys create", file=str(path)
        ) from error
    except OSError as error:
        raise Unavailable(f"the key file cannot be read: {error}", file=str(path)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(f"this is not a key file: {error}", file=str(path)) from error


def _write_new(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise UsageError("there is a key file already; it is not overwritten", file=str(path)) from error
    except OSError as error:
        raise Unavailable(f"the key file cannot be written: {error}", file=str(path)) from error
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
