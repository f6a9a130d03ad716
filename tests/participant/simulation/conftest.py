"""A small job's draft, and rows for it."""

from pathlib import Path

import pytest
from support.simulated import write_draft, write_rows


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    return write_draft(tmp_path / "job.toml")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "rows.csv", 120)
