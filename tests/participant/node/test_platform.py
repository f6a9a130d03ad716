"""A node whose home names a platform document: each of its updates is bound to it, and everyone can have it."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ledger.config import save
from ledger.errors import UsageError
from ledger.formats.cid import CHUNK, RAW, Cid
from participant.node.platform import platform_document


@pytest.mark.parametrize(
    ("content", "said"), [(None, "cannot be read"), (b"", "empty"), (b"x" * (CHUNK + 1), "too large")]
)
def test_a_document_that_cannot_be_read_is_said(content: bytes | None, said: str, tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text('platform = "document"\n')
    if content is not None:
        (tmp_path / "document").write_bytes(content)
    with pytest.raises(UsageError, match=said) as caught:
        platform_document(tmp_path)
    assert "node.toml" in caught.value.advice


def test_a_link_is_not_followed_and_a_home_without_one_has_none(tmp_path: Path) -> None:
    assert platform_document(tmp_path) == b""
    (tmp_path / "node.toml").write_text('platform = "document"\n')
    (tmp_path / "real").write_bytes(b"what the hardware says")
    (tmp_path / "document").symlink_to(tmp_path / "real")
    with pytest.raises(UsageError, match="link"):
        platform_document(tmp_path)
    (tmp_path / "node.toml").write_text('platform = "real"\n')
    assert platform_document(tmp_path) == b"what the hardware says"


@pytest.fixture
def trial(found: Callable[..., Any]) -> Iterator[Any]:
    pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')
    from support.consortia.synthetic import Trial
    from support.consortia.trainers import train_on

    with Trial(found(3), propose=False) as made:
        yield train_on(made, rounds=1, least=3)


@pytest.mark.node
def test_each_update_is_bound_to_the_document_and_others_can_have_it(trial: Any) -> None:
    from support.consortia.aggregators import service
    from support.consortia.trainers import drive, node
    from support.consortia.voters import said

    home = trial.parties[1].member.home
    (home.folder / "quote").write_bytes(b"what the hardware says")
    save(home.settings_file, replace(home.settings(), platform="quote"))
    nodes = [node(party, scores=False) for party in trial.parties]
    drive(*nodes)
    trial.parties[0].sender.send("ledger", "openRound", trial.number)
    drive(*nodes)
    trial.open_updates()
    drive(*nodes)
    drive(service(trial.parties[0]), *nodes)
    assert trial.round.final is not None
    digest = sha256(b"what the hardware says").digest()
    fetched = trial.parties[0].connection.fetch(Cid(RAW, digest), 0, None)
    assert b"".join(bytes(piece) for piece in fetched) == b"what the hardware says"
    auditor = ("--home", trial.parties[0].member.home.folder, "--json")
    lineage = said("trace", "--platforms", *auditor)
    named = {one["key"]: one.get("platform", "") for one in lineage["models"][0]["updates"]}
    assert named[trial.parties[1].member.address] == digest.hex()
    assert sorted(named.values())[:2] == ["", ""]
    report = said("audit", "--no-source", *auditor)
    assert [(one["sha256"], one["sort"]) for one in report["platforms"]] == [(digest.hex(), "opaque")]
    assert report["right"]["answer"] == "yes"
