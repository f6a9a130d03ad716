"""Worlds in memory whose members have real keys, so that they can sign in; and reports that keys sign."""

from typing import Any

from support.worlds.world import World

from ledger.audit.report import Report
from ledger.audit.signed_report import SignedReport, to_sign
from ledger.events.records import KeyRotated
from ledger.keys.signers import LocalSigner


def world_with(*signers: Any) -> World:
    """Members with real keys, after a first one without."""
    world = World(1 + len(signers)).open_job()
    for index, signer in enumerate(signers, 1):
        rotate(world, index, signer.address)
    return world


def rotate(world: World, index: int, key: str) -> None:
    """A member goes on with another key."""
    old, world.keys[index] = world.keys[index], key
    world.emit(KeyRotated, index=index, old_key=old, new_key=key, epoch=world.history.epoch + 1)


def handed(report: Report, signer: LocalSigner) -> bytes:
    """A signed report of the ledger whose pages are shown."""
    text = report.to_json()
    signature = signer.sign_typed_data(*to_sign(report, text))
    return SignedReport(
        fedledger="signed-report/1", signer=signer.address, signature="0x" + signature.hex(), report=text.decode()
    ).encode()
