"""`release fetch` and `verify`: what is written is checked first, the same for everyone, and compared byte by byte."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import ModelCard
from msgspec.structs import replace
from safetensors.numpy import load_file
from support.consortia.voters import Council, refused, run, said

from demo.damage import damage
from ledger.config import Home, save
from ledger.errors import Malformed, Refuted, Unavailable, UsageError
from ledger.formats.cid import of_file
from ledger.history.names import NotReleased, RevokedRelease
from ledger.releases.report import join, parse


@pytest.fixture(scope="module")
def released(members: Council, tmp_path_factory: pytest.TempPathFactory) -> Council:
    """`cardio` 1.0 is released, with a report of two members."""
    report = tmp_path_factory.mktemp("report") / "report.json"
    report.write_bytes(members.report(0, 1).encode())
    members.release("cardio", "1.0", 2, "--report", report, "--license", "mit")
    return members


@pytest.fixture
def visitor(members: Council, tmp_path: Path) -> tuple[str, ...]:
    """Anyone with the network file, and a cache of its own."""
    return ("--network", str(members.local.network_file), "--home", str(tmp_path / "visitor"))


def fetched(where: tuple[str, ...], folder: Path, wanted: str = "cardio") -> dict[str, bytes]:
    run("release", "fetch", wanted, "--output", folder, *where)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_files_are_read_by_the_tools_they_are_for(
    released: Council, visitor: tuple[str, ...], tmp_path: Path
) -> None:
    facts = said("release", "fetch", "cardio", "--output", tmp_path / "out", *visitor, "--json")
    assert [Path(name).name for name in facts["files"]] == ["model.safetensors", "README.md", "job.json"]
    tensors = load_file(tmp_path / "out" / "model.safetensors")
    final = released.trial.state.rounds[2].final
    store = released.trial.parties[0].connection
    stored = b"".join(map(bytes, store.fetch(of_file(final.cid, released.trial.layout.size))))
    integers = np.frombuffer(stored, "<i4", offset=released.trial.layout.header_size)
    whole = np.concatenate([tensors[name].ravel() for name in ("layer.bias", "layer.weight")])
    assert np.array_equal(whole, (integers / 2.0**24).astype(np.float32))
    card = ModelCard.load(tmp_path / "out" / "README.md")
    assert card.data.license == "mit"
    assert {(one.dataset_name, one.metric_type) for one in card.data.eval_results or []} == {
        ("North, own file", "accuracy"),
        ("North, own file", "loss"),
        ("South, own file", "accuracy"),
        ("South, own file", "loss"),
    }
    for word in (
        "North",
        "3 for, 0 against",
        "| 1 | 4 of 4 | 3 of 4 | 0.100000 |",
        "| 2 | 4 of 4 | 3 of 4 | 0.900000 | 0.250000 |",
        facts["root"],
    ):
        assert word in card.text


def test_the_files_are_the_same_for_everyone(released: Council, visitor: tuple[str, ...], tmp_path: Path) -> None:
    made = [fetched(where, tmp_path / str(n)) for n, where in enumerate((visitor, released.home(0), released.home(3)))]
    assert made[0] == made[1] == made[2]
    assert made[0].keys() == {"model.safetensors", "README.md", "job.json"}
    again = fetched(visitor, tmp_path / "0", "cardio@1.0")
    assert again == made[0]


def test_what_is_attested_later_changes_no_file(released: Council, visitor: tuple[str, ...], tmp_path: Path) -> None:
    before = fetched(visitor, tmp_path / "out")
    released.trial.parties[3].attest()
    assert released.trial.state.rounds[2].final.agreeing == 4
    assert fetched(visitor, tmp_path / "again") == before
    run("release", "verify", tmp_path / "out", *visitor)


def test_without_an_output_the_folder_has_the_releases_name(
    released: Council, visitor: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "cardio-1.0/README.md" in run("release", "fetch", "cardio", *visitor).stdout
    assert "byte for byte" in run("release", "verify", "cardio-1.0", *visitor).stdout
    assert "byte for byte" in run("release", "verify", "cardio@1.0", *visitor).stdout
    file = tmp_path / "cardio-1.0" / "model.safetensors"
    model = file.read_bytes()
    for byte in (3, 40, 200):
        file.write_bytes(model[:byte] + bytes([model[byte] ^ 1]) + model[byte + 1 :])
        assert refused(Refuted, "release", "verify", "cardio", "1.0", *visitor).facts["byte"] == byte
    (tmp_path / "cardio-1.0").rename("cardio-9.9")
    run("release", "verify", "cardio@9.9", *visitor, fails=UsageError)


def test_a_changed_byte_is_found_and_named(released: Council, visitor: tuple[str, ...], tmp_path: Path) -> None:
    folder = tmp_path / "out"
    files = fetched(visitor, folder)
    verify = ("release", "verify", folder, *visitor)
    assert said(*verify, "--json")["verified"] is True
    model = files["model.safetensors"]
    header = 8 + int.from_bytes(model[:8], "little")
    for place, where in ((header + 4 * 12, "value 2 of tensor 'layer.weight'"), (len(model) - 1, "value 599")):
        (folder / "model.safetensors").write_bytes(model[:place] + bytes([model[place] ^ 1]) + model[place + 1 :])
        error = refused(Refuted, *verify)
        assert error.facts["byte"] == place
        assert where in str(error.facts["where"])
    for changed in (model[:-1], model + b"\0", model[:header]):
        (folder / "model.safetensors").write_bytes(changed)
        refused(Refuted, *verify)
    (folder / "model.safetensors").write_bytes(model)
    for text in (files["README.md"].replace(b"mit", b"mix"), files["README.md"][:-1], files["README.md"] + b"!"):
        (folder / "README.md").write_bytes(text)
        assert "README.md" in refused(Refuted, *verify).message
    (folder / "README.md").unlink()
    run(*verify, fails=UsageError)


def test_a_file_that_is_no_release_of_this_network(released: Council, visitor: tuple[str, ...], tmp_path: Path) -> None:
    folder = tmp_path / "out"
    model = fetched(visitor, folder)["model.safetensors"]
    length = int.from_bytes(model[:8], "little")
    verify = ("release", "verify", folder, *visitor)

    def with_metadata(**changes: str) -> bytes:
        document = json.loads(model[8 : 8 + length])
        document["__metadata__"] |= changes
        text = json.dumps(document, separators=(",", ":")).encode()
        return len(text).to_bytes(8, "little") + text + model[8 + length :]

    for changes in ({"chain": "1"}, {"ledger": "0x" + "11" * 20}, {"fedledger": "release/2"}, {"releases": ""}):
        (folder / "model.safetensors").write_bytes(with_metadata(**changes))
        refused(UsageError, *verify)
    (folder / "model.safetensors").write_bytes(with_metadata(root="ab" * 32))
    assert refused(Refuted, *verify).facts["where"] == "the header"
    for junk in (
        b"",
        b"\xff" * 100,
        b"\2\0\0\0\0\0\0\0[]",
        b"\2\0\0\0\0\0\0\0{}",
        (9).to_bytes(8, "little") + b"[" * 9,
    ):
        (folder / "model.safetensors").write_bytes(junk)
        run(*verify, fails=Malformed)
    (folder / "model.safetensors").unlink()
    run(*verify, fails=UsageError)


def test_what_is_not_released_or_revoked_is_not_written(
    released: Council, visitor: tuple[str, ...], tmp_path: Path
) -> None:
    number = released.propose(1, "pending", "1")
    for wanted in ("pending", "pending@1"):
        error = refused(NotReleased, "release", "fetch", wanted, "--output", tmp_path / "out", *visitor)
        assert error.facts["proposal"] == number
    released.release("gone", "1", 1)
    files = fetched(visitor, tmp_path / "gone", "gone")
    assert files
    revoked = said("release", "revoke", "gone@1", "--reason", "unsafe", *released.key(0), "--json")["proposal"]
    released.decide(revoked)
    error = refused(RevokedRelease, "release", "fetch", "gone@1", "--output", tmp_path / "out", *visitor)
    assert error.facts["reason"] == "unsafe"
    refused(RevokedRelease, "release", "verify", tmp_path / "gone", *visitor)
    assert not (tmp_path / "out").exists()


def test_a_contract_that_contradicts_the_log_is_not_believed(
    released: Council, visitor: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ledger.chain.client import Client

    honest = Client.view

    def lying(change: Any) -> Any:
        def view(self: Client, contract: Any, function: str, *arguments: Any) -> list[Any]:
            answer = honest(self, contract, function, *arguments)
            return change(answer) if function == "releaseOf" else answer

        return view

    for change in (lambda a: [[*a[0][:-1], b"x" * 32], a[1]], lambda a: [a[0], True]):
        monkeypatch.setattr(Client, "view", lying(change))
        run("release", "fetch", "cardio", "--output", tmp_path / "out", *visitor, fails=Refuted)
    monkeypatch.setattr(Client, "view", honest)
    monkeypatch.setattr(Client, "model", lambda *_: b"y" * 32)
    run("release", "fetch", "cardio", "--output", tmp_path / "out", *visitor, fails=Refuted)
    assert not (tmp_path / "out").exists()


def test_where_no_good_copy_is_left_nothing_is_written(released: Council, tmp_path: Path) -> None:
    """The holder's own copy is damaged, and no other holder serves one."""
    home = released.members[0].home
    final = released.trial.state.rounds[1].final
    cid = of_file(final.cid, released.trial.layout.size)
    released.release("damaged", "1", 1)
    alone = Home(tmp_path / "alone")
    alone.folder.mkdir()
    save(alone.network_file, replace(released.network, gateways=()))
    folder = tmp_path / "out"
    for party in released.trial.parties:
        party.serving.close()
    try:
        error = run(
            "release", "fetch", "damaged", "--output", folder, "--home", alone.folder, fails=Unavailable
        ).exception
        assert "at no holder that can be reached" in str(error)
        damage(home.store, cid, released.trial.layout.header_size + 8)
        run("release", "fetch", "damaged", "--output", folder, *released.home(0), fails=Unavailable)
    finally:
        for party in released.trial.parties:
            party.serving.check()
    assert not list(folder.glob("*"))


def test_reports_of_several_parties_are_joined(members: Council, tmp_path: Path) -> None:
    files = []
    for index in (2, 0, 1):
        files.append(tmp_path / f"{index}.json")
        files[-1].write_bytes(members.report(index).encode())
    output = tmp_path / "joined.json"
    facts = said("release", "report", *files, "--output", output, "--json")
    joined = parse(output.read_bytes())
    assert facts["parties"] == [party.party for party in joined.parties] == ["East", "North", "South"]
    assert facts["digest"] == joined.digest.hex()
    assert joined == join([members.report(index) for index in (0, 1, 2)])
    run("release", "report", files[0], files[0], "--output", output, fails=UsageError)
    files[0].write_bytes(members.report(2, round_=1).encode())
    run("release", "report", *files, "--output", output, fails=UsageError)
    files[0].write_bytes(b"{}")
    run("release", "report", *files, "--output", output, fails=Malformed)
    run("release", "report", tmp_path / "nowhere", "--output", output, fails=UsageError)
    run("release", "report", files[1], fails=2)
    assert parse(output.read_bytes()) == joined
