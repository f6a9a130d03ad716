"""The clinic's tutorial: its commands, from the page, in a fresh folder with the hospitals' files. Word for word, but
for the two ports that the page names, which may be another's here.
"""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from support.content.ports import free_ports
from support.processes import left
from support.web.browsing import Member
from support.web.server import until

from ledger.chain.rpc import Rpc
from ledger.keys import Signer, unlock

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "tutorials" / "clinic.md"
DATA = ROOT.parent / "shared" / "data" / "heart"
SECONDS = 600
PORTS = NODE, PAGES = "8599", "8098"

pytestmark = [
    pytest.mark.node,
    pytest.mark.long,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not there"),
]


def commands(part: str) -> str:
    """The shell blocks of the page that are marked so, one after another."""
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(rf"<!-- tests run this: {part} -->\n```sh\n(.*?)```", text, re.DOTALL)
    assert blocks, part
    return re.sub("|".join(PORTS), lambda found: str(ports()[found[0]]), "\n".join(blocks))


@cache
def ports() -> dict[str, int]:
    """What the ports of the page are here."""
    return dict(zip(PORTS, free_ports(len(PORTS)), strict=True))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """fedledger's folder as `git clone` and `make setup` leave it, with the files where the page says."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    clone = tmp_path / "fedledger"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    for name in (".venv", "node_modules", "build"):
        if (ROOT / name).exists():
            (clone / name).symlink_to(ROOT / name)
    shutil.copytree(DATA, clone / "heart")
    return clone


def run(script: str, folder: Path, meanwhile: Callable[[], None] = lambda: None) -> str:
    """A script in a shell of its own, and what is done meanwhile; what it printed. Whatever it leaves running is
    ended.
    """
    environment = os.environ | {"HOME": str(folder.parent), "TMPDIR": str(folder.parent)}
    printed = folder.parent / "printed"
    with printed.open("w") as output:  # no pipe: what goes on in the background would keep it open
        command, streams = ["bash", "-euc", script], {"stdout": output, "stderr": subprocess.STDOUT}
        shell = subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True, **streams)
    try:
        meanwhile()
        code = shell.wait(SECONDS)
    except subprocess.TimeoutExpired:
        code = -1
    finally:
        with_what_it_began(shell.pid)
        shell.wait()
    assert code == 0, printed.read_text()[-6000:]
    return printed.read_text()


def with_what_it_began(group: int) -> None:
    """End a shell's process group."""
    try:
        os.killpg(group, signal.SIGTERM)
    except ProcessLookupError:
        return


def test_three_tables_on_this_machine_end_in_predictions(folder: Path) -> None:
    """The sandbox and the predictions: four commands after the installation."""
    original = {path.name: path.read_bytes() for path in DATA.iterdir()}
    printed = run(commands("sandbox"), folder)
    assert "round 3: Finalised, 3 updates" in printed
    assert "right? yes" in printed
    assert {path.name: path.read_bytes() for path in (folder / "heart").iterdir()} == original
    run(commands("predict"), folder)
    with (folder / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len((DATA / "processed.switzerland.data").read_text().splitlines())
    assert {row["class"] for row in rows} <= {"no", "yes"}
    said = json.loads((folder / "predictions.csv.json").read_bytes())
    assert said["format"] == "fedledger/prediction/1"
    assert left(folder) == {}


def test_a_number_is_learnt_and_predicted(folder: Path) -> None:
    """Two parties leave out rows without it first, as the page says."""
    printed = run(commands("number"), folder)
    assert "round 3: Finalised, 3 updates" in printed
    assert re.search(r"nobody trained on: mae 1\d\.", printed), printed[-3000:]
    run(commands("predict").replace("fedledger-sandbox/", "number/"), folder)
    with (folder / "predictions.csv").open(newline="") as file:
        assert all(60 < float(row["thalach"]) < 220 for row in csv.DictReader(file))
    assert left(folder) == {}


def test_three_parties_found_train_and_audit(folder: Path) -> None:
    printed = run(commands("parties"), folder)
    assert "Three clinics: 3 members on chain 31337" in printed
    assert "joined Three clinics as South (member 1)" in printed
    assert re.search(r"Is it right\?\s+yes", printed), printed[-3000:]
    assert left(folder) == {}


READY, VOTED = "ready-to-vote", "voted"


@pytest.mark.browser
def test_three_parties_vote_in_their_browsers_and_predict(folder: Path, browser: Any) -> None:
    """The same three parties, each at its browser with its own key in a wallet; a day later the model is there."""
    printed = run(
        "\n".join([
            commands("parties"), commands("votes"), f"touch {READY}",
            f"until test -e {VOTED}; do sleep 0.5; done", commands("released"),
        ]),
        folder,
        lambda: vote_in_browsers(folder, browser),
    )  # fmt: skip
    assert "heart" in printed
    with (folder / "east.predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len((DATA / "processed.switzerland.data").read_text().splitlines())
    assert left(folder) == {}


def vote_in_browsers(folder: Path, browser: Any) -> None:
    """What the page says: sign in, the desk, the proposal, For; then it is closed, and a day later carried out."""
    until((folder / READY).exists, SECONDS)
    pages = folder / "pages.log"
    url, names = f"http://127.0.0.1:{ports()[PAGES]}", ("north", "south")
    until(lambda: pages.exists() and url in pages.read_text(), SECONDS)
    node = Rpc(f"http://127.0.0.1:{ports()[NODE]}")
    members = [Member(browser, url, signer_of(folder, name), "Test wallet") for name in names]
    for member in members:
        member.open("/").sign_in().page.locator("nav a[href='/desk']").click()
        member.page.locator("a[href='/proposals/1']").first.click()
        member.vote("For")
    last = members[-1]
    last.open("/proposals/1").press("Close the vote")
    node.call("evm_increaseTime", 86_401)
    node.call("evm_mine")
    until(lambda: last.open("/proposals/1").page.get_by_role("button", name="Carry it out").is_visible(), SECONDS)
    last.press("Carry it out")
    assert all(member.complaints == [] for member in members)
    node.close()
    (folder / VOTED).touch()


def signer_of(folder: Path, name: str) -> Signer:
    """The key of a party's home, as a wallet takes it over from its file."""
    return unlock(folder / name / "keystore.json", "correct horse", chain_id=31337)


def test_it_takes_as_few_commands_as_it_says() -> None:
    """At most nine from a clone to predictions, as the page counts them."""
    lines = re.sub(r"\\\n", " ", commands("sandbox") + commands("predict")).strip().splitlines()
    clone_and_setup = 2
    assert len([line for line in lines if line.strip()]) + clone_and_setup == 6
    assert "predictions for a table without a header | 6:" in PAGE.read_text(encoding="utf-8")
