"""A party's updates between training and the round's opening: kept in its home, outside of the store that is served.

Of each two files: the update, and its opening as the contract takes it (104 bytes). Both are on disk before the
commitment is sent. A file is named by its commitment, so an opening that was damaged does not fit its name, and nothing
that was ever committed to is overwritten. Once shown, an update is in the store, and the gateway serves the opening;
the openings that others showed lie beside it.
"""

import hmac
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.formats.artifact import Buffer
from ledger.formats.claims import OPENING, SALT, RoundName, UpdateOpening, commitment, pack_openings, unpack_openings
from ledger.party.sharing.named import is_over
from ledger.party.sharing.remembered import Remembered
from ledger.store import disk

SECRET = 32
SALT_DOMAIN = b"fedledger/salt/2"
ROUNDS_KEPT = 3
"""Openings of so many rounds of a job stay: a chain may go back over the end of one."""


class Openings:
    """The folder `openings` of a home; processes of one home may use it at the same time."""

    def __init__(self, home: Path) -> None:
        self._home, self._folder = home, home / "openings"
        self._remembered = Remembered[bytes]()

    def salted(self, round_: RoundName, party: str, weight: int, root: bytes, cid: bytes) -> UpdateOpening:
        """An update's opening, with the salt that follows from it and a secret of this home: nobody else can make it,
        and a crash cannot lose it. Raises Unavailable where the home cannot keep its secret.
        """
        said = UpdateOpening(party, weight, root, cid, bytes(SALT))
        text = SALT_DOMAIN + round_.words + pack_openings([said])[:-SALT]
        return said._replace(salt=hmac.digest(self._secret(), text, "sha256")[:SALT])

    def keep(self, round_: RoundName, opening: UpdateOpening, pieces: Iterable[Buffer]) -> None:
        """Write the update and its opening, each whole or not at all, and to the disk itself. A crash may leave one of
        them alone: that is no update which was kept. Raises Unavailable.
        """
        with disk.translated(self._folder):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._forget(round_)
        update, said = self._path(round_, opening, "update"), self._path(round_, opening, "opening")
        disk.write_private_together({update: pieces, said: [pack_openings([opening])]})

    def find(self, round_: RoundName) -> list[UpdateOpening]:
        """All that were kept for this very round and are whole, shown or not; the latest last. Raises NotRead where one
        cannot be read now.
        """
        found = []
        for path in sorted(self._of(round_, "opening") + self._of(round_, "shown"), key=_age):
            opening = _read(path)
            if opening is not None and commitment(round_, opening).hex() == path.stem.split("-")[-1]:
                found.append(opening)
        return found

    def update(self, round_: RoundName, opening: UpdateOpening) -> Iterator[Buffer]:
        """The bytes of an update that was kept and not shown. Raises Unavailable where they cannot be read."""
        path = self._path(round_, opening, "update")
        try:
            yield from disk.pieces(path)
        except UsageError as error:
            raise Unavailable("the update was shown, or lost", file=str(path)) from error

    def is_shown(self, round_: RoundName, opening: UpdateOpening) -> bool:
        """Whether it was shown before."""
        return self._path(round_, opening, "shown").exists()

    def show(self, round_: RoundName, opening: UpdateOpening) -> None:
        """Let the gateway serve the opening, from now on; the store must have the update by then. Raises
        Unavailable.
        """
        kept, shown = self._path(round_, opening, "opening"), self._path(round_, opening, "shown")
        with disk.translated(shown), suppress(FileNotFoundError):
            kept.replace(shown)
        with suppress(OSError):  # what stays is deleted once its round is long over
            self._path(round_, opening, "update").unlink()

    def take(self, round_: RoundName, opening: UpdateOpening) -> bool:
        """Keep an opening that its party showed, and is new; whether it was. The caller knows that it fits the ledger.

        The disk is not waited for: what the power cuts off is asked for again, at its party's gateway and the others',
        and what no aggregator gets its party opens itself. Raises Unavailable.
        """
        with disk.translated(self._folder):
            self._folder.mkdir(mode=0o700, exist_ok=True)
        path = self._path(round_, opening, "shown")
        if _read(path) == opening:
            return False
        disk.write_private_soon(path, [pack_openings([opening])])
        return True

    def shown(self, job: int, round_: int) -> bytes:
        """What the gateway serves of a round: the openings that were shown, this party's or others', 104 bytes each, of
        any branch of the chain that this home saw.
        """

        def read() -> bytes:
            found = (_read(path) for path in sorted(self._folder.glob(f"{job}-{round_}-*.shown")))
            return pack_openings(opening for opening in found if opening is not None)

        return self._remembered.get((job, round_), self._folder, None, read)

    def sweep(self, needed: Mapping[int, int]) -> None:
        """Forget what was shown in rounds before the first one that is needed, by job. Raises Unavailable."""
        with disk.translated(self._folder):
            for path in self._folder.glob("*.shown"):
                if is_over(path, needed):
                    path.unlink(missing_ok=True)

    def _secret(self) -> bytes:
        path = self._home / "secret"
        if not path.exists():
            disk.write_private(path, [secrets.token_bytes(SECRET)], replace=False)
        with disk.translated(path):
            secret = path.read_bytes()
        if len(secret) != SECRET:
            raise Unavailable(
                "the home's secret is damaged", advice="delete the file: a new one is made", file=str(path)
            )
        return secret

    def _path(self, round_: RoundName, opening: UpdateOpening, suffix: str) -> Path:
        name = f"{round_.job}-{round_.round}-{commitment(round_, opening).hex()}"
        return self._folder / f"{name}.{suffix}"

    def _of(self, round_: RoundName, suffix: str) -> list[Path]:
        return list(self._folder.glob(f"{round_.job}-{round_.round}-*.{suffix}"))

    def _forget(self, round_: RoundName) -> None:
        """Delete what belongs to rounds long over."""
        for path in self._folder.glob(f"{round_.job}-*"):
            number = path.name.split("-")[1]
            if number.isdecimal() and int(number) <= round_.round - ROUNDS_KEPT:
                path.unlink(missing_ok=True)


def _read(path: Path) -> UpdateOpening | None:
    """None for none, and for what is not one or cannot be read for good. Raises NotRead: a moment loses nothing."""
    try:
        with path.open("rb") as file:
            (opening,) = unpack_openings(file.read(OPENING + 1))
    except (FileNotFoundError, Malformed, ValueError):
        return None
    except OSError as error:
        if isinstance(unread := disk.unread(path, error), disk.NotRead):
            raise unread from error
        return None
    return opening


def _age(path: Path) -> tuple[float, str]:
    try:
        return path.stat().st_mtime, path.name
    except OSError:
        return 0.0, path.name
