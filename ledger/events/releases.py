"""The events of the contract ReleaseBoard: models under a name and version.

`release` is a release's name on the chain, 32 bytes (`ledger.events.proposals.release_id`).
"""

from ledger.events.event import Event


class ReleaseEvent(Event, frozen=True):
    """An event of ReleaseBoard; all of them are in `AnyReleaseEvent`."""


class Released(ReleaseEvent, frozen=True, tag=True):
    """The members released the model of a round: it is the current one of its name from now on.

    `name` and `version` are text in 32 bytes, padded with zeros. `root` is the model's tensor root, `scores` the root
    of its round's scores, `report` the SHA-256 of the evaluation report; 32 bytes each, the last two zero where there
    is none.
    """

    release: bytes
    name: bytes
    version: bytes
    job: int
    round: int
    root: bytes
    scores: bytes
    report: bytes


class Revoked(ReleaseEvent, frozen=True, tag=True):
    """The members revoked a release; `reason` is up to 32 bytes of text, or the SHA-256 of a longer one."""

    release: bytes
    reason: bytes


class RolledBack(ReleaseEvent, frozen=True, tag=True):
    """`release` is its name's current one again, in place of `previous` (zero where there was none)."""

    release: bytes
    previous: bytes


AnyReleaseEvent = Released | Revoked | RolledBack
