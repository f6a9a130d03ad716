"""The contracts' behaviour and gas, in `hardhat/`."""

import pytest


@pytest.mark.timeout(900)
@pytest.mark.usefixtures("built")
def test_hardhat(run, passed):
    report = run("node_modules/.bin/hardhat", "test")
    print(report)  # the gas table: pytest -s
    assert passed(report, r"(\d+) passing") > 0
    assert "pending" not in report
