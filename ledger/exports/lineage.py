"""The lineage of a released model as PROV-JSON (W3C PROV-DM): models, rounds, updates, and whose they are."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from ledger.exports.facts import ExportFacts
from ledger.formats.digest import encode
from ledger.rounds.admission import Verdict
from ledger.rounds.trace import ModelTrace

PREFIX = "fl"
_TERMS = "terms"


class _Document:
    """PROV-JSON under construction: records by kind and name; relations get names in their order."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)

    def add(self, kind: str, name: str, label: str, **said: str) -> str:
        """Describe a thing once; its name. Attributes are PROV's label and terms of ours, all text."""
        named = f"{PREFIX}:{name}"
        terms = {f"{_TERMS}:{term}": value for term, value in said.items() if value}
        self.records[kind].setdefault(named, {"prov:label": label, **terms})
        return named

    def relate(self, kind: str, /, **ends: str) -> None:
        """A relation between things, by the names that PROV has for its ends."""
        given = {f"prov:{end}": value for end, value in ends.items()}
        self.records[kind][f"_:{kind}{len(self.records[kind]) + 1}"] = given


def lineage(facts: ExportFacts) -> bytes:
    """The document, canonical. Every number is text."""
    made, release = _Document(), facts.card.file.release
    for newer, older in zip(facts.lineage, facts.lineage[1:], strict=False):
        _round(made, newer, older)
    first = facts.lineage[-1]
    made.add("entity", f"model-{first.round}", "initial model", root=first.root, cid=first.cid)
    named = {"release": release.id.hex(), "sha256": facts.files[facts.card.file.file_name]}
    released = made.add("entity", "released", facts.title, **named)
    model = f"{PREFIX}:model-{release.round}"
    made.relate("wasDerivedFrom", generatedEntity=released, usedEntity=model)
    for party, key in facts.attesters:
        agent = _party(made, party, key)
        made.relate("wasInfluencedBy", influencee=model, influencer=agent)
    prefix = {PREFIX: f"{facts.name_of_place}:job-{release.job}:", _TERMS: f"{facts.name_of_place}:"}
    return encode({"prefix": prefix, **made.records}) + b"\n"


def _round(made: _Document, model: ModelTrace, base: ModelTrace) -> None:
    """A round: what it used, what it made, and whose work that is."""
    number = model.round
    said = {"attempt": str(model.attempt), "asOf": str(model.as_of)}
    activity = made.add("activity", f"round-{number}", f"round {number}", **said)
    entity = made.add("entity", f"model-{number}", f"model of round {number}", root=model.root, cid=model.cid)
    before = f"{PREFIX}:model-{base.round}"
    made.relate("wasGeneratedBy", entity=entity, activity=activity)
    made.relate("wasDerivedFrom", generatedEntity=entity, usedEntity=before, activity=activity)
    made.relate("used", activity=activity, entity=before)
    aggregator = _party(made, model.aggregator, model.key)
    made.relate("wasAssociatedWith", activity=activity, agent=aggregator)
    made.relate("wasAttributedTo", entity=entity, agent=aggregator)
    for one in model.updates:
        name, label = f"update-{number}-{one.key}", f"update of {one.party} in round {number}"
        said = {"root": one.root, "cid": one.cid, "weight": str(one.weight), "verdict": one.verdict}
        update = made.add("entity", name, label, **said)
        made.relate("wasAttributedTo", entity=update, agent=_party(made, one.party, one.key))
        if one.verdict == Verdict.ADMITTED.meaning:
            made.relate("used", activity=activity, entity=update)


def _party(made: _Document, party: str, key: str) -> str:
    return made.add("agent", f"party-{key}", party, key=key)
