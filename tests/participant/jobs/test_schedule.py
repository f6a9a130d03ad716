"""A draft's schedule becomes what the job and its terms say."""

from pathlib import Path

import pytest
from support.drafts import DRAFT, Memory

from ledger.errors import Malformed
from ledger.jobs.schedule import ROUNDS, Buffered
from participant.jobs.draft import read
from participant.jobs.schedule import MAX_STALENESS, DraftSchedule, buffer_of, schedule_of


def test_what_is_left_out_is_proposed() -> None:
    said = DraftSchedule(mode="buffered", buffer=5)
    assert schedule_of(said) == Buffered(max_staleness=MAX_STALENESS, staleness="sqrt")
    assert buffer_of(said) == 5
    assert schedule_of(DraftSchedule()) is ROUNDS
    assert buffer_of(DraftSchedule()) == 0


def test_what_is_said_stays() -> None:
    said = DraftSchedule(mode="buffered", buffer=1, max_staleness=0, staleness="none")
    assert schedule_of(said) == Buffered(max_staleness=0, staleness="none")


@pytest.mark.parametrize(
    "said",
    [
        DraftSchedule(mode="buffered"),
        DraftSchedule(buffer=2),
        DraftSchedule(max_staleness=2),
        DraftSchedule(staleness="none"),
    ],
)
def test_a_half_of_it_is_refused(said: DraftSchedule) -> None:
    with pytest.raises(Malformed, match="go together"):
        schedule_of(said)


def test_job_create_shows_when_models_are_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    from participant.cli.job import _facts, _show
    from participant.jobs.creation import create

    path = tmp_path / "draft.toml"
    path.write_text(f'{DRAFT}[schedule]\nmode = "buffered"\nbuffer = 3\n')
    made = create(read(path), Memory().put)
    _show(made, _facts(made, path, ()) | {"warnings": []}, "next")
    shown = " ".join(capsys.readouterr().out.split())
    assert "schedule buffered: a model of the 3 updates that come first" in shown
