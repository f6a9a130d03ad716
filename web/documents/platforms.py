"""The documents in which trusted hardware speaks for the machine of an update: notices, which change no answer."""

from typing import Literal

from web.documents.common import Document, PartyDocument

PlatformSort = Literal["jwt", "cose", "opaque", "absent"]


class PlatformLine(Document, frozen=True):
    """What an update's header names by its SHA-256, `document`, as this server's audit found it: a token (EAT) as JWT
    or COSE_Sign1, a vendor's own report, or nothing that could be had."""

    party: PartyDocument
    document: str
    sort: PlatformSort
