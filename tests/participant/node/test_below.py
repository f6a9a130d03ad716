"""Several rounds at an edge for one above: a job of its own, from the round's base to the update, on real chains."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.consortia.aggregators import service
from support.consortia.synthetic import Trial
from support.consortia.trainers import data_of, drive, node, train_on, trainers_of

from ledger.errors import Malformed, UsageError
from ledger.formats.cid import of_file
from ledger.history.state import Phase
from ledger.party.auditing import AuditRequest, inspect
from ledger.rounds.admission import Verdict
from ledger.rounds.facts import base_of
from participant.integers.artifacts import stream_of_body
from participant.integers.fixed_point import Stream
from participant.jobs.creation import create
from participant.jobs.draft import read
from participant.measuring.evaluation import read as read_model
from participant.node.submit import JobBelow, submitted
from participant.tasks.data.files import DataFiles

pytestmark = pytest.mark.node
EDGE, BELOW = 2, 2
"""The member above that has a consortium of its own, and that one's rounds."""


@pytest.fixture
def above(found: Callable[..., Any]) -> Iterator[Trial]:
    with Trial(found(3), propose=False) as trial:
        yield train_on(trial)


@pytest.fixture
def under(found: Callable[..., Any]) -> Iterator[Trial]:
    with Trial(found(3), propose=False) as trial:
        yield trial


def begun(above: Trial, under: Trial, number: int = 1, **changes: Any) -> Trial:
    """A job of the edge's consortium that starts from the base of a round above, as its operator makes it."""
    party, file = above.parties[EDGE], under.parties[0].member.home.folder / "base.safetensors"
    party.connection.refresh()
    base = base_of(party.connection.history.jobs[above.number], above.job, number)
    file.write_bytes(b"".join(bytes(piece) for piece in party.connection.fetch(base.cid, 0, None)))
    train_on(under, rounds=BELOW, propose=False, **changes)
    draft = under.parties[0].member.home.folder / "draft.toml"
    draft.write_text(f'start = "{file.name}"\n' + draft.read_text())
    under.job = create(read(draft), under.parties[0].connection.put)
    assert under.job.initial_root == base.root
    under.layout = under.job.layout
    under.propose()
    return under


def finished(trial: Trial) -> None:
    """All rounds of a job whose members train."""
    nodes = [node(party, scores=False) for party in trial.parties]
    trial.parties[0].sender.send("ledger", "openRound", trial.number)
    for _ in range(3 * BELOW):
        if complete(trial):
            return
        if trial.round.phase is Phase.COLLECTING and len(trial.round.commitments) == len(nodes):
            trial.open_updates()
        drive(service(trial.parties[0]), *nodes)
    raise AssertionError(f"the job went no further than round {trial.round.number}: {trial.round.phase}")


def complete(trial: Trial) -> bool:
    return trial.parties[0].connection.refresh().jobs[trial.number].complete


def submit_from(above: Trial, under: Trial, job: int | None = None) -> dict[str, object]:
    party, home = above.parties[EDGE], above.parties[EDGE].member.home
    files = DataFiles.at(home.folder / "no-such-file.csv")
    source = JobBelow(under.parties[0].member.home.folder, job)
    return submitted(home, above.number, files, party.member.signer, trainers_of(party), source)


def model(trial: Trial, number: int) -> Stream:
    """The model that a round builds on."""
    connection = trial.parties[0].connection
    state = connection.refresh().jobs[trial.number]
    return read_model(connection, state, trial.job, base_of(state, trial.job, number))


def test_two_rounds_at_an_edge_are_one_update_above(above: Trial, under: Trial) -> None:
    finished(begun(above, under))
    others = [node(party, scores=False) for party in above.parties if party.index != EDGE]
    above.parties[0].sender.send("ledger", "openRound", above.number)
    submit_from(above, under)
    nodes = [*others, node(above.parties[EDGE], scores=False)]
    drive(*nodes)
    above.open_updates()
    drive(*nodes)
    drive(service(above.parties[0]), *nodes)
    round_ = above.parties[0].connection.refresh().jobs[above.number].rounds[1]
    assert round_.phase is Phase.FINALISED
    assert round_.final is not None and set(round_.final.verdicts) == {Verdict.ADMITTED}
    update = round_.updates[EDGE]
    assert update.weight == sum(one.weight for one in under.round.updates.values())
    connection, size = above.parties[0].connection, above.job.update_size
    file = b"".join(bytes(piece) for piece in connection.fetch(of_file(update.cid, size), 0, None))
    values = stream_of_body(above.layout, [file[above.layout.header_size :]])
    assert np.array_equal(values, model(under, BELOW + 1) - model(above, 1)), "two ledgers have the difference"
    with above.parties[1].connection as auditor:
        auditor.refresh()
        assert inspect(auditor, AuditRequest(source=False)).right.answer == "yes"


