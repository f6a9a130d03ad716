"""Key files (Ethereum's V3, Web3 Secret Storage): made, opened and encrypted again, whichever tool wrote them.

A light one costs little to decrypt, and to guess: its key signs for the local chain alone. What a file says of itself
is believed only where the key does not contradict it.
"""

import os
from codecs import BOM_UTF8
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.keys.library import accounts
from ledger.keys.passphrases import forms
from ledger.keys.signers import LocalSigner, check_light

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

LIGHT_COST = 1 << 10
"""scrypt's n of a light key file (2 ms); eth-account's default is 2^18 (1 s)."""
WEAK_WORK = 1 << 17
"""scrypt's n·r·p, or PBKDF2's rounds, below which a key file counts as light, whichever tool wrote it."""
LARGEST_WORK = 1 << 25
"""The most that is spent on opening a key file; geth's standard is 2^21."""
LARGEST_MEMORY = 1 << 30
"""Bytes, scrypt's 128·n·r."""
DERIVED = 32
"""Bytes that are derived from the passphrase (dklen): half decrypt the key, half check it. More would only cost."""
MAXIMUM_KEYFILE = 1 << 16


def create(path: Path, passphrase: str, *, light: bool = False) -> LocalSigner:
    """Make a new key and keep it, encrypted, in a new file (mode 0600; a folder made for it has 0700).

    Raises UsageError where the file exists already: a key is never overwritten.
    """
    account = accounts().create()
    write_new(path, _encrypted(account, passphrase, light=light))
    return LocalSigner(account, light=light)


def unlock(path: Path, passphrase: str, *, chain_id: int | None = None) -> LocalSigner:
    """Decrypt a key file.

    Raises UsageError for a wrong passphrase, or a light key file where `chain_id` is not the local chain; Malformed
    for a file that is not a V3 key file, or names another address than its key's; Unavailable where it cannot be read.
    """
    keyfile = _read(path)
    light = is_light(keyfile)
    if light and chain_id is not None:
        check_light(chain_id)
    account = _decrypted(path, keyfile, passphrase)
    named = _named(path, keyfile)
    if named and named != account.address:
        raise Malformed(
            "the key file names another address than its key's",
            advice="find out which of the two is meant; fedledger keys passphrase writes the key's own",
            file=str(path),
            expected=account.address,
            actual=named,
        )
    return LocalSigner(account, light=light)


def encrypt_again(path: Path, passphrase: str, new: str) -> LocalSigner:
    """Encrypt a key file again at full cost, under a new passphrase, with its key's own address.

    The file is replaced at once, by one that was opened first. Raises as `unlock`.
    """
    account = _decrypted(path, _read(path), passphrase)
    beside = path.with_name(path.name + ".new")
    with suppress(FileNotFoundError):
        beside.unlink()  # of an earlier try, which replaced nothing
    write_new(beside, _encrypted(account, new, light=False))
    signer = unlock(beside, new)
    _replace(beside, path)
    return signer


def put_in_place(new: Path, path: Path, kept: Path) -> None:
    """Make the key file `new` the one at `path`, at once; the file that was there is kept as `kept`."""
    if not kept.exists():
        beside = kept.with_name(kept.name + ".new")
        with suppress(FileNotFoundError):
            beside.unlink()
        write_new(beside, msgspec.json.encode(_read(path)))
        _replace(beside, kept)
    _replace(new, path)


def is_light_file(path: Path) -> bool:
    """Whether a key file is cheap to guess. Raises as `is_light`, and as reading it does."""
    return is_light(_read(path))


def address_of(path: Path) -> str:
    """The address a key file is of, as the file says, without its passphrase; EIP-55.

    Raises UsageError where it names none: some tools leave it out.
    """
    named = _named(path, _read(path))
    if named is None:
        raise UsageError(
            "the key file names no address",
            advice="fedledger keys passphrase writes it again, with its address; fedledger keys show asks for it",
            file=str(path),
        )
    return named


def is_light(keyfile: Mapping[str, Any]) -> bool:
    """Whether a key file is cheap to guess, by what decrypting it costs. Raises Malformed for a cost out of bounds."""
    work, memory = _cost(keyfile)
    if not 0 < work <= LARGEST_WORK or memory > LARGEST_MEMORY:
        raise Malformed(
            "opening the key file would cost too much",
            work=work,
            maximum=LARGEST_WORK,
            memory=memory,
            largest_memory=LARGEST_MEMORY,
        )
    return work < WEAK_WORK


