"""The calls that a bundle's transactions make, decoded, and their signatures (docs/spec/bundle.md, "Transactions")."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import coincurve

from ledger.bundle.broken import BrokenBundle
from ledger.bundle.form import BundleEntry, Manifest
from ledger.bundle.statements import COUNTED, RelayedStatement, signed_in
from ledger.chain.build import committed
from ledger.chain.codec import signature
from ledger.chain.evidence.arguments import SELECTOR, DecodeCall, call_decoder
from ledger.chain.evidence.transaction import UncheckedCall, signed
from ledger.events.actions import ACTIONS, kind_of, layout
from ledger.formats.digest import checksum_address, keccak
from ledger.formats.signatures import ORDER, recover

FIELD = (1 << 256) - (1 << 32) - 977
"""The order of secp256k1's field."""
FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "consortium": ("rotateKey", "approveRotation"),
    "ballots": (
        *(kind.call for kind in ACTIONS),
        "proposeBySignature",
        "vote",
        "voteBySignature",
        "voteBatch",
        "close",
        "execute",
    ),
    "ledger": (
        "proposeJob",
        "approveJob",
        "openRound",
        "commitUpdate",
        "openUpdates",
        "publishAggregate",
        "attest",
        "advance",
    ),
    "court": ("refute",),
}
"""The functions whose calls are in a bundle, by contract."""
_WIDTHS = {1: (20, 1, 32, 32), 2: (1,), 3: (1, 1), 4: (2, 4, 4, 4), 5: (4,), 10: (4, 4)}
"""How many bytes of each word an action may use, by the number of its kind, of those that have an effect here."""
LAST_KIND = len(ACTIONS)
PROPOSING = {kind.call: kind_of(kind) for kind in ACTIONS}
"""The calls that propose, and the numbers of the kinds that they propose."""
_ACTION_BYTES = {kind.call: 32 * sum(word.size for _, word in layout(kind)) for kind in ACTIONS}
_OF_JOBS = ("ledger", "court")


class BundledCall(NamedTuple):
    """What a transaction says: which function of which contract, with which arguments; who signed it, and its hash.

    `statements` are what members signed in it, and `points` for each of these y of its signature's point, 0 where it is
    not signed, as the bundle says.
    """

    contract: str
    function: str
    arguments: tuple[Any, ...]
    signer: str
    tx: bytes
    block: int
    time: int
    said: UncheckedCall
    statements: tuple[RelayedStatement, ...] = ()
    points: tuple[int, ...] = ()

    @property
    def action(self) -> bytes:
        """The action that it proposes: of a call that does, the arguments are the action, and what is behind is not."""
        return self.said.data[SELECTOR : SELECTOR + _ACTION_BYTES[self.function]]


class _Function(NamedTuple):
    contract: str
    name: str
    decode: DecodeCall


def key_of(point: bytes) -> str:
    """The address of a public key, 64 bytes. Raises ValueError where it is no point of the curve."""
    coincurve.PublicKey(b"\x04" + point)
    return checksum_address(keccak(point)[-20:])


