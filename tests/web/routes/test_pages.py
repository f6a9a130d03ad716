"""The pages as text: complete without scripts, in two languages, escaped, small."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import httpx
import msgspec
import pytest
from support.web.server import AT, HOSTILE, PATHS, get, governed, network, served, view_of
from support.worlds import lies
from support.worlds.decisions import Chamber
from support.worlds.masked_job import MASKED, THREE
from support.worlds.signing import key
from support.worlds.world import World

from ledger.audit.report import EXIT, Check, LieState
from ledger.events import records
from ledger.events.actions import KINDS, CloseJob, kind_word
from ledger.events.proposals import ProposalState
from ledger.events.records import Choice, Reason, Role, Rules
from ledger.history.state import JobStage, Phase
from ledger.jobs.privacy import READERS, SealedTo
from ledger.jobs.rules import Rule
from ledger.jobs.scores import Evidence, Scored
from ledger.rounds.admission import Verdict
from web.documents.decisions import EvaluationStatus
from web.documents.ledger import CheckStatus
from web.documents.rounds import AttemptEnd, FormName, ReceiptsStatus
from web.documents.scores import ScorerState, ScoringPhaseName, Unit
from web.drawing.language import LANGUAGES, choose, texts
from web.drawing.render import FOLDER
from web.reading import front
from web.reading.latest import Latest
from web.reading.library import Library
from web.view import View

HTML = {"Accept": "text/html"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_whole_without_scripts(site, path: str, language: str) -> None:
    answer = site.get(path, headers=HTML | {"Accept-Language": language})
    text = answer.text
    assert answer.status_code == 200
    assert len(answer.content) < 100_000
    assert f'<html lang="{language}">' in text
    assert all(mark in text for mark in ("<main id=", "<nav ", "<footer>", 'class="skip"'))
    assert len(re.findall("<h1", text)) == 1
    asset = r"\?v=[0-9a-f]{16}\""
    modules = rf"(?:static/wallet.js{asset}|verify/[0-9a-f]{{16}}/page/controls.js\")"
    scripts = rf"<script(?! src=\"/(?:static/(?:live|marks).js{asset} defer|{modules} type=\"module\")>)"
    assert re.findall(scripts, text) == []
    assert " style=" not in text
    assert " on" + "click" not in text
    assert text.count("<table") == text.count("<caption") == text.count("</table>")
    assert text.count("<dl") == text.count("</dl>")
    assert re.search(r'rel="alternate" type="application/json" href="([^"]+)"', text)


def test_the_json_that_a_page_names_is_there(site) -> None:
    for path in PATHS:
        named = re.search(r'rel="alternate" type="application/json" href="([^"]+)"', site.get(path).text)
        assert named
        assert site.get(named[1]).json()["fedledger"] == "page/1"


def test_the_round_page_shows_the_refusal_and_the_refuted_attempt(site) -> None:
    first, second = site.get("/jobs/1/rounds/1").text, site.get("/jobs/1/rounds/2").text
    assert "weight above the member&#39;s cap" in first
    assert '<span class="mark refuted">Refuted</span>' in second
    assert "computed another claim" in second
    assert "Its aggregator got a strike." in second
    assert "權重超出該成員的上限" in site.get("/jobs/1/rounds/1?lang=zh-Hant").text


def test_links_inside_the_site_lead_somewhere(site) -> None:
    todo, seen = ["/"], set()
    while todo:
        path = todo.pop()
        if path in seen or "lang=" in path or path.startswith("/search?q="):
            continue
        seen.add(path)
        answer = site.get(path, headers=HTML)
        assert answer.status_code == (401 if path == "/desk" else 200), path
        if "text/html" in answer.headers["content-type"]:
            todo += [link.replace("&amp;", "&") for link in re.findall(r'(?:href|src)="(/[^"]*)"', answer.text)]
    assert len(seen) > 20


def test_a_language_that_was_chosen_is_remembered(site) -> None:
    with httpx.Client(base_url=site.url, timeout=60) as client:
        client.get("/?lang=zh-Hant")
        assert '<html lang="zh-Hant">' in client.get("/jobs", headers={"Accept-Language": "en"}).text


def test_languages_are_negotiated() -> None:
    assert choose(None, None, "") == "en"
    assert choose(None, None, "zh-TW,zh;q=0.9,en;q=0.8") == "zh-Hant"
    assert choose(None, None, "fr, en;q=0.4, zh;q=0.5") == "zh-Hant"
    assert choose(None, None, "fr, zh;q=0") == "en"
    assert choose("en", "zh-Hant", "zh") == "en"
    assert choose("xx", "zh-Hant", "en") == "zh-Hant"
    assert choose(None, None, "q=;;;,,," * 1000) == "en"


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_that_the_ledger_can_say_has_its_word(language: str) -> None:
    t = texts(language)
    values = {
        "phases": [phase.value for phase in Phase],
        "phase_texts": ["Nothing", *(phase.value for phase in Phase)],
        "ends": get_args(AttemptEnd),
        "forms": get_args(FormName),
        "receipts_states": get_args(ReceiptsStatus),
        "rules": [rule.__struct_config__.tag for rule in get_args(Rule)],
        "reasons": [reason.name for reason in Reason if reason is not Reason.NONE],
        "roles_of": [str(role.name).lower() for role in Role],
        "answers": list(EXIT),
        "answered": [*EXIT, "newer", "nothing"],
        "stages": get_args(JobStage),
        "lies_told": ["none", *get_args(LieState)],
        "lie_states": get_args(LieState),
        "statuses": get_args(CheckStatus),
        "admission": [verdict.name for verdict in Verdict],
        "checks_of": [check.name for check in Check],
        "lies_of": [check.name for check in Check],
        "open_of": [check.name for check in Check],
        "headlines": front.KINDS,
        "wants": [kind_word(kind) for kind in KINDS],
        "means": [kind_word(kind) for kind in KINDS],
        "proposal_states": [state.value for state in ProposalState if state is not ProposalState.NONE],
        "next": [state.value for state in ProposalState if state is not ProposalState.NONE],
        "choices": [choice.name for choice in Choice],
        "rule_names": list(Rules.__struct_fields__),
        "methods": [one.__struct_config__.tag for one in get_args(Scored)],
        "evidence_of": [*(one.__struct_config__.tag for one in get_args(Evidence)), "none"],
        "metrics": ["accuracy", "loss", "auc"],
        "units": get_args(Unit),
        "scoring_phases": get_args(ScoringPhaseName),
        "scoring_next": get_args(ScoringPhaseName),
        "scorer_states": get_args(ScorerState),
        "evaluations": [status for status in get_args(EvaluationStatus) if status != "read"],
    }
    for group, words in values.items():
        assert [word for word in words if f"{group}.{word}" not in t._texts] == []
    if language == "en":
        assert [t("admission", v.name) for v in Verdict] == [v.meaning for v in Verdict]
        assert [t("checks_of", c.name) for c in Check] == [c.title for c in Check]


def test_every_text_that_a_template_asks_for_is_in_the_catalogue_and_no_other() -> None:
    asked = set()
    for template in (FOLDER / "templates").glob("*.html"):
        text = template.read_text(encoding="utf-8")
        asked |= set(re.findall(r"""["'](\w+)["']""", text))
        for row in re.findall(r"for word in \((.*?)\) %}", text):
            asked |= {f"wallet_{word}" for word in re.findall(r'"(\w+)"', row)}
    known = {key.split(".")[0] for key in texts("en")._texts}
    counted = set()
    for template in (FOLDER / "templates").glob("*.html"):
        counted |= set(re.findall(r't\.count\("(\w+)"', template.read_text(encoding="utf-8")))
    assert {key.split(".")[1] for key in texts("en")._texts if key.startswith("counts.")} == counted
    computed = {
        "counts",
        "words",
        "problems",
        "refusals",
        "rounds",
        "models",
        "error_401",
        "error_404",
        "error_429",
        "error_503",
    }
    assert known - asked - computed == set()
    explained = {key.split(".")[1] for key in texts("en")._texts if key.startswith("words.")}
    assert explained == set(re.findall(r't\.word\("(\w+)"', "".join(map(_read, (FOLDER / "templates").glob("*.html")))))


def _read(template: Path) -> str:
    return template.read_text(encoding="utf-8")


def test_chinese_has_one_word_for_a_thing_and_its_own_punctuation() -> None:
    english, chinese = texts("en")._texts, texts("zh-Hant")._texts
    assert [key for key, text in chinese.items() if "駁回" in text] == [], "what is refuted is 駁斥"
    parties = {key for key, text in english.items() if re.search(r"\bpart(y|ies)\b", text, re.IGNORECASE)}
    members = {key for key, text in english.items() if re.search(r"member|\{party\}|\{parties\}", text, re.IGNORECASE)}
    assert [key for key in parties - members if "成員" in chinese[key]] == [], "a party is 機構 or 方"
    for template in (FOLDER / "templates").glob("*.html"):
        assert "{% if not loop.last %}, " not in _read(template), "lists are parted by the language's comma"


def test_a_number_has_its_noun_in_the_right_number() -> None:
    english, chinese = texts("en"), texts("zh-Hant")
    assert [english.count("rounds", number) for number in (0, 1, 2, 1_000)] == [
        "0 rounds",
        "1 round",
        "2 rounds",
        "1,000 rounds",
    ]
    assert [chinese.count("rounds", number) for number in (1, 2)] == ["1 個回合", "2 個回合"]


ONE_OF_MANY = re.compile(r"(?<![\w.,–-])1 (?!s\b|ms\b|was\b|is\b|has\b)[a-z]+s\b")
"""A plural after the number one, which is no end of a hash."""


def test_no_page_says_one_of_many(site) -> None:
    """ "1 update", never "1 updates"; the model of round 2 was built on one model, by one update of each."""
    assert ONE_OF_MANY.search("there are 1 updates")
    assert not ONE_OF_MANY.search("1 update, 21 updates, 0.1 points, within 1 s")
    for path in [*PATHS, "/releases/early/0.1", "/jobs/1/rounds/1", "/members/3", "/proposals/4"]:
        text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", site.get(path, headers=HTML).text))
        assert ONE_OF_MANY.search(text) is None, path
    assert "Built on 1 model before it" in site.get("/releases/early/0.1").text


@pytest.fixture(scope="module")
def hostile() -> World:
    return World()


def test_hostile_names_are_text_and_nothing_else(hostile: World) -> None:
    job = msgspec.structs.replace(hostile.job, name=HOSTILE[0])
    governed(hostile.open_job(digest=job.digest).honest_round().honest_round())
    view = view_of(hostile, job, network(HOSTILE, title=HOSTILE[1]))
    with served(view) as url:
        for path in PATHS:
            answer = get(url + path, headers=HTML)
            assert answer.status_code == 200, path
            assert len(answer.content) < 100_000, "a long name is cut"
            assert "<script>" not in answer.text
            assert "<img" not in answer.text
            assert "\u202e" not in answer.text, "nothing turns the direction of what follows"
        round_ = get(url + "/jobs/1/rounds/1", headers=HTML).text
        document = get(url + "/members.json").json()
    assert "<bdi>&lt;script&gt;" in round_
    assert tuple(member["name"] for member in document["members"]) == HOSTILE, "data stays what it is"


def test_before_the_first_reading_a_page_says_so_and_the_process_is_well() -> None:
    latest = Latest()
    view = View(network(), latest, Library(latest, network()), rate=0)
    with served(view) as url:
        page = get(url + "/", headers=HTML)
        assert page.status_code == 503
        assert page.headers["retry-after"]
        assert "Not available now" in page.text
        assert get(url + "/jobs.json").json()["error"] == "NotYet"
        assert get(url + "/ready").status_code == 503
        assert get(url + "/health").status_code == 200


def test_a_job_without_its_document_is_shown_as_far_as_the_ledger_goes() -> None:
    world = World().open_job().honest_round()
    view = view_of(world)
    view.latest.post(documents={})
    with served(view) as url:
        assert "document not read yet" in get(url + "/jobs/1").text
        assert get(url + "/jobs/1/rounds/1.json").json()["round"]["updates"][0]["cid"] is None
        problem = get(url + "/jobs/1/models/1.json").json()
    assert (problem["error"], problem["status"]) == ("NotYet", 503)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("others read the sum of several", "Updates in a sum, at least", "more than two thirds", "public")),
        ("zh-Hant", ("他人讀取的是數筆的加總", "加總所含更新的下限", "超過三分之二", "公開")),
    ],
)
def test_a_job_says_how_its_updates_are_protected(language: str, words: tuple[str, ...]) -> None:
    masked = World(privacy=MASKED, limits=THREE).open_job()
    with served(view_of(masked)) as url:
        text = get(f"{url}/jobs/1?lang={language}").text
        document = get(url + "/jobs/1.json").json()["document"]
    assert all(word in text for word in words)
    assert document["privacy"]["set_seconds"] == MASKED.set_seconds
    with served(view_of(World().open_job())) as url:
        text = get(f"{url}/jobs/1?lang={language}").text
    assert words[1] not in text
    assert {"en": "Every member reads every update.", "zh-Hant": "每位成員皆可讀取每筆更新。"}[language] in text
    with served(view_of(World(privacy=SealedTo(readers=READERS[0])).open_job())) as url:
        text = get(f"{url}/jobs/1?lang={language}").text
    assert {"en": "Updates are sealed", "zh-Hant": "更新已密封"}[language] in text


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lies.masks_differ, "document and contract disagree on the masks: smallest"),
        (lies.masks_untold, "the document asks for masks, and the job&#39;s proposer told the contract of none"),
        (lies.masks_not_asked_for, "the contract was told of masks, and the document asks for none"),
        (lies.job_terms_differ, "document and contract disagree on the terms: attempts"),
    ],
)
def test_a_job_that_is_told_otherwise_is_not_to_be_approved(make: Callable[[], World], words: str) -> None:
    with served(view_of(make())) as url:
        page, chinese = (get(f"{url}/jobs/1?lang={language}").text for language in LANGUAGES)
        document = get(url + "/jobs/1.json").json()
    assert words in page and "No member should approve it" in page
    assert "成員不應核准" in chinese and words not in chinese
    assert document["differs"] == words.replace("&#39;", "'")
    with served(view_of(World().open_job())) as url:
        assert get(url + "/jobs/1.json").json()["differs"] is None


