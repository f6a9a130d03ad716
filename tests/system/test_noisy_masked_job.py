"""Masked jobs with noise, each party a process of its own: their audits verify all, and budgets are spent on chain."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support.consortia.masked_hospitals import masked_hospitals

from demo.parties import PARTIES

pytestmark = pytest.mark.node
ROWS = """
[dp]
level = "example"
clip = 1
sampling = 0.25
steps = 8
epsilon = 8
delta = 1e-5
scope = "patients-2026"
"""
WHOLE = """
[dp]
level = "client"
epsilon = 50
delta = 1e-5
scope = "hospitals-2026"
"""


@pytest.fixture(autouse=True)
def torch() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")


def hiding_rows(draft: str) -> str:
    return re.sub(r"(?m)^(epochs|batch_size) = .*\n", "", draft) + ROWS


def hiding_members(draft: str) -> str:
    draft = re.sub(r"(?m)^max_weight = .*$", "max_weight = 1", draft)
    return re.sub(r"(?m)^max_norm = .*$", "max_norm = 0.5", draft) + 'weights = "equal"\n' + WHOLE


@pytest.mark.parametrize("drafted", [hiding_rows, hiding_members], ids=lambda one: one.__name__)
def test_a_job_with_masks_and_noise_is_verified_and_its_budget_spent(
    tmp_path: Path, drafted: Callable[[str], str]
) -> None:
    with masked_hospitals(tmp_path / "four", 2, drafted) as job:
        job.coordinate()
        job.go_on(lambda: job.finished(2))
        state, history = job.observer.job, job.observer.connection.history
        assert state.spending is not None
        terms, cost = state.spending.terms, state.spending.terms.cost
        members = sorted(state.rounds[1].updates)
        assert len(members) == len(PARTIES) - 1
        for number in (1, 2):
            assert job.said(number).set == frozenset(members)
            assert sorted(state.spending.paid[number]) == members
        client = job.observer.connection.client
        assert {client.spent(terms.scope, member) for member in members} == {2 * cost}
        assert history.scopes.budgets[terms.scope] == terms.budget
        report = job.audit()
        assert (report["right"]["answer"], report["lies"]["answer"]) == ("yes", "none")
        assert not [one for one in report["open"]["list"] if "noise" in one["what"]]
