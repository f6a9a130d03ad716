"""What pages must say of their objects while a lie takes its course, and how they say it."""

from typing import Any, Literal, NamedTuple

Right = Literal["yes", "no", "unknown", "newer", "nothing"]
LIES = {
    "none": "No lie was found in what was audited.",
    "caught": "Lies were told, and all of them were caught: nothing rests on them.",
    "pending": "A lie is being attested.",
    "standing": "A lie stands: the ledger took it as true.",
}
WORDS: dict[Right, str] = {
    "yes": "is right.",
    "no": "is false.",
    "newer": "newer than the last audit made here",
    "nothing": "Nothing stands here",
}
SHORT = {"yes": "yes", "no": "no", "newer": "not audited yet", "nothing": ""}
EXITS = {"yes": 0, "no": 1, "newer": None, "nothing": 0}


class Said(NamedTuple):
    """What a page must say: whether its object is right, and what became of the lies that belong to it."""

    right: Right
    lies: str = "none"


def reads(page: Any, url: str, path: str, said: Said, lie: str) -> str:
    """Open a page and hold its answer, words, colour and exit code against what it must say; what it says.

    Where it tells of lies, it names `lie`, and a link leads to the evidence.
    """
    page.goto(url + path)
    told = page.locator("#audit, #answers").first
    text = " ".join(told.inner_text().split())
    assert WORDS[said.right] in text, path
    assert (LIES[said.lies] in text) == (said.right != "newer" or said.lies != "none"), path
    exit_ = EXITS[said.right]
    assert told.get_attribute("data-exit") == ("" if exit_ is None else str(exit_)), path
    assert told.locator(".answer.no").count() == (said.right == "no"), path
    assert told.locator(".answer.yes").count() == (said.right == "yes"), path
    if said.lies != "none" and path != "/audit":
        link = told.get_by_role("link", name="Evidence").first
        assert lie in told.inner_text()
        page.goto(url + str(link.get_attribute("href")))
        assert page.locator("article.finding:target").count() == 1
    return text


def red(page: Any, address: str) -> list[str]:
    """What is red on a page, but for what says that a release is revoked."""
    page.goto(address)
    return [one for one in page.evaluate(_RED) if "revoked" not in one]


_RED = """() => {
  const probe = document.createElement("span");
  probe.style.color = "var(--bad)";
  document.body.append(probe);
  const bad = getComputedStyle(probe).color;
  probe.remove();
  return [...document.querySelectorAll("main *")]
    .filter((one) => one.childNodes.length && [getComputedStyle(one).color, getComputedStyle(one).fill].includes(bad))
    .map((one) => one.outerHTML.slice(0, 80));
}"""