def test_a_job_is_proposed_then_open_then_closed() -> None:
    """Only approvals since the latest recovery of a key count, and the page says how the rest approve."""
    world = World()
    chamber = Chamber(world, AT)
    proposed = {"digest": world.job.digest, "terms": world.job.terms, "model": world.job.model_terms}
    world.emit(records.JobProposed, job=1, proposer=world.keys[0], **proposed)
    for index in (0, 1):
        world.emit(records.JobApproved, job=1, member=world.keys[index], approvals=index + 1)
    waits = {"counted": 2, "needed": 3, "command": "fedledger job approve 1"}
    world.emit(records.KeyRotated, index=1, old_key=world.keys[1], new_key=key(1, 1), epoch=2)
    assert stage(world) == ("proposed", False, False, waits), "a new key changes nothing: members approve"
    world.keys[1] = key(1, 1)
    recover(world, 3)
    assert stage(world) == ("proposed", False, False, waits | {"counted": 0}), "a recovery discards approvals"
    for count, index in enumerate((0, 1, 2), 1):
        world.emit(records.JobApproved, job=1, member=world.keys[index], approvals=count)
    world.emit(records.JobOpened, job=1, epoch=3)
    assert stage(world) == ("open", True, False, None)
    chamber.decide(CloseJob(1))
    world.emit(records.JobClosed, job=1)
    assert stage(world) == ("closed", False, True, None)


