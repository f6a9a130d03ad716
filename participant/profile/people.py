"""Columns that may tell who somebody is: by their name, by how their texts look, or since every value stands once."""

import re
from collections.abc import Sequence

_NAMES = re.compile(
    r"(^|[\W_])(name|surname|firstname|lastname|forename|patient|patient_?id|person|mrn|ssn|nhs|nric|passport|e?-?mail"
    r"|phone|mobile|telephone|address|street|postcode|zip|birth|birthdate|dob|date_?of_?birth|id|uid|uuid|iban|account)"
    r"($|[\W_])|姓名|名字|身[分份]證|身份证|病歷號|病历号|電話|电话|手機|手机|地址|住址|生日|出生|郵遞|邮编|護照|护照|健保卡",
    re.IGNORECASE,
)
_LOOKS = (
    ("e-mail addresses", re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")),
    ("national identity numbers", re.compile(r"[A-Z][1289A-D][0-9]{8}|[0-9]{17}[0-9Xx]|[0-9]{3}-[0-9]{2}-[0-9]{4}")),
    ("telephone numbers", re.compile(r"(\+[0-9]{1,3}[ -]?|0)[0-9]{1,4}[ -][0-9]{3,4}[ -]?[0-9]{3,4}|09[0-9]{8}")),
)
_HALF = 0.5


def by_name(name: str) -> bool:
    """Whether a column's name says that it tells who somebody is."""
    return _NAMES.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)) is not None


def by_look(cells: Sequence[str]) -> str:
    """What at least half of the cells look like, in words; else nothing."""
    texts = [cell.strip() for cell in cells if cell.strip()]
    for what, form in _LOOKS:
        if texts and sum(bool(form.fullmatch(text)) for text in texts) >= _HALF * len(texts):
            return what
    return ""
