"""What the page that verifies in the browser is told of a round."""

from web.documents.verify import VerifyAttempt, VerifyBase, VerifyPage, VerifyRound, VerifyUpdate
from web.examples.consortium import BASE, CHAIN, CID, LEDGER, NORTH, ROOT, SOUTH

VERIFY = VerifyPage(
    chain=CHAIN,
    ledger=LEDGER,
    choices=("1/1",),
    chosen="1/1",
    facts=VerifyRound(
        job=1,
        round=1,
        document=CID,
        base=VerifyBase(round=0, root=BASE, cid="", base="", who=NORTH.key),
        updates=(VerifyUpdate(index=0, party=NORTH.key, weight=120, root=BASE, cid=ROOT),),
        attempts=(
            VerifyAttempt(
                attempt=1,
                verdicts="00",
                root=ROOT,
                cid=BASE,
                carried="00" * 32,
                who=(NORTH.key, SOUTH.key),
                failed=False,
            ),
        ),
    ),
    verifier="5b" * 32,
    controls=f"/verify/{'5b' * 8}/page/controls.js",
    worker=f"/verify/{'5b' * 8}/worker.js",
)