def recover(world: World, index: int) -> None:
    """The other members replace a member's key."""
    rotation = {"index": index, "new_key": key(index, 1)}
    for member in range(3):
        world.emit(records.RotationApproved, **rotation, member=member, approvals=member + 1)
    world.emit(records.KeyRotated, **rotation, old_key=world.keys[index], epoch=world.history.epoch + 1)
    world.keys[index] = key(index, 1)


def stage(world: World) -> tuple[str, bool, bool, object]:
    """What list, page and document say of the job."""
    with served(view_of(world)) as url:
        document, page, listed = (get(url + path) for path in ("/jobs/1.json", "/jobs/1", "/jobs"))
    (word,) = {word for word in get_args(JobStage) if f' class="word">{word}</td>' in listed.text}
    assert f">{word}</span>" in page.text
    assert ("fedledger job approve 1" in page.text) == (word == "proposed")
    assert ("close-job 1" in page.text) == (word != "closed")
    job = document.json()["job"]
    return word, job["open"], job["closed"], document.json()["approval"]


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_stands_out_enough_to_be_read(scheme: int) -> None:
    """WCAG 2.2, AA: 4.5 to 1."""
    css = (FOLDER / "static" / "style.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", css.split("prefers-color-scheme: dark")[scheme]))
    pairs = [(text, ground) for text in ("ink", "quiet", "accent", "bad", "wait") for ground in ("paper", "raised")]
    pairs += [
        ("accent", "accent-soft"),
        ("bad", "bad-soft"),
        ("wait", "wait-soft"),
        ("ink", "bad-soft"),
        ("quiet", "bad-soft"),
        ("paper", "accent"),
        ("paper", "ink"),
    ]
    for text, ground in pairs:
        low, high = sorted((luminance(colours[text]), luminance(colours[ground])))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground)
