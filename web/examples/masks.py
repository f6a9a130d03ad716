"""What the board of masks says in the examples: a cast of three, and a round's set that two members answered."""

from web.documents.masks import Agreement, MaskedMember, RoundMasksDocument, SegmentDocument
from web.examples.consortium import BASE, NORTH, SOUTH, WEST, dated

_FIXED = Agreement(stage="fixed", proposer=NORTH, agreeing=2, needed=2, deadline=None, lapsed=0)
_ALL = (NORTH, SOUTH, WEST)

SEGMENT = SegmentDocument(
    number=1,
    first=1,
    last=16,
    opener=NORTH,
    roster=_ALL,
    set_up=_ALL,
    threshold=3,
    deadline=1_800_000_200,
    agreement=_FIXED,
    cast=_ALL,
    fixed=None,
    tx=BASE,
    **dated(20),
)
ROUND = RoundMasksDocument(
    segment=1,
    agreement=_FIXED,
    set=_ALL,
    fixed=None,
    unmask_deadline=1_800_000_400,
    share_deadline=1_800_000_500,
    receipts=BASE,
    members=(
        MaskedMember(party=NORTH, state="unmasked", shares=0, tx=BASE, opened=False, group=None),
        MaskedMember(party=SOUTH, state="unmasked", shares=1, tx=BASE, opened=False, group=None),
        MaskedMember(party=WEST, state="waiting", shares=0, tx=None, opened=False, group=None),
    ),
)
