"""Where news are posted, and the key under which: a file that only its owner reads."""

import base64
import binascii
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.files.foreign import open_foreign
from ledger.http.addresses import Address, parse
from ledger.http.networks import Reach
from ledger.masks.secret import SIZE, Secret

LARGEST = 4096
PREFIX = "whsec_"
HOW = "printf 'whsec_%s\\n' \"$(openssl rand -base64 32)\" makes one"


@dataclass(frozen=True, slots=True)
class Hook:
    """An address with its query, which may be its secret too; `reach` is what may be dialled there."""

    address: Address = field(repr=False)
    secret: Secret
    reach: Reach

    @classmethod
    def read(cls, file: Path, networks: Sequence[str] = ()) -> "Hook":
        """The file's first line is the URL, its second the key. Only public addresses are dialled, and those in
        `networks`; link-local ones never. Raises UsageError.
        """
        lines = _text(file).splitlines()
        if len(lines) < 2:
            raise UsageError("the webhook's file has a URL, and a key in its second line", advice=HOW, file=str(file))
        address = parse(lines[0].strip(), "the webhook's URL")
        try:
            reach = Reach.of([str(ip_network(one)) for one in networks])
        except ValueError as error:
            advice = "a network, as in 127.0.0.0/8 or 10.1.2.0/24"
            raise UsageError("this is not a network", advice=advice, actual=", ".join(networks)[:80]) from error
        return cls(address, _secret(lines[1].strip(), file), reach)


def _text(file: Path) -> str:
    try:
        with open_foreign(file, "the webhook's file") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            data = opened.read(LARGEST + 1)
        text = data.decode()
    except OSError as error:
        raise Unavailable(f"the webhook's file cannot be read: {error.strerror}", file=str(file)) from error
    except (Malformed, UnicodeDecodeError) as error:
        raise UsageError("the webhook's file is not a file of text", file=str(file)) from error
    if mode & 0o077:
        advice = f"chmod 600 {file}"
        raise UsageError("others can read the webhook's file", advice=advice, expected="0600", actual=f"{mode:04o}")
    if len(data) > LARGEST:
        raise UsageError("the webhook's file is too large", file=str(file), maximum=LARGEST)
    return text


def _secret(text: str, file: Path) -> Secret:
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(PREFIX) or len(key) != SIZE:
        what = f"the webhook's key is {PREFIX} and {SIZE} bytes in base64"
        raise UsageError(what, advice=HOW, file=str(file))
    return Secret(key)
