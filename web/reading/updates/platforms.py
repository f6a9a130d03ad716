"""Platform documents of a round's updates, as this server's audit found them."""

from collections.abc import Mapping

from web.documents.platforms import PlatformLine, PlatformSort
from web.reading.ledger import Reading

_SORTS: Mapping[str, PlatformSort] = {"EAT (JWT)": "jwt", "EAT (COSE_Sign1)": "cose", "opaque": "opaque"}


def round_platforms(now: Reading, job: int, number: int) -> tuple[PlatformLine, ...]:
    """By member; none before this server's first audit. Keys that the round no longer has are left out."""
    own = now.state.audited.index if now.state.audited else None
    parties = {update.party for update in now.round(job, number).updates.values()}
    return tuple(
        PlatformLine(party=now.owner(one.key), document=one.sha256, sort=_SORTS.get(one.sort, "absent"))
        for one in (own.platforms.get((job, number), ()) if own else ())
        if one.key in parties
    )
