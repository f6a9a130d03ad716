"""A draft's `[compression]`: what may be left out, what no job says, and what `job create` shows of it."""

import json
from pathlib import Path

import msgspec
import pytest
from support.drafts import DRAFT, Memory

from ledger.errors import Malformed
from ledger.jobs.compression import Compression
from participant.jobs.draft import DraftCompression, read

pytestmark = pytest.mark.node


@pytest.mark.parametrize(
    ("draft", "said"),
    [
        (DraftCompression(), Compression(bits=8, error_feedback=False)),
        (DraftCompression(bits=4), Compression(bits=4, error_feedback=True)),
        (DraftCompression(bits=4, error_feedback=False), Compression(bits=4, error_feedback=False)),
        (DraftCompression(error_feedback=True), Compression(bits=8, error_feedback=True)),
    ],
)
def test_error_feedback_goes_with_few_bits(draft: DraftCompression, said: Compression) -> None:
    assert draft.said == said
    assert f"integers of {said.bits} bits" in said.words
    assert ("next update" in said.words) == said.error_feedback


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("bits = 2", "say bits = 8 or bits = 4"),
        ("bits = 16", "say bits = 8 or bits = 4"),
        ("top = 3", "say bits = 8 or bits = 4"),
        ("error_feedback = 1", "say bits = 8 or bits = 4"),
    ],
)
def test_what_no_job_says_is_refused(tmp_path: Path, said: str, advice: str) -> None:
    path = tmp_path / "draft.toml"
    path.write_text(f"{DRAFT}[compression]\n{said}\n")
    with pytest.raises(Malformed) as caught:
        read(path)
    assert advice in caught.value.advice


def test_a_job_has_what_the_draft_says(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from participant.jobs.creation import create

    path = tmp_path / "draft.toml"
    path.write_text(DRAFT)
    plain = create(read(path), Memory().put)
    assert plain.compression is plain.packing is None
    assert b"compression" not in plain.encode()
    path.write_text(f"{DRAFT}[compression]\nbits = 4\n")
    made = create(read(path), Memory().put)
    assert json.loads(made.encode())["compression"] == {"bits": 4, "error_feedback": True}
    assert made.update_size < made.layout.size
    assert plain.model_terms.by_value, "the court reads no packed values"
    assert made.model_terms == msgspec.structs.replace(plain.model_terms, by_value=False)
    assert made.update_kind == "update"


def test_job_create_shows_what_an_update_weighs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    from participant.cli.job import _facts, _show
    from participant.jobs.creation import create

    path = tmp_path / "draft.toml"
    path.write_text(f"{DRAFT}[compression]\nbits = 8\n")
    made = create(read(path), Memory().put)
    facts = _facts(made, path, ()) | {"warnings": []}
    assert facts["compression"] == {"bits": 8, "error_feedback": False}
    assert facts["update_bytes"] == made.update_size
    _show(made, facts, "next")
    shown = " ".join(capsys.readouterr().out.split())
    assert "compressed to integers of 8 bits, and a shift for each tensor; " in shown
    assert "an update instead of" in shown
