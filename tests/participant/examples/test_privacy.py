"""examples/privacy: the attacks do what they say, on the ledger's own files, and no row stands without its control."""

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.drafts import DRAFT, Memory
from support.examples import importable

from ledger.errors import Malformed
from ledger.store.embedded import Embedded

pytestmark = pytest.mark.node
EXAMPLE = Path(__file__).parents[3] / "examples" / "privacy"


@pytest.fixture(scope="module", autouse=True)
def attacks() -> Iterator[None]:
    """The example's package, importable as long as these tests run."""
    with importable("privacy", "attacks"):
        yield


def of(module: str) -> Any:
    return import_module(f"attacks.{module}")


@pytest.fixture
def digits() -> Any:
    return of("digits").read()


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Any]:
    """A job's files in an empty store, and its model as `files.model`."""
    store = Embedded(tmp_path / "store", create=True)
    model = of("victims").mlp(1)
    made = of("files").JobFiles(store, 1, model, 1)
    made.model = model
    yield made
    store.close()


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, EXAMPLE, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240)


def test_an_open_update_of_one_row_is_that_row(files: Any, digits: Any) -> None:
    row = digits.part([7])
    (cid,) = files.open_round(1, [of("victims").train(files.model, row, 1, 0.1)])
    seen = of("reading").read_file(files.store, cid, files.layout)
    assert seen.kind == "update"
    found = of("inversion").strongest(seen.tensors)
    assert np.abs(found - row.images).max() < 1e-3
    assert of("inversion").label(seen.tensors) == row.labels[0]


def test_a_masked_update_of_the_same_row_is_like_no_image(files: Any, digits: Any) -> None:
    updates = [of("victims").train(files.model, digits.part([at]), 1, 0.1) for at in range(7, 10)]
    cids, _ = files.masked_round(1, updates)
    seen = of("reading").read_file(files.store, cids[0], files.layout)
    assert seen.kind == "masked"
    found = np.clip(of("inversion").strongest(seen.tensors), 0, 1)
    assert of("similarity").ssim(found, digits.images).max() < 0.4


