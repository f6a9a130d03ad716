"""How many members keep each update: a table of the network file (docs/spec/content.md, "Copies")."""

from typing import Annotated

import msgspec

from ledger.formats.strict import Strict


class Replication(Strict, frozen=True):
    """All members where there are no more than `all_up_to` of them, else `copies` of them, or as many as must sign for
    an update where that is more.
    """

    copies: Annotated[int, msgspec.Meta(ge=1, le=255)] = 5
    all_up_to: Annotated[int, msgspec.Meta(ge=0, le=255)] = 8