def test_what_does_not_fit_is_not_committed_to(above: Trial, under: Trial) -> None:
    begun(above, under)
    above.parties[0].sender.send("ledger", "openRound", above.number)
    with pytest.raises(UsageError, match="the job below goes on"):
        submit_from(above, under)
    finished(under)
    with pytest.raises(UsageError, match="job"):
        submit_from(above, under, job=7)
    assert above.round.commitments == {}
    submit_from(above, under)
    assert set(above.round.commitments) == {EDGE}
    with pytest.raises(UsageError, match="nothing to commit to"):
        submit_from(above, under)


def test_a_job_from_another_model_is_refused(above: Trial, under: Trial) -> None:
    """Trained from the first round's base, it is no update of the second's."""
    finished(begun(above, under))
    others = [node(party, scores=False) for party in above.parties if party.index != EDGE]
    above.parties[0].sender.send("ledger", "openRound", above.number)
    drive(*others)
    above.open_updates()
    drive(*others)
    drive(service(above.parties[0]), *others)
    assert (above.round.number, above.round.phase) == (2, Phase.COLLECTING)
    with pytest.raises(UsageError, match="began from another model than the round's base"):
        submit_from(above, under)


def test_an_update_that_would_be_refused_is_not_committed_to(found: Any, under: Trial) -> None:
    with Trial(found(3), propose=False) as trial:
        train_on(trial, norm=0.01)
        finished(begun(trial, under))
        trial.parties[0].sender.send("ledger", "openRound", trial.number)
        with pytest.raises(UsageError, match="this update would be refused"):
            submit_from(trial, under)
        assert trial.round.commitments == {}


@pytest.mark.parametrize("damage", ["absent", "short", "long", "update", "other tensors", "no header"])
def test_a_file_that_is_no_model_to_start_from(above: Trial, tmp_path: Path, damage: str) -> None:
    from ledger.formats.header import Binding

    home, layout = above.parties[0].member.home.folder, above.layout
    good = b"".join(bytes(piece) for piece in above.parties[0].connection.fetch(above.job.initial_cid, 0, None))
    update = Binding(
        kind="update", chain=1, contract="0x" + "1" * 40, job=1, round=1, party="0x" + "1" * 40, base=bytes(32)
    ).on(1, bytes(32))
    files = {
        "short": good[:-1],
        "long": good + b"\0",
        "update": layout.header(update) + good[layout.header_size :],
        "other tensors": good.replace(b'"shape":[4]', b'"shape":[2]', 1),
        "no header": bytes(len(good)),
    }
    (draft := tmp_path / "draft.toml").write_text('start = "start.safetensors"\n' + (home / "draft.toml").read_text())
    if damage != "absent":
        (tmp_path / "start.safetensors").write_bytes(files[damage])
    with pytest.raises((Malformed, UsageError)):
        create(read(draft), above.parties[0].connection.put)
    (tmp_path / "start.safetensors").write_bytes(good)
    assert create(read(draft), above.parties[0].connection.put).initial_root == above.job.initial_root


@pytest.mark.parametrize("server, named", [('[server]\noptimiser = "dyn"\n', "dyn")])
def test_a_job_that_needs_more_than_a_difference(found: Any, under: Trial, server: str, named: str) -> None:
    with Trial(found(3), propose=False) as trial:
        train_on(trial, server=server)
        finished(begun(trial, under))
        trial.parties[0].sender.send("ledger", "openRound", trial.number)
        with pytest.raises(UsageError, match=f"this job has {named}"):
            submit_from(trial, under)


def test_options_that_do_not_go_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from ledger.cli.main import main

    for wrong in (["--from-job", "1"], ["--from-home", str(tmp_path), "--dry-run"]):
        with pytest.raises(SystemExit) as end:
            main(["node", "submit", *wrong, "--home", str(tmp_path)])
        assert end.value.code == 2
    assert "--from-home" in capsys.readouterr().err


def test_data_are_not_needed(above: Trial) -> None:
    """A member that stands for its own consortium has no rows."""
    assert not (above.parties[EDGE].member.home.folder / "no-such-file.csv").exists()
    assert data_of(above.parties[EDGE]).exists(), "and those that others have are there"
