"""Make the pictures of the documents, from the product as it runs: `make pictures`.

A demo with its pages is started in a folder of its own, and ends with this. A Chromium takes the pages in light mode, a
terminal of 100 columns the commands.
"""

import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
from drawn import VIEWPORT, browser, keep, take, terminal
from product import Product, until
from shown import ANYONE, AUDIT, DESK, FOLDER, PICTURES, PROFILE, SHARE, STATISTICS, TOTAL, WIZARD
from tables import CLINICS, write_tables

ANALYSIS = """
name = "Who our patients are"

[analysis]
min_cell = 5
min_rows = 10

[[analysis.columns]]
name = "mean radius"
low = 6
high = 30
step = 0.01
bins = 24

[[analysis.columns]]
name = "diagnosis"
categories = ["malignant", "benign"]

[terms]
update_seconds = 600
open_seconds = 600
aggregate_seconds = 600
attest_seconds = 600
"""


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_tables(folder)
        with Product(folder).running() as product:
            for command in (AUDIT, PROFILE, SHARE):
                keep(command.name, terminal(product, command).encode(), folder)
            with browser() as context:
                take_all(product, context)
    total = sum((FOLDER / name).stat().st_size for name in PICTURES)
    if total > TOTAL:
        sys.exit(f"all pictures have {total:,} bytes, and {TOTAL:,} are allowed")
    click.echo(f"{len(PICTURES)} pictures, {total:,} bytes")


def take_all(product: Product, context: Any) -> None:
    """The pages as anyone sees them, then a member's, then those of an analysis that the members open."""
    page = context.new_page()
    for shot in ANYONE:
        take(product, page, shot)
    for name in CLINICS:
        low = name.lower()
        product.run("data", "share", f"{low}.csv", "--label", "ill", "--name", name, "--yes", "--output",
                    f"{low}.shared.json")  # fmt: skip
    propose(product)
    link = re.search(r"http\S+", product.as_hospital(3, "web", "sign-in", product.url, "--no-open"))
    if link is None:
        sys.exit("fedledger web sign-in printed no link")
    page.goto(link[0])
    page.locator("h1", has_text="You are signed in").wait_for()
    until(lambda: page.request.get(f"{product.url}/desk.json").json()["count"] == 2, "nothing waits at the desk")
    take(product, page, DESK)
    page.set_viewport_size(VIEWPORT)
    page.goto(product.url + WIZARD.path)
    page.set_input_files("input[name=profiles]", [product.folder / f"{name.lower()}.shared.json" for name in CLINICS])
    page.locator("form[data-merge] button[type=submit]").click()
    page.locator(WIZARD.since).wait_for()
    take(product, page, WIZARD, there=True)
    for number in (2, 3):
        product.as_hospital(number, "job", "approve", "2", "--yes")
    product.until("stats", "2", "--network", "demo/network.toml")
    page.goto(product.url + STATISTICS.path)
    page.locator(f"{STATISTICS.since} svg").first.wait_for()
    take(product, page, STATISTICS)


def propose(product: Product) -> None:
    """An analysis to approve, and a proposal to vote on."""
    (product.folder / "analysis.toml").write_text(ANALYSIS)
    for number in range(1, 5):
        home = f"demo/hospital-{number}"
        product.run("node", "data", "statistics", f"demo/data/hospital-{number}.csv", "--home", home)
    product.run("job", "create", "analysis.toml", "--output", "analysis.json", "--home", "demo/hospital-1")
    product.as_hospital(1, "job", "propose", "analysis.json", "--no-wait")
    product.as_hospital(4, "proposal", "propose", "roles", "0", "--roles", "participant,aggregator")


if __name__ == "__main__":
    main()