def _cost(keyfile: Mapping[str, Any]) -> tuple[int, int]:
    """Work and memory of the derivation that the file really uses."""
    try:
        parameters = keyfile["crypto"]["kdfparams"]
        if parameters["dklen"] != DERIVED:
            actual = str(parameters["dklen"])[:80]
            raise Malformed("the key file derives another length of key (dklen)", expected=DERIVED, actual=actual)
        if keyfile["crypto"]["kdf"] == "scrypt":
            n, r, p = (int(parameters[name]) for name in "nrp")
            return n * r * p, 128 * n * r
        return int(parameters["c"]), 0
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed("the key file does not say how its key is derived") from error


def _named(path: Path, keyfile: Mapping[str, Any]) -> str | None:
    from eth_utils.address import to_checksum_address

    if not keyfile.get("address"):
        return None
    try:
        return str(to_checksum_address(keyfile["address"]))
    except (TypeError, ValueError) as error:
        raise Malformed("what the key file calls its address is not one", file=str(path)) from error


def _encrypted(account: "LocalAccount", passphrase: str, *, light: bool) -> bytes:
    return msgspec.json.encode(encrypted(bytes(account.key), passphrase, light=light), order="sorted")


def encrypted(secret: bytes, passphrase: str, *, light: bool) -> dict[str, Any]:
    """32 bytes as the table of a V3 key file. Raises UsageError for an empty passphrase."""
    if not passphrase:
        raise UsageError("an empty passphrase protects nothing")
    cost = LIGHT_COST if light else None
    return dict(accounts().encrypt(secret, passphrase, kdf="scrypt", iterations=cost))


def _decrypted(path: Path, keyfile: Mapping[str, Any], passphrase: str) -> "LocalAccount":
    advice = "try again; if it is lost, the members can give you another key: fedledger keys recover --help"
    try:
        account: LocalAccount = accounts().from_key(decrypted(path, keyfile, passphrase, advice))
    except ValueError as error:
        raise Malformed(f"the key file cannot be used: {error}", file=str(path)) from error
    return account


def decrypted(path: Path, keyfile: Mapping[str, Any], passphrase: str, advice: str) -> bytes:
    """What is encrypted in a V3 key file. Raises UsageError, with `advice`, for a wrong passphrase, else Malformed."""
    is_light(keyfile)  # its cost has bounds
    for form in forms(passphrase):
        try:
            return bytes(accounts().decrypt(dict(keyfile), form))
        except ValueError as error:
            if "mac" not in str(error).lower():
                raise Malformed(f"the key file cannot be used: {error}", file=str(path)) from error
        except (KeyError, TypeError, AttributeError, NotImplementedError) as error:
            raise Malformed(f"the key file cannot be used: {error!r}", file=str(path)) from error
    spaces = "it begins or ends with a space; " if passphrase != passphrase.strip() else ""
    raise UsageError("the passphrase does not open this key file", advice=f"{spaces}{advice}", file=str(path))


def _read(path: Path) -> dict[str, Any]:
    """A key file with names in lower case: some tools write Crypto and KDFParams. Only version 3 is one."""
    try:
        with path.open("rb") as stream:
            content = stream.read(MAXIMUM_KEYFILE).removeprefix(BOM_UTF8)
        keyfile = lowered(msgspec.json.decode(content, type=dict[str, Any]))
    except FileNotFoundError as error:
        raise UsageError(
            "there is no such key file",
            advice="fedledger node init makes a home with one, fedledger keys create a key alone",
            file=str(path),
        ) from error
    except OSError as error:
        raise Unavailable(f"the key file cannot be read: {error}", file=str(path)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(f"this is not a key file: {error}", file=str(path)) from error
    if str(keyfile.get("version")) != "3":
        raise Malformed("this is not a key file of version 3", file=str(path), actual=str(keyfile.get("version"))[:20])
    return keyfile | {"version": 3}


def lowered(table: dict[str, Any]) -> dict[str, Any]:
    """A key file with its names in lower case, as the library reads them."""
    return {name.lower(): lowered(value) if isinstance(value, dict) else value for name, value in table.items()}


def write_new(path: Path, content: bytes) -> None:
    """A key file of mode 0600, on the disk once this returns. Raises UsageError where there is one."""
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


def _replace(source: Path, target: Path) -> None:
    """Rename, and see that the folder has it on disk."""
    try:
        source.replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
    except OSError as error:
        raise Unavailable(f"the key file cannot be put in place: {error}", file=str(target)) from error
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
