"""What the two pages may do, by the policy that a browser holds them to: nothing from elsewhere, no code from text."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.web.server import get, served, view_of
from support.worlds.world import World

from ledger.formats.digest import sha256
from web.drawing.saved.verifier import saved

ELSEWHERE = "http://127.0.0.2:9/"
TRY = """async (elsewhere) => {
  window.ran = [];
  const said = [];
  await new Promise((resolve) => setTimeout(resolve, 0));  // what runs at once is the test's, which no policy holds
  document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => said.push(effectiveDirective));
  const attempt = async (name, work) => { try { await work(); window.ran.push(name); } catch { /* refused */ } };
  const put = (name, properties) => document.body.append(Object.assign(document.createElement(name), properties));
  await attempt("eval", () => (0, eval)("1"));
  await attempt("function", () => new Function("return 1")());
  await attempt("wasm", () => WebAssembly.compile(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)));
  await attempt("fetch", () => fetch(elsewhere, { mode: "no-cors" }));
  await attempt("import", () => import(elsewhere + "code.js"));
  put("script", { textContent: "window.ran.push('inline')" });
  put("script", { src: elsewhere + "code.js" });
  put("script", { src: "data:text/javascript,window.ran.push('data')" });
  put("img", { src: elsewhere + "picture.png", onload: () => window.ran.push("picture") });
  put("iframe", { src: elsewhere });
  const button = Object.assign(document.createElement("button"), { type: "button" });
  button.setAttribute("onclick", "window.ran.push('handler')");
  document.body.append(button);
  button.click();
  const styled = document.createElement("p");
  styled.setAttribute("style", "color: red");
  if (styled.style.color) said.push("style-src-attr");
  const base = Object.assign(document.createElement("base"), { href: elsewhere });
  document.head.append(base);
  if (document.baseURI.startsWith(elsewhere)) window.ran.push("base");
  base.remove();
  await new Promise((resolve) => setTimeout(resolve, 500));
  return { ran: window.ran, said: [...new Set(said)].sort() };
}"""
IN_A_WORKER = """(elsewhere) => new Promise((resolve) => {
  const text = `const ran = [];
    const attempt = async (name, work) => { try { await work(); ran.push(name); } catch { /* refused */ } };
    (async () => {
      await attempt("eval", () => (0, eval)("1"));
      await attempt("fetch", () => fetch("${elsewhere}", { mode: "no-cors" }));
      await attempt("script", () => importScripts("${elsewhere}code.js"));
      await attempt("socket", () => new Promise((good, bad) => {
        const socket = new WebSocket("${elsewhere}".replace("http", "ws"));
        [socket.onopen, socket.onerror] = [good, bad];
      }));
      postMessage(ran);
    })();`;
  const worker = new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = () => resolve("it did not start");
})"""
REFUSED = {"base-uri", "connect-src", "frame-src", "img-src", "script-src", "script-src-attr", "script-src-elem"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served(view_of(World().open_job().honest_round())) as address:
        yield address


@pytest.fixture
def bare(browser: Any) -> Iterator[Any]:
    """A page that is not held to silence, and what it asks other addresses for."""
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.elsewhere = []
    page.on("requestfinished", lambda asked: page.elsewhere.append(asked.url) if ELSEWHERE in asked.url else None)
    yield page
    context.close()


def directives(policy: str) -> dict[str, str]:
    return {name: rest for name, _, rest in (one.strip().partition(" ") for one in policy.split(";"))}


def policy_of(text: str) -> dict[str, str]:
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    assert found is not None
    return directives(found[1])


def digest(text: str) -> str:
    return "'sha256-" + base64.b64encode(sha256(text.encode())).decode() + "'"


@pytest.mark.parametrize("path", ["/verify", "/verify?job=1&round=1", "/verify.html", "/verify.json"])
def test_the_server_s_page_has_the_policy_of_every_page(url: str, path: str) -> None:
    answer = get(url + path)
    assert answer.status_code == 200
    assert directives(answer.headers["Content-Security-Policy"]) == {
        "default-src": "'none'",
        "style-src": "'self'",
        "script-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_server_s_page_and_its_scripts_have_no_code_in_the_text(url: str) -> None:
    text = get(url + "/verify").text
    assert re.findall(r"<script(?![^>]* src=\"/)[^>]*>", text) == []
    assert re.findall(r"\s(?:on\w+|style)=", text) == []
    worker = re.search(r'data-worker="([^"]+)"', text)
    assert worker is not None
    answer = get(url + worker[1])
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"], "which a worker is held to"


def test_the_saved_file_allows_its_own_script_and_style_and_no_more() -> None:
    text = saved().decode()
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert policy_of(text) == {
        "default-src": "'none'",
        "style-src": digest(style),
        "script-src": digest(script),
        "worker-src": "blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert text.index("Content-Security-Policy") < text.index("<style>") < text.index("<script>")
    assert re.findall(r"\s(?:on\w+|style)=\"", text.replace(script, "")) == []
    assert re.findall(r"\beval\(|new Function\(|WebAssembly|document\.write|innerHTML|insertAdjacent", script) == []


@pytest.mark.browser
def test_a_browser_holds_the_server_s_page_to_it(url: str, bare: Any) -> None:
    bare.goto(url + "/verify")
    found = bare.evaluate(TRY, ELSEWHERE)
    assert found["ran"] == []
    assert set(found["said"]) >= REFUSED
    assert bare.elsewhere == []


@pytest.mark.browser
def test_a_browser_holds_the_saved_file_and_its_workers_to_it(bare: Any, tmp_path: Path) -> None:
    path = tmp_path / "verify.html"
    path.write_bytes(saved())
    bare.goto(path.as_uri())
    found = bare.evaluate(TRY, ELSEWHERE)
    assert found["ran"] == []
    assert set(found["said"]) >= REFUSED
    assert bare.evaluate(IN_A_WORKER, ELSEWHERE) == []
    assert bare.elsewhere == []


@pytest.mark.browser
def test_the_attempts_would_be_seen(bare: Any, tmp_path: Path) -> None:
    """Without a policy what they try runs: the tests above can fail."""
    path = tmp_path / "free.html"
    path.write_text("<!doctype html><title>free</title><body></body>")
    bare.goto(path.as_uri())
    found = bare.evaluate(TRY, ELSEWHERE)
    assert {"eval", "function", "wasm", "inline", "data", "handler", "base"} <= set(found["ran"])
    assert set(found["said"]) <= {"style-src-attr"}
    assert "eval" in bare.evaluate(IN_A_WORKER, ELSEWHERE)
