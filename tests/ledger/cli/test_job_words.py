"""A job is shown as its draft spells it."""

import json
import tomllib
from typing import Any

import msgspec
import pytest
from support.consortia.synthetic import Trial

from ledger.cli.job import _real, as_drafted
from ledger.cli.main import main
from ledger.jobs.document import Job

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
        assert _real(trial.job, 2 << bits) == f"2 ({2 << bits:,} / 2^{bits})"
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
