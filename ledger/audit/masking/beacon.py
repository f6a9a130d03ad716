"""The block that members' noise follows from: is it in the chain whose blocks members signed?"""

from ledger.audit.context import Context


def is_signed(audit: Context, number: int) -> bool:
    """Whether parents lead, header by header, from a block up to one whose hash members signed in a final round.

    Nobody is convicted by a hash that a chain node could have made up.
    """
    finals = (one.final for state in audit.history.jobs.values() for one in state.rounds.values())
    anchors = {one.as_of: one.anchor for one in finals if one is not None and number <= one.as_of <= audit.signed_to}
    if not anchors:
        return False
    last, known = min(anchors), b""
    for place in range(number, last + 1):
        shown = audit.blocks(place)
        if shown is None or not shown.proved or known not in (b"", shown.parent):
            return False
        known = shown.hash
    return known == anchors[last]
