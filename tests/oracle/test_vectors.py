"""The oracle comes to every frozen vector, by the specification alone."""

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from support.oracle import Ask, document_of, said, verdict_of

from ledger.formats.artifact import Layout, Tensor
from ledger.formats.digest import sha256
from ledger.formats.header import Binding
from ledger.jobs.document import Admission

FOLDER = Path(__file__).resolve().parents[1] / "vectors"


def read(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def integers(count: int) -> bytes:
    """The stream that the vectors are about: (i · 2654435761 mod 2^32) − 2^31."""
    numbers = np.arange(count, dtype=np.uint64) * 2654435761 % (1 << 32)
    return (numbers.astype(np.int64) - (1 << 31)).astype("<i4").tobytes()


@pytest.mark.parametrize(("kind", "call"), [("names", "name"), ("texts", "text")])
def test_names_and_texts(ask: Ask, kind: str, call: str) -> None:
    for case in read("grammar.json")[kind]:
        assert ask(call, text=case["value"]) is case["accepted"], ascii(case["value"])


def test_names_of_members(ask: Ask) -> None:
    for case in read("grammar.json")["members"]:
        assert ask("member", words=case["words"]) == case["name"], case["words"]


def test_the_shown_signs(ask: Ask) -> None:
    assert ask("shown") == read("grammar.json")["shown"]


def test_documents(ask: Ask) -> None:
    for case in read("grammar.json")["documents"]:
        assert ask("document", data=document_of(case).hex()) is case["accepted"], case["name"]


def test_jobs_are_documents(ask: Ask) -> None:
    for case in read("job.json")["cases"]:
        assert ask("document", data=case["document"].encode().hex()) is True


def test_headers_and_roots(ask: Ask) -> None:
    for case in read("artifact.json")["cases"]:
        header = case["header"].encode("latin-1").ljust(case["header_size"])
        assert bytes.fromhex(ask("header", binding=said(case["binding"]), tensors=case["tensors"])) == header
        assert ask("root", data=integers((case["size"] - len(header)) // 4).hex()) == case["root"]


def test_roots(ask: Ask) -> None:
    for case in read("merkle.json")["cases"]:
        assert ask("root", data=integers(case["values"]).hex()) == case["root"]


def test_verdicts(ask: Ask) -> None:
    whole = read("admission.json")
    tensors = msgspec.convert(whole["tensors"], tuple[Tensor, ...])
    digests = {name: bytes.fromhex(whole["binding"][name]) for name in ("base", "data")}
    binding = Binding(**whole["binding"] | digests)
    limits = msgspec.convert(whole["limits"], Admission)
    for case in whole["cases"]:
        data = case["header"].encode("latin-1").ljust(Layout(tensors).header_size) + bytes.fromhex(case["values"])
        root = bytes.fromhex(case["root"])
        whose = {"root": root, "weight": case["weight"], "member": case["member"]}
        found = verdict_of(ask, tensors, binding, limits, data, **whose)
        assert found == case["verdict"], case["name"]


def test_means(ask: Ask) -> None:
    for case in read("aggregation.json")["cases"]:
        found = ask("weighted_mean", weights=case["weights"], updates=case["updates"])
        assert found == case["results"]["weighted_mean"]


def test_shares_and_what_is_clipped(ask: Ask) -> None:
    whole = read("shares.json")
    for case in whole["cases"]:
        for one in case["rules"]:
            said = {"updates": case["updates"], "centre": case["centre"]}
            assert ask("shares", rule=one["rule"], **said) == one["shares"], (case["name"], one["rule"])
            summed = [*case["updates"], case["centre"]][: len(one["shares"])]
            assert ask("weighted_mean", weights=one["shares"], updates=summed) == one["mean"]
    for case in whole["clipped"]:
        found = ask("clipping", values=case["values"], max_norm=case["max_norm"])
        assert found == {"factor": case["factor"], "clipped": case["clipped"]}


def test_commitments_openings_and_claims(ask: Ask) -> None:
    for case in read("commitments.json")["rounds"]:
        place = {name: case[name] for name in ("chain", "ledger", "job", "round")}
        assert ask("domain", place=place) == case["domain"]
        assert [ask("commitment", place=place, opening=one) for one in case["openings"]] == [
            one["commitment"] for one in case["openings"]
        ]
        assert "".join(ask("opening", opening=one) for one in case["openings"]) == case["packed"]
        said = case["aggregate"]
        assert ask("opened", document=case["document"], calls=case["calls"]) == said["opened"]
        assert ask("claim_of", place=place, aggregate=said) == said["claim"]
        shown = {name: said[name] for name in ("member", "claim", "sums")}
        assert ask("witness", **shown) == said["witness"]


def test_heads(ask: Ask) -> None:
    whole = read("head.json")
    leaves = [ask("founding", said=whole["founding"]), *(ask("leaf", said=event) for event in whole["events"])]
    assert leaves == [whole["founding"]["leaf"], *(event["leaf"] for event in whole["events"])]
    for case in whole["heads"]:
        assert ask("tree_root", leaves=leaves[: case["events"] + 1]) == case["root"]
        assert ask("head", events=case["events"], root=case["root"]) == case["head"]


def test_receipts(ask: Ask) -> None:
    whole = read("haves.json")
    roll = {**whole["place"], **{name: whole[name] for name in ("members", "keys", "opened")}}
    for case in whole["files"]:
        assert ask("receipts", data=case["file"], roll=roll) == case["certified"], case["name"]
    for case in whole["refused"]:
        assert ask("receipts", data=case["file"], roll=roll) is None, case["name"]


def test_haves_and_pushes(ask: Ask) -> None:
    whole = read("haves.json")
    for case in whole["messages"]:
        said = {name: case[name] for name in ("updates", "content", "block")}
        assert ask("have", **whole["place"], **said) == case["digest"]
    assert ask("push", **whole["place"], file=whole["push"]["file"]) == whole["push"]["digest"]


def test_rows(ask: Ask) -> None:
    for case in read("rows.json")["cases"]:
        leaves = [sha256(b"leaf %d" % number).hex() for number in case["leaves"]]
        out = [ask("holds_out", draw=case["draw"], leaf=leaf) for leaf in leaves]
        assert [place for place, is_out in enumerate(out) if is_out] == case["held_out"], case["name"]
        found = ask("rows_root", **case["draw"], round=case["round"], leaves=leaves)
        assert found == {"rows": case["opening"]["trained"], "root": case["root"]}, case["name"]
