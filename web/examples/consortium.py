"""One small consortium of three hospitals: the examples of the interface's description are about it."""

from typing import Any

from web.documents.common import ChainDocument, Dated, PartyDocument
from web.documents.ledger import CheckpointLine, MemberDocument

ROOT, BASE, CLAIM, TX = "5d" * 32, "1e" * 32, "c1" * 32, "7a" * 32

ANCHOR, HEAD, DIGEST = "a4" * 32, "9c" * 32, "4e" * 32

CID = "bafkreiexxbm5tmybtxy4h4nnyspb5i7bpncsv2hv23aezog75v67poqrmy"

NORTH = PartyDocument(index=0, name="North", key="0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045")

SOUTH = PartyDocument(index=1, name="South", key="0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")

WEST = PartyDocument(index=2, name="West", key="0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359")

CHAIN = ChainDocument(id=31337, block=42, read_at=1_800_000_000, up=True, trouble="")


def dated(block: int) -> dict[str, Any]:
    """When something came about: a block every 15 seconds."""
    return {"block": block, "time": 1_799_999_400 + 15 * block, "time_proved": True, "time_ahead": False}


def moment(block: int) -> Dated:
    return Dated(**dated(block))


CONSORTIUM, LEDGER = "0x733Da32CDfaAee76E40059C87bAC5132c4f98d2A", "0x3D278501cD8320Fae2c771f0536E440F913e9d01"

MEMBERS = tuple(
    MemberDocument(
        index=party.index,
        name=party.name,
        key=party.key,
        roles=("participant", "aggregator"),
        since=1,
        keys=(party.key,),
        gateway=f"http://{party.name.lower()}.example:8080",
        left=None,
        **dated(2),
    )
    for party in (NORTH, SOUTH, WEST)
)

SIGNED = CheckpointLine(block=31, parties=(NORTH, SOUTH), of=3, after=9)
