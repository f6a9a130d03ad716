"""What the contracts record, as frozen values: all events of the ledger in one place, as `records.MemberAdmitted`.

Names and fields are those of contracts/interfaces/*.sol, in snake case. Each contract has a file of its own beside this
one, which says what its fields mean.
"""

# ruff: noqa: F403, F405  this file passes on all that those declare

from typing import get_args

from ledger.events.ballots import *
from ledger.events.budgets import *
from ledger.events.court import *
from ledger.events.event import *
from ledger.events.masks import *
from ledger.events.members import *
from ledger.events.releases import *
from ledger.events.rounds import *
from ledger.events.scores import *

AnyEvent = (
    AnyMemberEvent
    | AnyJobEvent
    | AnyRoundEvent
    | AnyScoreEvent
    | AnyBallotEvent
    | AnyReleaseEvent
    | AnyMaskEvent
    | AnyBudgetEvent
    | AnyCourtEvent
)
EVENTS: tuple[type[AnyEvent], ...] = get_args(AnyEvent)