class EntryOrder:
    """What each entry is held to, in the order of "MALFORMED"."""

    def __init__(self, manifest: Manifest) -> None:
        self._chain = manifest.chain
        self._names = {address: name for name, address in manifest.addresses.items()}
        self._block, self._time, self._last = manifest.founding[0], 0, manifest.until[0]
        self._nonces: dict[int, int] = {}
        self._scope = manifest.scope

    def take(self, place: int, entry: BundleEntry, signers: Sequence[str]) -> BundledCall | None:
        """The call of the next entry; None for a gap. Raises BrokenBundle, with the entry's place."""
        same = entry.block == self._block and place > 0
        late = entry.time != self._time if same else entry.time < self._time
        if late or not self._block <= entry.block <= self._last:
            raise BrokenBundle("ORDER", place)
        self._block, self._time = entry.block, entry.time
        if entry.hash:
            return None
        call = self.read(place, entry, signers)
        if len(call.points) != len(call.statements):
            raise BrokenBundle("CALL", place)
        if call.said.nonce <= self._nonces.get(entry.signer, -1):
            raise BrokenBundle("ORDER", place)
        self._nonces[entry.signer] = call.said.nonce
        return call

    def read(self, place: int, entry: BundleEntry, signers: Sequence[str]) -> BundledCall:
        """What a transaction says, wherever it stands. Raises BrokenBundle where it is none of a bundle's."""
        try:
            said = signed(entry.raw)
        except ValueError as error:
            raise BrokenBundle("TRANSACTION", place) from error
        contract = self._names.get(checksum_address(said.to))
        if said.chain != self._chain or contract is None:
            raise BrokenBundle("TRANSACTION", place)
        function, arguments = self._decoded(contract, said.data, place)
        key, tx = signers[entry.signer], keccak(entry.raw)
        statements = tuple(signed_in(said.chain, checksum_address(said.to), function, arguments))
        points = tuple(int.from_bytes(entry.y[at : at + 32]) for at in range(32, len(entry.y), 32))
        return BundledCall(contract, function, arguments, key, tx, entry.block, entry.time, said, statements, points)

    def _decoded(self, contract: str, data: bytes, place: int) -> tuple[str, tuple[Any, ...]]:
        function = functions().get(data[:SELECTOR])
        if function is None or function.contract != contract:
            raise BrokenBundle("CALL", place)
        try:
            arguments = tuple(function.decode(data))
        except ValueError as error:
            raise BrokenBundle("CALL", place) from error
        if function.name == "execute":
            _require_action(arguments[2], arguments[3], place)
        elif function.name == "proposeBySignature":
            _require_action(arguments[0], arguments[1], place)
        elif function.name in ("voteBySignature", "voteBatch"):
            if not 0 < arguments[1] <= COUNTED:
                raise BrokenBundle("CALL", place)
        elif contract in _OF_JOBS and function.name != "proposeJob":
            job = arguments[0] if contract == "ledger" else arguments[0][0]
            if not self._scope.has_job(job):
                raise BrokenBundle("CALL", place)
        return function.name, arguments


def signatures_of(call: BundledCall) -> int:
    """How many signatures it has that are to be right: its own, and those of statements that are said to be signed."""
    return 1 + sum(map(bool, call.points))


def is_signed(call: BundledCall, y: int, keys: Collection[str]) -> bool:
    """Whether its signatures are right, the first under this y of its point; `keys` are all that the bundle has."""
    said = call.said
    return _holds(said.digest, call.signer, said.r, said.s, said.parity, y) and all(
        one.digest is not None
        and one.member in keys
        and _holds(one.digest, one.member, one.r, one.s, one.v - 27, point)
        for one, point in zip(call.statements, call.points, strict=True)
        if point
    )


def _holds(digest: bytes, key: str, r: int, s: int, parity: int, y: int) -> bool:
    on_curve = y < FIELD and (y * y - r**3 - 7) % FIELD == 0
    if not on_curve or y & 1 != parity or not 0 < r < ORDER:
        return False
    try:
        return recover(digest, r, s, parity) == key
    except ValueError:
        return False


def _require_action(kind: int, action: bytes, place: int) -> None:
    """An action that has an effect here is in its kind's shape. Raises BrokenBundle."""
    widths = _WIDTHS.get(kind)
    fits = 0 < kind <= LAST_KIND and (widths is None or len(action) == 32 * len(widths))
    words = [int.from_bytes(action[at : at + 32]) for at in range(0, len(action), 32)]
    if not fits or any(word >> 8 * width for word, width in zip(words, widths or (), strict=False)):
        raise BrokenBundle("CALL", place)


@cache
def functions() -> dict[bytes, _Function]:
    """The functions whose calls are in a bundle, by selector."""
    return dict(_known())


def _known() -> Iterator[tuple[bytes, _Function]]:
    for contract, names in FUNCTIONS.items():
        for entry in committed(contract).abi:
            if entry["type"] == "function" and entry["name"] in names:
                selector = keccak(signature(entry).encode())[:SELECTOR]
                yield selector, _Function(contract, entry["name"], call_decoder(entry["inputs"]))
