"""A job is shown as its draft spells it."""

import json
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.consortia.synthetic import Trial

from ledger.cli.job_facts import as_drafted
from ledger.cli.main import main
from ledger.jobs.document import Job
from ledger.jobs.limits import limit_words

SETTINGS: dict[str, Any] = {
    "classes": ["0", "1"],
    "label": 'a "b" \u00e9',
    "learning_rate": "0.05",
    "momentum": True,
    "rounds": 3,
}


def test_a_setting_is_spelled_as_toml() -> None:
    text = "\n".join(f"{name} = {as_drafted(value)}" for name, value in SETTINGS.items())
    assert tomllib.loads(text) == SETTINGS | {"learning_rate": 0.05}
    assert as_drafted(["0", "1"]) == '["0", "1"]'
    assert as_drafted("0.05") == "0.05"


def test_a_limit_is_real_and_counted(consortium: Any, capfd: pytest.CaptureFixture[str]) -> None:
    with Trial(consortium) as trial:
        bits = max(tensor.fraction_bits for tensor in trial.job.tensors)
        assert limit_words(trial.job, 2 << bits) == f"2 ({2 << bits:,} / 2^{bits})"
        home = str(consortium.members[0].home.folder)
        main(["job", "show", "1", "--home", home])
        said = capfd.readouterr().out
        main(["job", "show", "1", "--home", home, "--json"])
        record, state = json.loads(capfd.readouterr().out), trial.state
        assert msgspec.convert(record["document"], Job) == trial.job
        assert (record["digest"], record["stage"]) == (trial.job.digest.hex(), "open")
        assert (record["block"], record["opened"]["block"], record["closed"]) == (state.block, state.opened_in, None)
        assert record["time"] <= record["opened"]["time"]
    assert "WeightedMean" not in said
    assert f"/ 2^{bits})" in said


def test_a_job_whose_document_nobody_serves_is_shown_as_the_ledger_has_it(
    consortium: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """What cannot be had is said, with the way to it, and the exit code stays that of what could not be looked at."""
    with Trial(consortium) as trial:
        consortium.send(0, "ledger", "openRound", trial.number)
        state, limits = trial.state, trial.job.admission
    network = consortium.members[0].home.network_file
    arguments = ["job", "show", "1", "--network", str(network), "--home", str(tmp_path / "new")]
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    said = " ".join(capfd.readouterr().out.split())
    assert ended.value.code == 3
    for words in (
        state.digest.hex(),
        f"maximum weight {limits.max_weight:,}",
        f"{trial.job.terms.update_seconds} s to commit",
        "weighted_mean",
        "round 1 waits for the updates of",
        "the document of job 1 is at no holder that can be reached",
        "fedledger store export",
    ):
        assert words in said, words
    with pytest.raises(SystemExit):
        main([*arguments, "--json"])
    record = json.loads(capfd.readouterr().out)
    assert (record["document"], record["digest"], record["stage"]) == (None, state.digest.hex(), "open")
    assert "no holder" in record["not_had"]["message"]
    assert len(record["waits"]["for"]) == record["waits"]["needed"] == len(consortium.members)
