"""Whatever bundle a test checks is read by the verifier of one file, and by the page's modules, too: the same verdict,
byte for byte.
"""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from support.web.modules import NODE, Ask, answering

from ledger.bundle import verify_bundle
from ledger.bundle.check import BundleCheck, check_bundle
from ledger.bundle.findings import BundleVerdict
from ledger.config import save


@pytest.fixture(scope="session")
def modules() -> Iterator[Ask | None]:
    """The page's modules; None without Node."""
    with answering() if NODE else nullcontext() as ask:
        yield ask


@pytest.fixture(autouse=True)
def three_readers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, modules: Ask | None) -> None:
    if hasattr(request.module, "check_bundle"):
        monkeypatch.setattr(request.module, "check_bundle", _by_all(check_bundle, modules))


def _by_all(check: Callable[..., BundleVerdict], modules: Ask | None) -> Callable[..., BundleVerdict]:
    def read(path: Path, how: BundleCheck | None = None) -> BundleVerdict:
        verdict = check(path, how)
        network, said = None, verdict.encode()
        if how is not None and how.network is not None:
            save(path.with_suffix(".toml"), how.network)
            network = verify_bundle.read_network(str(path.with_suffix(".toml")))
        assert verify_bundle.verify(str(path), network).encode() == said
        if modules is not None and "NETWORK" not in {one.code for one in verdict.findings}:
            assert modules("bundle", str(path)).encode() == said
        return verdict

    return read
