"""Writes grammar.json beside it: `python tests/vectors/make_grammar.py`. What is accepted is said here, not computed.

Names, texts for people, and JSON documents, each accepted or refused (docs/spec/grammar.md). A document that is not
UTF-8 is given as hexadecimal digits.
"""

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("grammar.json")
DIGEST = "6eb71c98ebfc9e81947f2e209fc384cfd8ec0c4fa0889d2c6254995de1b2bd30"
"""SHA-256 of a byte for each of U+0000 to U+10FFFF: 1 where a text for people may have it, else 0."""

# fmt: off
NAMES = {
    "accepted": [
        "a", "!", "~", "layer.0.weight", "encoder/block[3].mlp:0", "tabular", "1.0+cu128", "#$%&'()*", "x" * 200,
        "ABC_def-09", "{}", "a,b;c", "<b>", "`", "^|?=@", "__metadata__",
    ],
    "refused": [
        "", "x" * 201, " ", "a b", " a", "a ", 'say "a"', "back\\slash", "tab\t", "line\n", "a\r", "\0", "\x1f", "\x7f",
        "\x80", "\xa0", "\xe9", "e\u0301", "\u03b1", "\u5317", "\u0665", "\uff41", "\u200b", "\ufeff", "\U0001f600",
        "\ud800", "\udfff",
    ],
}
TEXTS = {
    "accepted": [
        "a", "x" * 200, "breast cancer", 'St. Mary\'s "East" \\ West', "\xc5ngstr\xf6m", "e\u0301", "\u5317\u4eac",
        "\u81fa\u5927\u91ab\u9662 2", "\u0645\u0631\u062d\u0628\u0627", "\xa1\xac\xae", "\ud7ff",
        "\uf900\ufdcf\ufdf0\ufdff",
        "\ufe10\ufefe", "\uff00\uffef", "\U00010000", "\U0001fffd", "\U000dfffd", "heart \U0001fae8", "\U0001fae9",
        "\u0378", "\U0001f600" * 200, "~ ! ~",
    ],
    "refused": [
        "", "x" * 201, " ", " a", "a ", "a  b", "a\tb", "a\nb", "a\x1b[2J", "\x7f", "\x9b", "\xa0", "\xad", "\u061c",
        "\u115f", "\u1160", "\u1680", "\u180b", "\u180f", "\u2000", "\u200b", "\u200d", "\u200f", "\u2028", "\u202e",
        "\u205f", "\u2066", "\u206f", "\u3000", "\u3164", "\ud800", "\udfff", "\ue000", "\uf8ff", "\ufdd0", "\ufdef",
        "\ufe00", "\ufe0f", "\ufeff", "\uffa0", "\ufff0", "\ufffd", "\ufffe", "\uffff", "\U0001bca0", "\U0001d173",
        "\U0001fffe", "\U0002ffff", "\U000dffff", "\U000e0001", "\U000e0020", "\U000f0000", "\U0010ffff",
    ],
}
MEMBERS = {
    "a": "a", "North": "North", "\u81fa\u5927\u91ab\u9662": "\u81fa\u5927\u91ab\u9662", "x" * 64: "x" * 64,
    "\xe9" * 32: "\xe9" * 32, "member 7": "member 7", "\U0001f600" * 16: "\U0001f600" * 16, "": None, " a": None,
    "a ": None, "a  b": None, "a\0b": None, "\0a": None, "a\u202e": None, "a\x1b[2J": None, "\u200b": None,
    "o\u0308": "o\u0308", "o\u0333": "o\u0333", "o\u20e1": "o\u20e1", "o\u0334": None, "o\u0338": None,
    "N\u0336o": None, "a\u0489": None, "o\u20d2": None, "o\u20dd": None, "o\u20e6": None, "o\u20eb": None,
    "o\U0001d169": None,
    b"\xff" * 64: None, b"\xed\xa0\x80": None, b"\xc0\xaf": None, b"x" * 63 + b"\xc3": None,
}
"""Names of members: what the ledger's two words begin with, and the name, None where they break the rule."""
# fmt: on
DOCUMENTS: dict[str, dict[str, str | bytes]] = {
    "accepted": {
        "an empty object": "{}",
        "an empty array": "[]",
        "an empty text": '""',
        "null": "null",
        "true": "true",
        "false": "false",
        "zero": "0",
        "minus one": "-1",
        "the largest integer": "9223372036854775807",
        "the smallest integer": "-9223372036854775807",
        "a list": '[1,"a",null,true,{}]',
        "eight arrays deep": "[[[[[[[[]]]]]]]]",
        "eight objects deep": '{"a":{"a":{"a":{"a":{"a":{"a":{"a":{}}}}}}}}',
        "brackets in a text": '["[[[[[[[[[[{{{{{{"]',
        "members sorted": '{"":0,"A":1,"a":2,"aa":3,"b":4}',
        "by code point, not by UTF-16 unit": '{"\uff5e":1,"\U0001f600":2}',
        "the quotation mark and the backslash": '{"\\"":"\\\\"}',
        "an escaped backslash before a letter": '"\\\\u0041\\\\n"',
        "a bracket after an escaped quotation mark": '["\\"[",[]]',
        "a slash": '"a/b"',
        "U+007F": '"\x7f"',
        "line separators": '"\u2028\u2029"',
        "beyond the basic plane": '"\U0001f600"',
        "a noncharacter": '"\uffff"',
        "a BOM inside a text": '"\ufeff"',
        "not normalised": '{"e\u0301":1,"\xe9":2}',
    },
    "refused": {
        "nothing": "",
        "a space before": " {}",
        "a space after": "{} ",
        "a newline after": "{}\n",
        "a space inside": '{"a": 1}',
        "a tab inside": "[1,\t2]",
        "two documents": "{}{}",
        "a BOM": "\ufeff{}",
        "UTF-16": "{}".encode("utf-16"),
        "a byte that is not UTF-8": b'"\xff"',
        "an overlong form": b'"\xc0\xaf"',
        "a surrogate in UTF-8": b'"\xed\xa0\x80"',
        "beyond U+10FFFF": b'"\xf4\x90\x80\x80"',
        "a cut sequence": b'"\xe2\x82"',
        "a lone surrogate": '"\\ud800"',
        "a pair of surrogates": '"\\ud83d\\ude00"',
        "an escaped letter": '"\\u0041"',
        "an escaped line feed": '"a\\nb"',
        "an escaped tab": '"\\t"',
        "an escaped zero": '"\\u0000"',
        "an escaped slash": '"\\/"',
        "an escape that is none": '"\\x41"',
        "an escape cut": '"\\',
        "a raw line feed": '"a\nb"',
        "a raw zero": '"\0"',
        "a raw U+001F": '"\x1f"',
        "nine arrays deep": "[[[[[[[[[]]]]]]]]]",
        "nine objects deep": '{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{}}}}}}}}}',
        "100,000 arrays deep": "[" * 100_000,
        "2^63": "9223372036854775808",
        "-2^63": "-9223372036854775808",
        "2^64": '{"a":18446744073709551616}',
        "20 digits": "10000000000000000000",
        "5,000 digits": "1" * 5000,
        "minus zero": "-0",
        "a zero before": "01",
        "a plus": "+1",
        "minus alone": "-",
        "a fraction": "0.5",
        "a fraction of zero": "1.0",
        "an exponent": "1e2",
        "an exponent out of range": "1E400",
        "NaN": '{"a":NaN}',
        "Infinity": "[Infinity]",
        "minus Infinity": "[-Infinity]",
        "hexadecimal": "0x10",
        "digits that are not ASCII": "\u0661",
        "True": "True",
        "a name twice": '{"a":1,"a":1}',
        "a name twice, within": '[{"a":{"b":1,"b":2}}]',
        "members not sorted": '{"b":1,"a":2}',
        "members not sorted, within": '{"a":[{"b":1,"B":2}]}',
        "sorted by UTF-16 unit": '{"\U0001f600":2,"\uff5e":1}',
        "sorted without case": '{"a":1,"B":2}',
        "a name that is a number": "{1:2}",
        "a name without marks": "{a:1}",
        "single marks": "{'a':1}",
        "a comma at the end": "[1,]",
        "a comma at an object's end": '{"a":1,}',
        "no comma": "[1 2]",
        "a comment": "[1/**/]",
        "not closed": '{"a":[1}',
        "closed twice": "[]]",
        "a text not closed": '"a',
        "a pickle": b"\x80\x04K\x01.",
    },
}


def vectors() -> dict[str, Any]:
    """What the file holds."""
    return {
        "shown": DIGEST,
        "names": _cases(NAMES),
        "texts": _cases(TEXTS),
        "members": [
            {"words": (data if isinstance(data, bytes) else data.encode()).ljust(64, b"\0").hex(), "name": name}
            for data, name in MEMBERS.items()
        ],
        "documents": [
            {"name": name, **_said(document), "accepted": ending == "accepted"}
            for ending, documents in DOCUMENTS.items()
            for name, document in documents.items()
        ],
    }


def _cases(said: dict[str, list[str]]) -> list[dict[str, Any]]:
    return [{"value": value, "accepted": ending == "accepted"} for ending in said for value in said[ending]]


def _said(document: str | bytes) -> dict[str, Any]:
    if isinstance(document, bytes):
        return {"hex": document.hex()}
    short = len(document) > 1000 and document == document[0] * len(document)
    return {"repeated": document[0], "times": len(document)} if short else {"text": document}


def text() -> str:
    """What the file must hold."""
    return json.dumps(vectors(), indent=1, ensure_ascii=True) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="ascii")
