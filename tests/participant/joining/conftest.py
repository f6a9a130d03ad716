"""Three clinics before their founding, and after it."""

from pathlib import Path
from typing import Any

import pytest
from support.clinics import Clinics


@pytest.fixture
def clinics(anvil: Any, tmp_path: Path) -> Clinics:
    return Clinics(tmp_path, anvil.url)


@pytest.fixture
def founded(clinics: Clinics) -> Clinics:
    clinics.found()
    return clinics
