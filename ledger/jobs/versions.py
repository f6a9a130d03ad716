"""Documents of other versions, named as such before any field that they lack."""

from contextlib import suppress

import msgspec

from ledger.errors import Malformed
from ledger.formats.digest import encode
from ledger.jobs.privacy import Masked, SealedTo, Unprotected

MODES = tuple(str(kind.__struct_config__.tag) for kind in (Unprotected, Masked, SealedTo))
"""What `privacy.mode` may be."""
SHOWN = 80
"""Characters that an error shows of what a document says."""


class _Named(msgspec.Struct):
    fedledger: str


class _Protection(msgspec.Struct):
    mode: str


class _Protected(msgspec.Struct):
    privacy: _Protection


def refuse_other_versions(data: bytes, format_: str) -> None:
    """Raise Malformed for a document that says another format than this, or a mode of privacy that is not known here.

    What says neither in its form is left to the reader of the whole.
    """
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = msgspec.json.decode(data, type=_Named).fedledger
        if said != format_:
            raise Malformed("the job's document has another format", expected=format_, actual=said[:SHOWN])
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        require_mode(msgspec.json.decode(data, type=_Protected).privacy.mode)


def require_mode(mode: str) -> None:
    """Raise Malformed, naming it, for a mode of privacy that is not known here."""
    if mode not in MODES:
        raise Malformed(
            f"privacy.mode = {encode(mode).decode()[:SHOWN]} is not supported yet",
            advice="leave it out, or install a version of fedledger that supports it",
            supported=", ".join(MODES),
        )
