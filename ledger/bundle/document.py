"""A job's document as a reader of bundles takes it: what it needs of it, and no more (docs/spec/bundle.md, "Jobs").

Not `ledger.jobs.document.parse`, which knows every field of this version: three readers must come to one finding on any
document that a majority approved, and one of them knows nothing else of jobs.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ledger.errors import Malformed
from ledger.events.rounds import ModelTerms, Terms
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.cid import Cid
from ledger.formats.digest import NOTHING
from ledger.formats.grammar import check_json
from ledger.jobs.document import MAX_SIZE, Admission, InitialModel, Job, JobTask
from ledger.jobs.plain import PLAIN
from ledger.jobs.privacy import OPEN
from ledger.jobs.rules import Median, Rule, TrimmedMean, WeightedMean
from ledger.jobs.scores import MAX_WEIGHT, NoScoring
from ledger.jobs.server import NONE

LARGEST = (1 << 63) - 1
_RULES = ("weighted_mean", "median", "trimmed_mean", "multi_krum", "geometric_median", "centred_clipping")
_LEFT_OUT = {"trimmed_mean": "trim", "multi_krum": "f"}
_MEMBER = re.compile("0|[1-9][0-9]{0,2}", re.ASCII)
_ROOT = re.compile("[0-9a-f]{64}", re.ASCII)
_ADMISSION = {"min_updates": 255, "max_weight": MAX_WEIGHT, "max_value": (1 << 31) - 1, "max_norm": LARGEST}
_TERMS = ("rounds", "update_seconds", "open_seconds", "aggregate_seconds", "attest_seconds", "attempts")
_MORE_TERMS = ("score_seconds", "reveal_seconds", "scorers", "buffer")
_PLAIN = {
    "server": {"optimiser": "none"},
    "privacy": {"mode": "none"},
    "schedule": {"mode": "rounds"},
    "compression": None,
    "hierarchy": None,
    "dp": None,
    "analysis": None,
}
"""What a plain job says under these names, in this order; None where it says nothing."""
_BESIDE = ("dp", "analysis")
"""Of these the court judges jobs as well."""


class DocumentReading(NamedTuple):
    """What a document says: `job` where its rounds can be recomputed, else `unsupported` is the place and the name of
    what a plain job would not say. `terms` are in the order of the table in the specification. `by_value` is whether
    the court judges such a job: one that is plain but for noise on updates and analyses (`Job.by_value`).
    """

    terms: tuple[str, ...]
    unsupported: tuple[int, str] | None
    by_value: bool
    job: Job | None


def read_document(data: bytes) -> DocumentReading:
    """Read a job's document. Raises Malformed where it is none that can be read."""
    if len(data) > MAX_SIZE:
        raise Malformed("the document is too large")
    check_json(data, "the document")
    try:
        return _reading(json.loads(data))
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise Malformed(f"the document lacks something, or has it in another form: {error!r}") from error


def terms_said(terms: Terms, model: ModelTerms) -> tuple[str, ...]:
    """What the ledger says, in the same order."""
    limits = (model.min_updates, model.max_weight, model.max_value, model.max_norm)
    numbers = (model.values, model.rule, model.trim, *limits)
    times = (*(getattr(terms, name) for name in (*_TERMS, *_MORE_TERMS)),)
    return (model.initial.hex(), *map(str, (*numbers, *times)))


def _reading(said: Mapping[str, Any]) -> DocumentReading:
    layout = Layout(tuple(_tensors(said["tensors"])))
    initial = said["initial_model"]
    Cid.parse(_text(initial["cid"]))
    if not _ROOT.fullmatch(_text(initial["root"])):
        raise ValueError("a root in another form")
    rule = _RULES.index(_text(said["aggregation"]["rule"]))
    left = _LEFT_OUT.get(_RULES[rule])
    trim = _number(said["aggregation"][left], 1, 255) if left else 0
    admission = said["admission"]
    least, weight, value, norm = (_number(admission[name], 1, most) for name, most in _ADMISSION.items())
    if _RULES[rule] == "trimmed_mean" and 2 * trim >= least:
        raise ValueError("nothing is left of the updates")
    caps = dict(_caps(admission.get("max_weights", {}), weight))
    terms = [_number(said["terms"][name], 0, LARGEST) for name in _TERMS]
    terms += [_number(said["terms"].get(name, 0), 0, LARGEST) for name in _MORE_TERMS]
    for name in ("server", "privacy", "schedule", "scoring"):
        _require_object(said[name])
    listed = (initial["root"], *map(str, (layout.values, rule, trim, least, weight, value, norm, *terms)))
    unlike = list(_unlike(said, rule))
    by_value = all(name in _BESIDE for _, name in unlike)
    if unlike:
        return DocumentReading(listed, unlike[0], by_value, None)
    rules: tuple[Rule, ...] = (WeightedMean(), Median(), TrimmedMean(trim))
    model = InitialModel(initial["cid"], initial["root"], 0)
    job = _job(layout, rules[rule], model, Admission(least, weight, value, norm, caps))
    return DocumentReading(listed, None, by_value, job)


def _job(layout: Layout, rule: Rule, initial: InitialModel, admission: Admission) -> Job:
    """The job that the project's own functions take, with what a plain one needs and nothing else of the document."""
    return Job(
        fedledger="job/2",
        name="job",
        task=JobTask("task", "1", NOTHING.hex(), {}),
        tensors=layout.tensors,
        initial_model=initial,
        aggregation=rule,
        admission=admission,
        terms=Terms(1, 1, 1, 1, 1, 1),
        scoring=NoScoring(),
        hold_out=0,
        privacy=OPEN,
        server=NONE,
        **PLAIN,
    )


def _unlike(said: Mapping[str, Any], rule: int) -> Iterator[tuple[int, str]]:
    """What a plain job would not say, each with its place in the table."""
    if rule > _RULES.index("trimmed_mean"):
        yield 0, "aggregation.rule"
    for place, (name, plain) in enumerate(_PLAIN.items(), 1):
        if (name in said) if plain is None else (said[name] != plain):
            yield place, name
    if "on_norm" in said["admission"]:
        yield len(_PLAIN) + 1, "admission.on_norm"
    if said["scoring"].get("weighting", "none") != "none":
        yield len(_PLAIN) + 2, "scoring.weighting"


def _tensors(rows: Any) -> Iterator[Tensor]:
    if not isinstance(rows, list):
        raise TypeError("tensors are a list")
    for row in rows:
        shape = row["shape"]
        if not isinstance(shape, list):
            raise TypeError("a shape is a list")
        yield Tensor(_text(row["name"]), tuple(_number(n, 1, LARGEST) for n in shape), 0)


def _caps(said: Any, most: int) -> Iterator[tuple[str, int]]:
    _require_object(said)
    for member, cap in said.items():
        if not _MEMBER.fullmatch(member) or int(member) > 254:
            raise ValueError("a cap of no member")
        yield member, _number(cap, 1, most)


def _number(value: Any, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError("a number out of its bounds")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _require_object(value: Any) -> None:
    if not isinstance(value, dict):
        raise TypeError("not an object")
