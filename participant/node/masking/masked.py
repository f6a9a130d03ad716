"""An update under its member's masks, and the pad that it uses up (docs/spec/masks.md, rule 6).

kept = masking.kept()                what was masked for the round before, in whatever process
made = masking.mask(values, ...)     the masked file, in memory
masking.use_up(commitment)           from now on this update is the round's, and no other ever
"""

import os
from collections.abc import Mapping
from functools import cached_property

from ledger.formats import merkle
from ledger.formats.artifact import Layout
from ledger.formats.claims import RoundName
from ledger.formats.digest import sha256
from ledger.formats.header import Binding
from ledger.formats.unixfs import cid_of
from ledger.kernel.pure import Ints
from ledger.masks.keys import Cast
from ledger.masks.noise import NoiseLaw
from ledger.masks.reveals import cast_of
from ledger.masks.setup import SetupFile
from ledger.masks.sums import Masks, masked_file, masking
from participant.integers.artifacts import UpdateFile
from participant.node.masking.home import MaskHome
from participant.node.masking.pads import Pad, require_same


class OwnMasks:
    """A member's masks in one round, whose segment's cast published `setups`; `base` is the root of the round's base
    model. By a `law` it adds noise under them.
    """

    def __init__(
        self,
        home: MaskHome,
        setups: Mapping[int, SetupFile],
        member: int,
        round_: RoundName,
        base: bytes,
        law: NoiseLaw | None = None,
    ) -> None:
        self._home, self._setups, self._member, self._round, self._base = home, setups, member, round_, base
        self._law = law

    @cached_property
    def _cast(self) -> Cast:
        return cast_of(self._setups, self._round.round)

    def kept(self) -> bytes | None:
        """The commitment (28 bytes) to the update that was masked for the round; None for none.

        Raises UsageError where that was under another cast or on another base model: no other is ever masked.
        """
        pad = self._home.pads.find(self._round)
        return None if pad is None else self._same(pad)

    def masks(self) -> Masks:
        """The masks. Raises UsageError where this home does not have the secrets that the ledger's set-up file was made
        of.
        """
        secrets = self._home.secrets_of(self._setups[self._member], self._round.round)
        return masking(self._cast, self._member, secrets.key, secrets.seed, self._law)

    def mask(self, layout: Layout, binding: Binding, values: Ints, weight: int) -> UpdateFile:
        """The masked update of integers, of a job's `layout`. Raises as `masks`."""
        threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        file = tuple(masked_file(layout, binding, values, weight, self.masks(), threads))
        root = merkle.root(layout.masked.leaf_hashes(iter(file), binding))
        return UpdateFile(file, root, cid_of(file)[0])

    def use_up(self, commitment: bytes) -> bytes:
        """Note that an update, kept with what opens it, is the one under this pad; the commitment to the one that is.

        Raises as `kept`, Unavailable where the disk does not take it.
        """
        pad = Pad(commitment=commitment.hex(), base=self._base.hex(), cast=self._digest.hex())
        return self._same(self._home.pads.keep(self._round, pad))

    @property
    def _digest(self) -> bytes:
        """What makes these masks go away with no other cast's, and their noise that of no other beacon."""
        points = b"".join(bytes([member]) + self._cast.points[member] for member in sorted(self._cast.points))
        return sha256(points + (self._law.beacon if self._law else b""))

    def _same(self, pad: Pad) -> bytes:
        require_same(pad, self._base, self._digest)
        return bytes.fromhex(pad.commitment)
