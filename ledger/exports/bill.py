"""The bill of materials of a released model: CycloneDX 1.6 (ECMA-424), an ML-BOM.

Private data stand in it as who has them and how many samples, by that party's word: no contents and no address.
"""

from collections.abc import Iterator
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from ledger.exports.facts import RELEASED, ExportFacts
from ledger.formats.digest import encode
from ledger.formats.text import plural
from ledger.releases.card import TASKS
from ledger.releases.report import ROWS
from ledger.rounds.admission import Verdict
from ledger.rounds.trace import ModelTrace

MODEL = "model"
PRIVATE = "private"


def bill(facts: ExportFacts) -> bytes:
    """The document, canonical. Its serial number follows from the release, its time is that of the release's block."""
    identity = f"{facts.name_of_place}:release:{facts.card.file.release.id.hex()}"
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, identity)}",
        "version": 1,
        "metadata": {
            "timestamp": facts.when,
            "tools": {"components": [{"type": "application", "name": "fedledger"}]},
            "manufacturer": {"name": facts.card.network},
            "component": _released(facts),
        },
        "components": [_file(name, digest) for name, digest in facts.files.items()],
        "declarations": _declarations(facts),
    }
    return encode(document) + b"\n"


def _released(facts: ExportFacts) -> dict[str, Any]:
    release, model = facts.card.file.release, facts.lineage[0]
    made: dict[str, Any] = {
        "type": "machine-learning-model",
        "bom-ref": MODEL,
        "name": release.name,
        "version": release.version,
        "description": f"Trained together on data that stayed with their owners; job {release.job}: {facts.job.name}",
        "hashes": [_hash(facts.files[facts.card.file.file_name])],
        "properties": _properties(facts, model),
        "modelCard": _card(facts),
        "pedigree": _pedigree(facts),
    }
    if licence := _licence(facts):
        made["licenses"] = [{"license": {"name": licence}}]
    return made


def _licence(facts: ExportFacts) -> str:
    use, report = facts.job.permitted_use, facts.card.report
    return (report.license if report else "") or (use.licence if use else "")


def _properties(facts: ExportFacts, model: ModelTrace) -> list[dict[str, str]]:
    release = facts.card.file.release
    named = {
        "chain": str(facts.place.chain),
        "ledger": facts.place.contract,
        "release": release.id.hex(),
        "job": str(release.job),
        "round": str(release.round),
        "claim": facts.final.claim.hex(),
        "root": model.root,
        "cid": model.cid,
    }
    return [{"name": f"fedledger:{name}", "value": value} for name, value in named.items()]


def _card(facts: ExportFacts) -> dict[str, Any]:
    task, report = facts.job.task, facts.card.report
    parameters = {"task": TASKS.get(task.name, task.name), "datasets": list(_data_sets(facts))}
    made: dict[str, Any] = {"modelParameters": parameters}
    if report is not None:
        made["quantitativeAnalysis"] = {
            "performanceMetrics": [
                {"type": name, "value": value, "slice": f"{party.party}, {ROWS[party.rows]}, {party.samples} samples"}
                for party in report.parties
                for name, value in sorted(party.metrics.items())
            ]
        }
    if use := facts.job.permitted_use:
        limits = [f"legal basis: {use.legal_basis}", *([f"not after {use.expires}"] if use.expires else [])]
        made["considerations"] = {"useCases": [use.purpose], "technicalLimitations": limits}
    return made


def _data_sets(facts: ExportFacts) -> Iterator[dict[str, Any]]:
    """Each party's rows, by its latest admitted update: how many samples is that party's word."""
    latest = dict[str, tuple[str, int, int]]()
    for model in facts.lineage:
        for one in model.updates:
            if one.verdict == Verdict.ADMITTED.meaning:
                latest.setdefault(one.key, (one.party, one.weight, model.round))
    for key, (party, weight, number) in sorted(latest.items(), key=lambda one: (one[1][0], one[0])):
        yield {
            "type": "dataset",
            "bom-ref": f"data-{key}",
            "name": f"rows of {party}",
            "classification": PRIVATE,
            "description": f"{plural(weight, 'sample')} in round {number}, by the party's word; they never left it",
            "governance": {"owners": [{"organization": {"name": party}}]},
        }


def _pedigree(facts: ExportFacts) -> dict[str, Any]:
    """The models below it, the newest first, down to the initial one."""
    below = [
        {
            "type": "machine-learning-model",
            "bom-ref": f"model-{model.round}",
            "name": f"model of round {model.round}" if model.round else "initial model",
            "version": str(model.round),
            "properties": [
                {"name": "fedledger:root", "value": model.root},
                {"name": "fedledger:cid", "value": model.cid},
            ],
        }
        for model in facts.lineage[1:]
    ]
    return {
        "ancestors": below,
        "notes": "Each model follows, by the rule of its job, from its base and the admitted updates.",
    }


def _file(name: str, digest: str) -> dict[str, Any]:
    return {"type": "file", "bom-ref": f"file-{name}", "name": f"{RELEASED}/{name}", "hashes": [_hash(digest)]}


def _hash(digest: str) -> dict[str, str]:
    return {"alg": "SHA-256", "content": digest}


def _declarations(facts: ExportFacts) -> dict[str, Any]:
    """Who stands by the model's claim, and how anyone can redo it."""
    model, final = facts.lineage[0], facts.final
    parties = [(model.aggregator, final.aggregator), *facts.attesters]
    evidence = [
        {"bom-ref": f"redo-{number}", "description": f"Redone by: {command}"}
        for number, command in enumerate(facts.redo, 1)
    ]
    claim = {
        "bom-ref": "claim",
        "target": MODEL,
        "predicate": f"the model follows, to the byte, from the updates that the claim {final.claim.hex()} names",
        "reasoning": "Each member named signed the same claim on the ledger; anyone can compute it again.",
        "evidence": [one["bom-ref"] for one in evidence],
    }
    assessors = {f"party-{key}": party for party, key in parties}
    return {
        "assessors": [
            {"bom-ref": name, "thirdParty": False, "organization": {"name": party}} for name, party in assessors.items()
        ],
        "attestations": [
            {"summary": f"{party} signed the claim on the ledger", "assessor": name, "map": [{"claims": ["claim"]}]}
            for name, party in assessors.items()
        ],
        "claims": [claim],
        "evidence": evidence,
    }
