"""What can be read from one message: its code's family, the target's HTTP status, the SCIM error type; pure.

Entra shows the target's answer inside free text: `StatusCode: Conflict`, `HTTP/404`, `"status":"409"`, a SCIM error
body. Codes carry a connector's name in front (`BoxEntryConflict`), so they are
compared by how they end. Source: Microsoft Learn, "How to analyze the Microsoft Entra provisioning logs".
"""

import re
from dataclasses import dataclass
from http import HTTPStatus

_PHRASES: dict[str, int] = {
    status.phrase.replace(" ", "").replace("-", "").casefold(): status.value for status in HTTPStatus
}
_STATUS = re.compile(
    r"""(?ix) (?: \bhttp(?:/\d(?:\.\d)?)?(?:[/\s]+|\s*status\s*(?:code)?\s*[:=]?\s*)
            | \bstatus(?:\s*code)?["'\s]*[:=]\s*["']?
            | \b(?:error|code|status)\s*:?\s*\((?=\d) | \berror(?:\s+code)?\s*[:=]?\s*(?=\d)
            | \bresponse\s+code\s*[:=]?\s* | \bstatus\s+code\s+(?:is\s+|of\s+)?["']?
            | (?<![\w.:/-])(?=[45]\d\d[\s:-]+(?:unauthorized|forbidden|not\ found|conflict|bad\ request
                | internal\ server|service\ unavailable|bad\ gateway|gateway\ time|too\ many|unprocessable|method\ not
                | not\ implemented)) )
        (?P<status>[1-5]\d\d\b|[a-z][a-z\s-]{2,30})"""
)
_SCIM_TYPE = re.compile(r"""(?i)["']{1,2}scimType["']{1,2}\s*:\s*["']{1,2}(\w+)""")
# A code inside the text: at least two words run together, as in `BoxEntryConflict`.
_CODE = re.compile(r"\b[A-Z][a-z]+(?:[A-Z][a-z0-9]*){1,12}\b")
_SNAKE = re.compile(r"\b[A-Za-z]+(?:_[A-Za-z]+){1,8}\b")
_MOST_CODES = 30
_LONGEST = 20_000
_LONGEST_CODE = 300


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that some service said about a job or an entry."""

    message: str = ""
    code: str = ""
    reason: str = ""
    status: int | None = None
    application: str = ""


@dataclass(frozen=True, slots=True)
class Features:
    """What rules look at."""

    words: str
    codes: tuple[str, ...]
    reason: str
    status: int | None
    scim_type: str
    application: str


def features(said: Said) -> Features:
    """Read a message; anything unreadable is simply absent."""
    message = said.message[:_LONGEST]
    scim = _SCIM_TYPE.search(message)
    return Features(
        words=" ".join(f"{message} {said.code} {_spelled_out(message)}".split()),
        codes=(said.code.strip()[:_LONGEST_CODE], *_codes_in(message)),
        reason=said.reason.strip(),
        status=said.status if said.status is not None else status_in(message),
        scim_type=scim[1].casefold() if scim else "",
        application=said.application,
    )


def _spelled_out(message: str) -> str:
    """Return codes such as `DUPLICATE_USERNAME` as words, so that families of wording know them too."""
    return " ".join(code.replace("_", " ") for code in _SNAKE.findall(message)[:_MOST_CODES])


def _codes_in(message: str) -> list[str]:
    found = dict.fromkeys(_CODE.findall(message)[:_MOST_CODES])
    return [code for code in found if code.casefold() not in _PHRASES]


def status_in(message: str) -> int | None:
    """Return the first HTTP error status that the message names, in figures or in words."""
    for match in _STATUS.finditer(message):
        text = match["status"].strip()
        number = int(text) if text.isdecimal() else _phrase(text)
        if number is not None and number >= HTTPStatus.BAD_REQUEST:
            return number
    return None


def _phrase(text: str) -> int | None:
    words = text.replace("-", " ").split()
    for count in range(min(len(words), 4), 0, -1):
        known = _PHRASES.get("".join(words[:count]).casefold())
        if known is not None:
            return known
    return None
