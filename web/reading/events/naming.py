"""Which identifiers each event puts on record, and where what they name is shown. Pure, but for what it remembers."""

from collections.abc import Iterator
from typing import NamedTuple

from ledger.errors import Malformed
from ledger.events import records as r
from ledger.events.encoding import name_text
from ledger.formats.claims import unpack_openings
from ledger.formats.digest import NOTHING
from web.documents.activity import What


class Named(NamedTuple):
    """What an identifier is of, and the path of the page that shows it, with its place there."""

    what: What
    path: str


class Namer:
    """Remembers the proposals and releases that later events name by their hash alone."""

    def __init__(self) -> None:
        self._paths: dict[bytes, str] = {}

    def names(self, number: int, event: r.AnyEvent) -> Iterator[tuple[bytes, Named]]:
        """The identifiers of the event of that number; those that are zero name nothing."""
        self.remember(event)
        path = self.path(number, event)
        yield event.tx, Named("transaction", path)
        for word, found in self._own(event, path):
            if word not in (NOTHING, b""):
                yield word, found

    def remember(self, event: r.AnyEvent) -> None:
        """Note where the proposal or the release is shown that the event makes."""
        match event:
            case r.Proposed():
                self._paths[event.proposal] = f"/proposals/{event.number}"
            case r.Released():
                self._paths[event.release] = f"/releases/{name_text(event.name)}/{name_text(event.version)}"

    def path(self, number: int, event: r.AnyEvent) -> str:
        """The page that shows an event."""
        job, round_, index = (getattr(event, name, None) for name in ("job", "round", "index"))
        match event:
            case r.BallotEvent():
                return self._paths.get(getattr(event, "proposal", b""), "/proposals")
            case r.ReleaseEvent():
                return self._paths.get(event.release, "/releases")
            case r.RoundEvent() | r.ScoreEvent() | r.MaskEvent() | r.BudgetEvent() | r.CourtEvent() if (
                round_ is not None
            ):
                return f"/jobs/{job}/rounds/{round_}#event-{number}"
            case r.ModelConvicted():
                return f"/jobs/{job}/models/{round_}"
            case r.JobEvent() | r.MaskEvent() | r.BudgetEvent() | r.CourtEvent() if job is not None:
                return f"/jobs/{job}"
        return "/members" if index is None else f"/members/{index}"

    def _own(self, event: r.AnyEvent, path: str) -> Iterator[tuple[bytes, Named]]:
        match event:
            case r.JobProposed():
                yield event.digest, Named("job", path)
                yield event.model.initial, Named("initial_model", f"{path}/models/0")
            case r.UpdateCommitted():
                yield event.commitment, Named("commitment", path)
            case r.UpdatesOpened():
                yield from _openings(event, path)
            case r.AggregatePublished():
                yield from _aggregate(event, path)
            case r.Attested(form=r.Form.OTHER):
                yield event.claim, Named("claim", path)
                yield event.detail, Named("receipts", path)
            case r.RoundFinalised():
                yield event.root, Named("model", f"/jobs/{event.job}/models/{event.round}")
            case r.ScoresCommitted():
                yield event.commitment, Named("scores", path)
            case r.ScoresSettled():
                yield event.root, Named("scores", f"/jobs/{event.job}/rounds/{event.round}#scores")
            case r.Proposed():
                yield event.proposal, Named("proposal", path)
            case r.Released():
                yield from ((word, Named("release", path)) for word in (event.release, event.root))
                yield event.report, Named("report", path)
            case r.MemberAdmitted():
                yield _key(event.key), Named("key", path)
            case r.KeyRotated():
                yield _key(event.new_key), Named("key", path)


def _openings(event: r.UpdatesOpened, path: str) -> Iterator[tuple[bytes, Named]]:
    try:
        openings = unpack_openings(event.openings)
    except Malformed:
        return
    for one in openings:
        yield one.root, Named("update", path)
        yield one.cid, Named("update_file", path)


def _aggregate(event: r.AggregatePublished, path: str) -> Iterator[tuple[bytes, Named]]:
    said = event.aggregate
    yield said.root, Named("aggregate", path)
    yield said.cid, Named("model_file", path)
    yield said.head, Named("head", path)
    yield said.anchor, Named("block", path)
    yield said.receipts, Named("receipts", path)


def _key(key: str) -> bytes:
    return bytes.fromhex(key[2:])
