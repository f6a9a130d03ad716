"""The document of the page that verifies in the browser: which rounds there are, and what the ledger says of one."""

from web.documents.common import Document, Page


class VerifyBase(Document, frozen=True):
    """The model that a round builds on: `round` is 0 for the initial one, which the job's document names.

    `root` and `base` are tensor roots, of it and of the model that it was built on; `cid` is the digest in its file's
    CID; `who` is the key that answers for it. `cid` and `base` are empty for the initial model.
    """

    round: int
    root: str
    cid: str
    base: str
    who: str


class VerifyUpdate(Document, frozen=True):
    """An open update; `party` is its key, `cid` the digest in its file's CID."""

    index: int
    party: str
    weight: int
    root: str
    cid: str


class VerifyAttempt(Document, frozen=True):
    """What an attempt claims; zeros where it says that there is no model. `verdicts` has a byte for each update.

    `who` are the keys that signed it: its aggregator, and each that agreed. `failed` says that it does not stand.
    """

    attempt: int
    verdicts: str
    root: str
    cid: str
    carried: str
    who: tuple[str, ...]
    failed: bool


class VerifyRound(Document, frozen=True):
    """All that the ledger says of a round and its outcome hangs on; `document` is the CID of the job's document."""

    job: int
    round: int
    document: str
    base: VerifyBase
    updates: tuple[VerifyUpdate, ...]
    attempts: tuple[VerifyAttempt, ...]


class VerifyPage(Page, frozen=True):
    """`choices` are rounds with an attempt, each as JOB/ROUND, newest first; `facts` are those of the round that was
    asked for (`chosen`), null where none was, or nobody published an aggregate of it.

    `ledger` is RoundLedger's address, `verifier` the SHA-256 of the file /verify.html; `controls` and `worker` are the
    addresses of the page's own script and of the one that computes, under the version of all scripts.
    """

    ledger: str
    choices: tuple[str, ...]
    chosen: str
    facts: VerifyRound | None
    verifier: str
    controls: str
    worker: str
