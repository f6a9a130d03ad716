"""A replay: each call in order, with what the reader must say of it."""

from collections.abc import Callable, Mapping

from ledger.bundle.broken import BrokenBundle
from ledger.bundle.calls import PROPOSING, BundledCall
from ledger.bundle.findings import BundleFindings, found
from ledger.bundle.form import BundleEntry, Manifest
from ledger.bundle.replay import ballots, jobs, members
from ledger.bundle.replay.state import Ledger
from ledger.history.impossible import Impossible

_STEPS: Mapping[str, Callable[[Ledger, BundledCall], object]] = {
    "rotateKey": members.rotate,
    "approveRotation": members.approve_rotation,
    "proposeJob": jobs.propose,
    "approveJob": jobs.approve,
    "openRound": jobs.open_round,
    "commitUpdate": jobs.commit,
    "openUpdates": jobs.open_updates,
    "publishAggregate": jobs.publish,
    "attest": jobs.attest,
    "advance": jobs.advance,
    "refute": jobs.refute,
    **dict.fromkeys(PROPOSING, ballots.propose),
    "proposeBySignature": ballots.propose_by_signature,
    "vote": ballots.vote,
    "voteBySignature": ballots.vote_by_signature,
    "voteBatch": ballots.vote_batch,
    "close": ballots.close,
    "execute": members.execute,
}


class Replay:
    """The ledger after the calls that were taken; what no reader can know of them goes to `findings`.

    Raises BrokenBundle where the founding is none.
    """

    def __init__(self, manifest: Manifest, findings: BundleFindings | None = None) -> None:
        try:
            self.ledger = Ledger.founded(manifest)
        except Impossible as error:
            raise BrokenBundle("MANIFEST") from error
        self._scope = manifest.scope
        self._gap = False
        self._findings = BundleFindings() if findings is None else findings
        self.taken = 0

    def take(self, place: int, entry: BundleEntry, call: BundledCall | None) -> None:
        """The next entry. Raises BrokenBundle where the rules refuse it, and no gap is before it."""
        if call is None:
            self._gap = True
            self._findings.add(found("REPLAY", "GAP", value=place, actual=entry.hash))
            return
        rewound = _rewound(call)
        elsewhere = rewound is not None and not self._scope.has_job(rewound)
        try:
            if not elsewhere:  # the conviction of a job outside of the scope is in no bundle
                _STEPS[call.function](self.ledger, call)
        except Impossible as error:
            if not self._gap:
                raise BrokenBundle("REFUSED", place) from error
            self._findings.add(found("REPLAY", "UNREPLAYED", value=place, who=[call.signer]))
            return
        self.taken += 1
        if call.function == "refute" or (rewound is not None and not elsewhere):
            at_word = call.function if rewound is None else members.REWIND
            self._findings.add(found("REPLAY", "UNCOUNTED", value=place, actual=at_word))


def _rewound(call: BundledCall) -> int | None:
    """The job that a call rewinds, if it does."""
    if call.function != "execute" or call.arguments[2] != members.REWIND:
        return None
    return int.from_bytes(call.arguments[3][:32])
