"""A home's export key: made, tied to its member by a signed statement, and opened."""

from typing import TYPE_CHECKING

from ledger.config import Home
from ledger.errors import Malformed, UsageError
from ledger.events.signed import MAX_SIZE, SignedExportKey, parse_export_key
from ledger.exports import p256
from ledger.files.foreign import read_foreign
from ledger.keys import create_export_key, is_light_file, open_export_key
from ledger.masks.secret import Secret
from ledger.party.connection import Connection
from ledger.store import disk

if TYPE_CHECKING:
    from ledger.keys import Signer

MAKE = ("release", "provenance", "key")
"""The command that makes a home's export key, or signs for it again."""


def make(connection: Connection, home: Home, signer: "Signer", passphrase: str) -> SignedExportKey:
    """The home's export key, and the member's statement on it: each is made where it is not there yet.

    A statement under an earlier key of the member's is replaced; the export key stays. Interrupted, the same call goes
    on. Raises UsageError where the signer's key speaks for no member, and as `open_export_key`.
    """
    _require_member(connection, home, signer.address)
    if not home.export_key.exists():
        key = p256.draw()
        point = p256.point_of(key)
        create_export_key(home.export_key, key, point, passphrase, light=is_light_file(home.keystore))
    point = p256.point_of(_opened(connection, home, passphrase))
    known = _statement(home) if home.export_statement.exists() else None
    if known is not None and _fits(known, connection, point) and known.member == signer.address:
        return known
    made = _signed(connection, signer, point)
    disk.write_private(home.export_statement, [made.encode() + b"\n"])
    return made


def unlocked(connection: Connection, home: Home, passphrase: str) -> tuple[Secret, SignedExportKey]:
    """The export key, and the statement on it under the member's present key.

    Raises UsageError where either is not there, or the statement is of another key or ledger; as `open_export_key`.
    """
    advice = home.command(*MAKE)
    if not home.export_key.exists():
        raise UsageError("this home has no export key", advice=advice, file=str(home.export_key))
    key = _opened(connection, home, passphrase)
    if not home.export_statement.exists():
        problem = "the export key is not tied to a member yet"
        raise UsageError(problem, advice=advice, file=str(home.export_statement))
    known = _statement(home)
    if not _fits(known, connection, p256.point_of(key)):
        problem = "the statement on the export key is of another key or another ledger"
        raise UsageError(problem, advice=f"move the file away, then {advice}", file=str(home.export_statement))
    _require_member(connection, home, known.member)
    return key, known


def _opened(connection: Connection, home: Home, passphrase: str) -> Secret:
    key, said = open_export_key(home.export_key, passphrase, connection.place.chain)
    if p256.point_of(key) != said:
        problem = "the export key's file names another public key than its key's"
        actual, expected = said.hex()[:130], p256.point_of(key).hex()
        raise Malformed(problem, file=str(home.export_key), expected=expected, actual=actual)
    return key


def _statement(home: Home) -> SignedExportKey:
    return parse_export_key(read_foreign(home.export_statement, "the statement on the export key", MAX_SIZE))


def _fits(known: SignedExportKey, connection: Connection, point: bytes) -> bool:
    place = (connection.place.chain, connection.place.contract, point.hex())
    return (known.chain, known.contract, known.public) == place


def _require_member(connection: Connection, home: Home, key: str) -> None:
    if all(member.key != key for member in connection.history.members.values()):
        raise UsageError(
            "the statement on the export key must be under the key that speaks for a member now",
            advice=f"after a rotation {home.command(*MAKE)} signs it again; fedledger status lists the members' keys",
            key=key,
        )


def _signed(connection: Connection, signer: "Signer", point: bytes) -> SignedExportKey:
    unsigned = SignedExportKey(
        fedledger="signed/1",
        chain=connection.place.chain,
        contract=connection.place.contract,
        member=signer.address,
        curve="P-256",
        public=point.hex(),
        signature="",
    )
    return unsigned.under(signer.sign_typed_data(*unsigned.to_sign))