def test_the_public_change_of_a_masked_round_is_the_exact_mean_of_its_updates(files: Any, digits: Any) -> None:
    """What an attacker reads of a sum is what the open round would show: the masks are gone, to the last bit."""
    updates = [of("victims").train(files.model, digits.part([at, at + 1]), 1, 0.1) for at in range(4)]
    _, model = files.masked_round(1, updates)
    seen = of("reading").read_change(files.store, model, files.base, files.layout)
    total = np.sum([update.values.astype(np.int64) for update in updates], 0)
    mean = np.sign(total) * ((2 * np.abs(total) + 4) // 8)
    change = np.concatenate([seen.tensors[tensor.name].ravel() for tensor in files.layout.tensors])
    assert (change * 2**24 == mean).all()


def test_a_file_of_another_model_is_refused(files: Any, digits: Any) -> None:
    victims, read = of("victims"), of("reading").read_file
    (cid,) = files.open_round(1, [victims.train(files.model, digits.part([0]), 1, 0.1)])
    with pytest.raises(Malformed, match="is not a file of this job's model") as caught:
        read(files.store, cid, victims.layout_of(victims.cnn(1)))
    assert caught.value.advice
    head = files.layout.header_size
    text = b"".join(files.fetch(cid, 0, None))
    renamed = files.store.put([text[:head].replace(b'"0.bias"', b'"9.bias"'), text[head:]], "renamed")
    with pytest.raises(Malformed):
        read(files.store, renamed, files.layout)


def test_noise_is_clipped_first_and_as_large_as_it_is_said_to_be() -> None:
    victims, noised = of("victims"), of("noise").noised
    large = victims.Update(np.full(10_000, 1 << 26, np.int32), (b"",))
    clipped = noised(large, 0.0, 1).values
    assert (1 << 24) * 0.999 < np.linalg.norm(clipped.astype(float)) <= 1 << 24
    small = victims.Update(np.full(10_000, 100, np.int32), (b"",))
    assert (noised(small, 0.0, 1).values == small.values).all()
    noise = noised(small, 0.5, 1).values - small.values
    assert abs(noise.std() / (1 << 23) - 1) < 0.03
    assert abs(noise.mean()) < (1 << 23) / 20


def test_an_image_is_like_itself_and_similarity_is_what_its_authors_define(digits: Any) -> None:
    ssim, some = of("similarity").ssim, digits.images[:5]
    found = ssim(some, some)
    assert found.diagonal() == pytest.approx(1)
    assert found == pytest.approx(found.T)

    def windows(image: np.ndarray) -> list[np.ndarray]:
        square = image.reshape(8, 8)
        return [square[row : row + 7, column : column + 7].ravel() for row in (0, 1) for column in (0, 1)]

    expected = []
    for a, b in zip(windows(some[0]), windows(some[1]), strict=True):
        ((va, cov), (_, vb)) = np.cov(a, b)
        light = (2 * a.mean() * b.mean() + 1e-4) / (a.mean() ** 2 + b.mean() ** 2 + 1e-4)
        expected.append(light * (2 * cov + 9e-4) / (va + vb + 9e-4))
    assert found[0, 1] == pytest.approx(np.mean(expected))


@given(st.lists(st.integers(0, 9), min_size=1), st.lists(st.integers(0, 9), min_size=1))
@settings(max_examples=50)
def test_the_area_is_the_share_of_pairs_in_order(lower: list[int], higher: list[int]) -> None:
    pairs = [(a < b) + (a == b) / 2 for a in lower for b in higher]
    found = of("similarity").auc(np.array(lower, float), np.array(higher, float))
    assert found == pytest.approx(np.mean(pairs))


def test_a_row_beyond_its_bar_is_told() -> None:
    rows, report = of("rows"), of("report")

    def row(value: float, bar: Any) -> Any:
        return rows.Row("a", "b", "SSIM", [value], [rows.Control("c", 0.5)], bar=bar)

    good = [
        row(0.9, rows.at_least(0.9)),
        row(0.5, rows.at_most(0.5)),
        row(0.55, rows.near_chance(0.05)),
        row(1.0, None),
    ]
    bad = [row(0.89, rows.at_least(0.9)), row(0.51, rows.at_most(0.5)), row(0.56, rows.near_chance(0.05))]
    assert report.failed([*good, *bad]) == bad
    assert not report.document([*good, *bad])["held"]
    assert "FAILED" in "\n".join(report.lines(bad))


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """A folder with stores and page of the smallest run, and its rows."""
    folder = tmp_path_factory.mktemp("quick")
    done = run("run", "--quick", "--json", "--folder", folder / "stores", "--html", folder / "report.html")
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)["rows"]


def test_open_updates_and_sums_of_few_are_read_and_masked_ones_are_not(quick: Any) -> None:
    found = {(row["attack"], row["read"]): row for row in quick[1]}
    assert all(row["controls"] for row in found.values())
    for attack in ("first layer, MLP", "gradients, CNN"):
        assert found[attack, "open update"]["value"] > 0.99
        masked = found[attack, "masked update"]
        assert masked["value"] <= masked["controls"][0]["value"] + 0.05
    assert found["first layer, MLP", "public sum of 3"]["value"] > 0.7
    ten = found["gradients, CNN", "public sum of 10"]
    assert ten["value"] > ten["controls"][0]["value"] + 0.1
    assert ten["label"] == 1
    assert found["membership, MLP", "open update"]["value"] >= 0.65


def test_the_page_needs_nothing_but_itself(quick: Any) -> None:
    html = (quick[0] / "report.html").read_text()
    assert html.count("data:image/png;base64,") > 20
    assert not [word for word in ("http:", "https:", "<script", "<link", "url(") if word in html]


def test_stores_are_not_made_twice_in_one_folder(quick: Any) -> None:
    again = run("run", "--quick", "--folder", quick[0] / "stores")
    assert again.returncode == 2
    assert "holds stores already" in again.stderr


def test_the_stores_can_be_looked_at_afterwards(quick: Any) -> None:
    """The same file as the run read; and of a masked round, what its models show."""
    done = run("look", quick[0] / "stores" / "open", "update/1/1/0", "--json")
    row = of("digits").read().shuffled(0).part([0])
    assert np.abs(np.array(json.loads(done.stdout)["inputs"][0]) - row.images[0]).max() < 1e-3
    store = Embedded(quick[0] / "stores" / "masked")
    base = next(pin for pin in store.pins() if pin.startswith("initial/"))
    store.close()
    done = run("look", quick[0] / "stores" / "masked", "model/1/1", "--base", base)
    assert done.stdout.startswith("change of all, round 1"), done.stderr
    masked = run("look", quick[0] / "stores" / "masked", "update/1/1/0").stdout
    assert masked.startswith("masked of 0x")
    assert "its masks are on" in masked


