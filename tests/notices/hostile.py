"""Texts that would like to be more than text, and notices made of them."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from shared.notices.notice import Fact, Link, Notice, NoticeKind

LINES = (
    "[x](http://evil.example)",
    "![x](https://evil.example/pixel.png)",
    "**bold** _thin_ __both__ *a* ~~gone~~ `code`",
    "<https://evil.example> <img src=x onerror=alert(1)> </script><script>alert(1)</script>",
    "# heading",
    "- item",
    "+ item",
    "1. item",
    "2) item",
    "> quoted",
    "---",
    "===",
    "* * *",
    "{{DATE(2026-01-31T03:12:07Z,SHORT)}} {{{TIME(2026-01-31T03:12:07Z)}}}",
    "${expression} {{x}}",
    "&amp; &#42;x&#42; &lt;b&gt;",
    "[ref]: https://evil.example",
    "back\\slash \\[x\\](http://evil.example) ends with \\",
    "invalid_credentials _edge_ a__b__c",
    "\u202egnp.exe\u202c zero\u200bwidth \x00\x07\x1b[31mred",
)

_ALPHABET = st.one_of(
    st.sampled_from("\\`*_[]()<>#+-.!~|&;:{}=\"' \n\r\t1aé😀\u202e\u0000\ud800\u2028"), st.characters()
)
TEXTS = st.one_of(
    st.text(_ALPHABET, max_size=60), st.sampled_from(LINES), st.text(_ALPHABET, min_size=200, max_size=900)
)


def stretched(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return the texts, some of them repeated until they are far too long."""
    return st.builds(lambda text, times: text * times, texts, st.sampled_from([1, 1, 1, 1, 30]))


_LONG = stretched(TEXTS)
_LISTS = st.lists(_LONG, max_size=4).flatmap(lambda some: st.sampled_from([some, some * 20])).map(tuple)

NOTICES = st.builds(
    Notice,
    kind=st.sampled_from(NoticeKind),
    subject=_LONG,
    headline=_LONG,
    summary=_LONG,
    facts=st.lists(st.builds(Fact, TEXTS, _LONG), max_size=30).map(tuple),
    done=_LISTS,
    next_steps=_LISTS,
    links=st.lists(st.builds(Link, TEXTS, TEXTS.map(lambda text: f"https://portal.azure.com/{text}")), max_size=9).map(
        tuple
    ),
    said=_LONG,
    reference=_LONG,
    at=st.just(datetime(2026, 1, 31, 3, 12, 7, tzinfo=UTC)),
)


def notice_of(lines: tuple[str, ...]) -> Notice:
    """Return a notice that says the lines wherever something from outside can stand."""
    return Notice(
        kind=NoticeKind.NEEDS_YOU,
        subject=lines[0],
        headline=lines[0],
        summary=" ".join(lines),
        facts=tuple(Fact(line[:8], line) for line in lines),
        done=lines,
        next_steps=lines,
        links=(),
        said="\n".join(lines),
        reference=lines[0],
        at=datetime(2026, 1, 31, 3, 12, 7, tzinfo=UTC),
    )
