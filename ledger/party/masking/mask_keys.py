"""A member's mask keys: private ones at home, of which the ledger has the points."""

from collections.abc import Collection

from ledger.masks.keys import point_of
from ledger.masks.secret import SIZE, Secret
from ledger.masks.sharing import draw_secret
from ledger.party.masking.vault import Vault, damaged

_FOLDER = "keys"


class MaskKeys:
    """Kept until every segment that was dealt to them is over; a new one is made at will."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def points(self) -> frozenset[bytes]:
        """The points of all keys that are at home. Raises as `Vault.read`."""
        names = [name.removeprefix(f"{_FOLDER}/") for name in self._vault.names(_FOLDER)]
        return frozenset(bytes.fromhex(name) for name in names if _is_point(name))

    def find(self, point: bytes) -> Secret | None:
        """The private key of a point; None where this home does not have it. Raises as `Vault.read`."""
        name = _name(point)
        data = self._vault.read(name, SIZE)
        if data is None:
            return None
        if len(data) != SIZE or point_of(Secret(data)) != point:
            raise damaged(self._vault.folder / name)
        return Secret(data)

    def make(self) -> bytes:
        """Draw a new key, and keep it; its point. Raises Unavailable where the disk does not take it."""
        key = draw_secret()
        point = point_of(key)
        self._vault.write(_name(point), key.reveal())
        return point

    def delete(self, points: Collection[bytes]) -> int:
        """Delete the keys of these points; how many those are. Raises Unavailable."""
        for point in points:
            self._vault.delete(_name(point))
        return len(points)


def _name(point: bytes) -> str:
    return f"{_FOLDER}/{point.hex()}"


def _is_point(name: str) -> bool:
    return len(name) == 2 * SIZE and all(digit in "0123456789abcdef" for digit in name)