def test_the_document_has_these_rows_and_its_figures_are_within_the_bars(quick: Any) -> None:
    """docs/privacy.md, as `run --markdown` writes it."""
    marks = of("markdown")
    page = (EXAMPLE.parents[1] / "docs" / "privacy.md").read_text()
    lines = page.split(marks.BEGIN)[1].split(marks.END)[0].splitlines()
    table = [line.strip("| ").split(" | ") for line in lines if "**" in line]
    assert [cells[0] for cells in table] == [row["read"] for row in quick[1]]
    bars = {"≥ 0.9": lambda row: row[0] >= 0.9, "≥ 0.65": lambda row: row[0] >= 0.65}
    bars |= {"≤ 0.55": lambda row: row[0] <= 0.55, "≤ chance + 0.05": lambda row: row[0] <= row[1] + 0.05}
    for cells, row in zip(table, quick[1], strict=True):
        if row["bar"]:
            assert bars[row["bar"]]([float(cells[1].split("**")[1]), float(cells[2])]), cells


def test_tables_are_put_between_the_marks_and_nowhere_else(tmp_path: Path) -> None:
    rows, markdown, page = of("rows"), of("markdown"), tmp_path / "page.md"
    row = rows.Row("a", "b", "SSIM", [0.5], [rows.Control("c", 0.25)])
    page.write_text(f"before\n{markdown.BEGIN}old\n{markdown.END}\nafter\n")
    markdown.write(page, [row])
    markdown.write(page, [row])
    table = "| a | SSIM | c |\n| --- | ---: | ---: |\n| b | **0.50** ± 0.00 | 0.25 |\n"
    assert page.read_text() == f"before\n{markdown.BEGIN}\n{table}\n{markdown.END}\nafter\n"
    page.write_text("before")
    with pytest.raises(Malformed, match="no place for figures"):
        markdown.write(page, [row])


def test_a_look_at_an_update_of_a_job_of_ones_own_shows_the_row(tmp_path: Path) -> None:
    """A task that fedledger ships, its job's document, and an update in a store folder: nothing of the example's."""
    import torch

    from ledger.formats.header import Binding
    from ledger.formats.merkle import root_of
    from ledger.party.pins import initial_pin, job_pin, update_pin
    from participant.integers.fixed_point import difference
    from participant.integers.tensors import stream_of
    from participant.jobs.creation import create
    from participant.jobs.draft import read, settings
    from participant.tasks.ready.tabular import Tabular

    draft = tmp_path / "draft.toml"
    draft.write_text(DRAFT)
    job, task = create(read(draft), Memory().put), Tabular(settings(read(draft).task.settings))
    model = task.build_model(2)
    before = stream_of(model.state_dict(), job.layout)
    row = torch.tensor([[0.25, -0.75]])
    torch.nn.functional.cross_entropy(model(row), torch.tensor([1])).backward()
    torch.optim.SGD(model.parameters(), 0.05).step()
    update = difference(job.layout, stream_of(model.state_dict(), job.layout), before)
    binding = Binding(kind="update", job=1, round=2, party="0x" + "1" * 40, rows=1, data=bytes(32))
    store = Embedded(tmp_path / "store", create=True)
    store.put([job.encode()], job_pin(job.digest))
    store.put([job.layout.header(binding) + update.tobytes()], update_pin(1, 2, 0))
    store.put([job.layout.header(Binding(kind="initial")) + before.tobytes()], initial_pin(root_of(before)))
    store.close()

    done = run("look", tmp_path / "store", "update/1/2/0", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["kind"], found["label"]) == ("update", 1)
    assert found["inputs"][0] == pytest.approx([0.25, -0.75], abs=0.01)
    assert "update of 0x1111" in run("look", tmp_path / "store", "update/1/2/0").stdout

    for name, advice in (("update/1/3/0", "fedledger store ls"), (initial_pin(root_of(before)), "--base")):
        refused = run("look", tmp_path / "store", name)
        assert refused.returncode == 2
        assert advice in refused.stderr
