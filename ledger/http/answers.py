"""Answers, read as they come: the grammar of HTTP/1.1 is llhttp's, every bound is ours."""

from typing import Any, NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

LONGEST_HEAD = 1 << 16
MOST_HEADERS = 100
DEEPEST = 8
"""Levels of an answer's JSON. Not left to Python's recursion limit: a library of web3 raises that to 100,000 when it is
imported, and an answer that deep overflows the stack."""
FEW_VALUES, VALUE_SIZE = 1 << 20, 24
"""Values and members that the JSON of any answer may have, about, and the bytes of it that each further one takes: a
value takes up to 100 bytes once it is read, and may take 2 before. Those of receipts full of logs take 30."""
MOST_WIDE = 16 << 20
"""Bytes of JSON in which texts may have other characters than ASCII's: one of them can make all take 4 bytes."""
_Scalar = str | int | float | bool | None
Json: Any = _Scalar
for _ in range(DEEPEST):
    Json = _Scalar | list[Json] | dict[str, Json]


def is_bulky(body: bytes | bytearray) -> bool:
    """Whether an answer's JSON, once it is read, could take more memory than a few times its size and 100 MB."""
    if len(body) > MOST_WIDE and (not body.isascii() or b"\\u" in body):
        return True
    most = FEW_VALUES + len(body) // VALUE_SIZE
    return len(body) > most and sum(map(body.count, (b",", b"[", b"{"))) > most


class BrokenAnswer(Exception):
    """An answer that breaks HTTP; the message is in our own words."""


class Answer(NamedTuple):
    """An answer, or as much of its body as was to be read. Headers have lower-case names; of several with one name the
    last counts. `proxy` is the one that it came through and that may have made it up, if any.
    """

    status: int
    headers: dict[str, str]
    body: bytes | bytearray
    proxy: str = ""

    @property
    def good(self) -> bool:
        return 200 <= self.status < 300

    @property
    def type(self) -> str:
        """The content's type, without parameters; empty where none is said."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def is_page(self) -> bool:
        """Whether this is a page for people."""
        return self.type in {"text/html", "application/xhtml+xml"}


class Incoming:
    """An answer under way; llhttp calls what begins with `on_`. `done` once all of it is here."""

    def __init__(self) -> None:
        self.status, self.done, self.surplus, self._lasts = 0, False, False, False
        self.size, self._headed, self._fed = 0, False, 0
        self._headers: dict[str, str] = {}
        self._count = 0
        self._pieces: list[bytes] = []
        self._whole = bytearray()
        self._parser = HttpResponseParser(self)

    def feed(self, data: memoryview) -> None:
        """Take in what came. Raises BrokenAnswer."""
        self._fed += 0 if self._headed else len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if error.__context__ is not None and not isinstance(error.__context__, Exception):
                raise error.__context__ from None  # the user's interrupt, which came while the parser called back
            if not self.done:
                raise BrokenAnswer(f"its answer breaks HTTP ({type(error).__name__})") from error
            self.surplus = True
        if self._count > MOST_HEADERS or (not self._headed and self._fed > LONGEST_HEAD):
            raise BrokenAnswer("the head of its answer is too long")

    @property
    def begun(self) -> bool:
        """Whether any of it came."""
        return self._fed > 0

    @property
    def headed(self) -> bool:
        """Whether its head is here."""
        return self._headed

    @property
    def announced(self) -> bool:
        """Whether its head says where it ends."""
        return "content-length" in self._headers or "chunked" in self._headers.get("transfer-encoding", "").lower()

    @property
    def is_good(self) -> bool:
        """Whether its status is a success."""
        return 200 <= self.status < 300

    @property
    def left(self) -> int:
        """How many bytes of the body are still to come, as far as that is known; 0 else."""
        return 0 if self.done or not self._headed else max(int(self._headers.get("content-length", 0)) - self.size, 0)

    def rest(self, left: int) -> memoryview:
        """Room for the rest of the body, which the caller fills: then all of it is here."""
        self._whole = bytearray(self.size + left)
        self._whole[: self.size] = b"".join(self._pieces)
        start, self.size, self.done = self.size, self.size + left, True
        return memoryview(self._whole)[start:]

    @property
    def stays_open(self) -> bool:
        """Whether another request may follow on the connection."""
        return self.done and not self.surplus and self._lasts

    def answer(self, ceiling: int) -> Answer:
        """What came, with at most `ceiling` bytes of the body."""
        body = self._whole or (self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces))
        return Answer(self.status, self._headers, body if len(body) <= ceiling else body[:ceiling])

    def end(self) -> None:
        """Let go of the parser: it and this hold each other, and a body of megabytes would wait for the collector."""
        del self._parser

    def on_message_begin(self) -> None:
        self.surplus = self.done

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count += 1
        if not self.done and self._count <= MOST_HEADERS:
            self._headers[name.decode("latin-1").lower()] = value.decode("latin-1").strip()

    def on_headers_complete(self) -> None:
        if not self.done:
            self._headed, self.status = True, self._parser.get_status_code()
            self._lasts = self._parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        if not self.done:
            self._pieces.append(data)
            self.size += len(data)

    def on_message_complete(self) -> None:
        if 100 <= self.status < 200:
            self._headed, self._headers = False, {}
        else:
            self.done = True
