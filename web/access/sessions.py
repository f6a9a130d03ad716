"""Who has signed in. A session is a random token that the client keeps, and the token's hash that the server keeps.

It is bound to the key that signed in: once that key no longer speaks for its member, rotated or removed, the session is
over for everyone who has the token.
"""

import contextlib
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from ledger.errors import FedledgerError
from ledger.formats.digest import sha256
from web.documents.refusals import NotMember, NotSignedIn, SessionEnded
from web.reading.latest import Latest
from web.reading.ledger import NotYet

SECONDS = 12 * 3600
MOST = 16
"""Sessions of one member; the oldest goes first."""


def cookie_name(origin: str) -> str:
    """The session cookie's name: with an https origin one that neither another host nor plain http can set."""
    return "__Host-session" if is_https(origin) else "session"


def is_https(origin: str) -> bool:
    """Whether people reach the server by https."""
    return origin.startswith("https:")


class Session(msgspec.Struct, frozen=True):
    """A key of member `index` that signed in. `expires` in seconds since 1970."""

    address: str
    index: int
    expires: int


class Visitor(NamedTuple):
    """Who sent a request: the token that came with it, and its session or why there is none."""

    token: str = ""
    session: Session | None = None
    trouble: FedledgerError | None = None

    def signed_in(self) -> Session:
        """The session. Raises NotSignedIn, SessionEnded or NotYet if there is none."""
        if self.session is None:
            raise self.trouble or _not_signed_in()
        return self.session


class Sessions:
    """All sessions, kept in `file`, if given, so that a restart signs nobody out; the tokens are not in it."""

    def __init__(self, latest: Latest, file: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        self._latest, self._file, self._clock = latest, file, clock
        self._sessions = _read(file)

    def begin(self, address: str) -> tuple[str, Session]:
        """A new session and its token. Raises NotMember if the key does not speak for a member, NotYet before the
        first reading of the ledger."""
        index = self.require_member(address)
        self._make_room(index)
        token, session = secrets.token_urlsafe(32), Session(address, index, int(self._clock()) + SECONDS)
        self._sessions[_hash(token)] = session
        self._write()
        return token, session

    def require_member(self, address: str) -> int:
        """The member that a key speaks for. Raises NotMember, and NotYet before the first reading of the ledger."""
        index = self._member(address)
        if index is None:
            raise NotMember(
                "this key does not belong to a member",
                advice="sign in with a member's current key",
                key=address,
            )
        return index

    def find(self, token: str) -> Session:
        """The session with that token. Raises NotSignedIn, SessionEnded, and NotYet before the first reading."""
        session = self._sessions.get(_hash(token)) if token else None
        if session is None or self._clock() > session.expires:
            raise _not_signed_in()
        if self._member(session.address) != session.index:
            raise SessionEnded(
                "the key that signed in no longer speaks for its member",
                advice="sign in with the member's current key",
                key=session.address,
            )
        return session

    def visitor(self, token: str) -> Visitor:
        """The client that sends that token."""
        if not token:
            return Visitor()
        try:
            return Visitor(token, self.find(token))
        except FedledgerError as error:
            return Visitor(token, trouble=error)

    def end(self, token: str) -> None:
        """Forget a session, if there is one."""
        if self._sessions.pop(_hash(token), None) is not None:
            self._write()

    def _member(self, address: str) -> int | None:
        snapshot = self._latest.state.snapshot
        if snapshot is None:
            raise NotYet("the ledger has not been read yet", advice="try again in a moment")
        index = snapshot.owners.get(address)
        return index if index is not None and snapshot.members[index].key == address else None

    def _make_room(self, index: int) -> None:
        """Drop what has expired, and the member's oldest if it has many."""
        now = self._clock()
        for name in [name for name, session in self._sessions.items() if session.expires < now]:
            del self._sessions[name]
        own = [name for name, session in self._sessions.items() if session.index == index]
        for name in own[: max(0, len(own) - MOST + 1)]:
            del self._sessions[name]

    def _write(self) -> None:
        """A file that cannot be written costs a sign-in after the next start, nothing else."""
        if self._file is None:
            return
        draft = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft.touch(mode=0o600)
            draft.write_bytes(msgspec.json.encode(self._sessions))
            draft.replace(self._file)


def _read(file: Path | None) -> dict[str, Session]:
    if file is None:
        return {}
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Session])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return {}


def _hash(token: str) -> str:
    return sha256(token.encode()).hex()


def _not_signed_in() -> NotSignedIn:
    return NotSignedIn("you are not signed in", advice="sign in with a member's key: GET /sign-in.json?address=…")
