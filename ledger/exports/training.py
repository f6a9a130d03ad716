"""The statement `federated-training/v1`: of what, by whom, and under which claim a released model was made."""

from typing import Any

from ledger.errors import Malformed
from ledger.events.signed import SignedExportKey, parse_export_key
from ledger.exports.envelope import statement
from ledger.exports.facts import NAMESPACE, ExportFacts
from ledger.formats.digest import decode

PREDICATE = f"{NAMESPACE}:federated-training/v1"


def training_statement(facts: ExportFacts, key: SignedExportKey) -> bytes:
    """The statement on a release, whose subject are its files. Every number is text."""
    return statement(facts.files, PREDICATE, _predicate(facts, key))


def _predicate(facts: ExportFacts, key: SignedExportKey) -> dict[str, Any]:
    file, final, model = facts.card.file, facts.final, facts.lineage[0]
    said = {
        "network": facts.card.network,
        "chain": str(facts.place.chain),
        "ledger": facts.place.contract,
        "releases": file.board,
        "release": file.release.id.hex(),
        "title": facts.title,
        "recorded": str(facts.time),
        "job": str(file.release.job),
        "jobDigest": file.state.digest.hex(),
        "round": str(file.release.round),
        "attempt": str(final.attempt),
        "claim": final.claim.hex(),
        "base": final.base.hex(),
        "opened": file.state.rounds[file.release.round].opened.hex(),
        "root": final.root.hex(),
        "cid": model.cid,
        "asOf": str(final.as_of),
        "anchor": final.anchor.hex(),
        "head": final.head.hex(),
        "receipts": final.receipts.hex(),
        "carried": final.carried.hex(),
        "verdicts": final.verdicts.hex(),
        "updates": [
            {
                "party": one.party,
                "key": one.key,
                "weight": str(one.weight),
                "root": one.root,
                "cid": one.cid,
                "verdict": one.verdict,
            }
            for one in model.updates
        ],
        "aggregator": {"party": model.aggregator, "key": final.aggregator},
        "attesters": [{"party": party, "key": member} for party, member in facts.attesters],
        "redo": list(facts.redo),
        "key": key.encode().decode(),
    }
    if model.summed:
        said["summed"] = list(model.summed)
    return said | ({"bundle": {"sha256": facts.bundle}} if facts.bundle else {})


def named_in(payload: bytes) -> tuple[str, str, SignedExportKey]:
    """What a statement says before it is believed: NAME@VERSION, its bundle's SHA-256 or nothing, and its key.

    Only the key's own signature is checked. Raises Malformed for anything but a statement of this kind.
    """
    found = decode(payload, dict, "the statement")
    if found.get("predicateType") != PREDICATE or not isinstance(found.get("predicate"), dict):
        actual = str(found.get("predicateType"))[:80]
        raise Malformed("the statement is of another kind", expected=PREDICATE, actual=actual)
    said = found["predicate"]
    title, key, bundle = said.get("title"), said.get("key"), said.get("bundle", {})
    digest = bundle.get("sha256", "") if isinstance(bundle, dict) else None
    if not (isinstance(title, str) and isinstance(key, str) and isinstance(digest, str)):
        raise Malformed("the statement does not say which release it is of, and whose key signed it")
    return title, digest, parse_export_key(key.encode())
