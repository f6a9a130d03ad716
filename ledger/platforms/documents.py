"""Platform documents, as far as everyone reads them: what sort they are, and the nonce that binds one to an update.

A document is bytes of its member's choosing, at most 1 MiB, stored as one block; the header of an update has its
SHA-256 (docs/spec/artifact.md, "Platform documents"). It changes no verdict and no answer of an audit.
"""

import re
from typing import Literal

from ledger.formats.cid import CHUNK
from ledger.formats.digest import sha256

LARGEST = CHUNK
"""Bytes of a document, at most: one block, so that its SHA-256 is its address."""
Sort = Literal["EAT (JWT)", "EAT (COSE_Sign1)", "opaque"]
_JWT = re.compile(rb"[\w-]+\.[\w-]*\.[\w-]*\s*", re.ASCII)
_COSE = (b"\xd2\x84", b"\xd8\x3d\xd2\x84")
"""How COSE_Sign1 begins (RFC 9052): its tag 18, with the tag of a CWT (RFC 8392) before it or not, and an array."""
_LABEL = b"fedledger platform/1"


def sort_of(document: bytes) -> Sort:
    """What it looks like: an entity attestation token (RFC 9711) in one of two forms, or a report of a vendor's own."""
    if _JWT.fullmatch(document):
        return "EAT (JWT)"
    return "EAT (COSE_Sign1)" if document.startswith(_COSE) else "opaque"


def nonce_of(chain: int, ledger: str, job: int, round_: int, party: str) -> bytes:
    """The nonce (32 bytes, in JSON hexadecimal) that a document has which was made for just this update."""
    place = chain.to_bytes(8, "big") + bytes.fromhex(ledger[2:]) + job.to_bytes(4, "big") + round_.to_bytes(4, "big")
    return sha256(_LABEL + place + bytes.fromhex(party[2:]))
