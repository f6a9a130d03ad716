"""The files that travel: how they are called, written, and told apart."""

import re
from pathlib import Path

from ledger.errors import UsageError
from ledger.files.foreign import read_foreign
from participant.joining.documents import ADDRESS, INVITE, MAX_SIZE, Invite, parse_invite

_KIND = re.compile(rb'"format":"(fedledger/[a-z]+/[0-9]+)"')


def file_name(name: str, kind: str) -> str:
    """What a file of this kind is called, after a member's name: letters and digits, in small letters."""
    plain = re.sub(r"\W+", "-", name.lower()).strip("-_")
    return f"{plain or 'member'}.{kind}.json"


def require_free(path: Path) -> None:
    """Raises UsageError where there is a file already."""
    if path.exists():
        raise UsageError("the file exists already; it is not overwritten", advice="remove it, or --output", file=path)


def write(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all. One with this content may be there already; another raises UsageError."""
    from ledger.store import disk

    if path.exists() and read_foreign(path, "the file", MAX_SIZE) == content:
        return
    require_free(path)
    disk.write_whole(path, [content])


def read_invitation(path: Path) -> Invite | None:
    """The invite in a file; None where it is a network file, or something else that is not JSON.

    Raises UsageError where there is no such file, or it is an address file, Malformed for a broken invite.
    """
    try:
        data = read_foreign(path, "the file", MAX_SIZE)
    except FileNotFoundError as error:
        raise UsageError("no such file", file=str(path)) from error
    if not data.lstrip().startswith(b"{"):
        return None
    kinds = {one.decode() for one in _KIND.findall(data)}
    if ADDRESS in kinds:
        raise UsageError(
            "this is an address file, an invite's answer: it is for the one who invited",
            advice="send it to whom the invite is from; a founder takes it with fedledger consortium start",
            file=str(path),
        )
    if INVITE not in kinds:
        raise UsageError("this is neither an invite nor a network file", file=str(path))
    return parse_invite(data)
