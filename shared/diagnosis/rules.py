"""The table of rules, read and checked once from `rules.toml`; docs/diagnosis.md shows it as a page."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from shared.diagnosis.causes import Cause, Confidence
from shared.diagnosis.features import Features

TABLE = Path(__file__).parent / "rules.toml"
_KNOWN = frozenset(
    {"name", "cause", "confidence", "why", "words", "code", "reason", "status", "scim_type", "application"}
    | {"credential_rejected"}
)


@dataclass(frozen=True, slots=True)
class Rule:
    """All conditions that are given must hold; `credential_rejected` says that the target refused the credential."""

    name: str
    cause: Cause
    confidence: Confidence
    why: str
    words: re.Pattern[str] | None
    code: re.Pattern[str] | None
    reason: re.Pattern[str] | None
    application: re.Pattern[str] | None
    statuses: frozenset[int]
    scim_types: frozenset[str]
    credential_rejected: bool

    def fits(self, said: Features) -> bool:
        """Say whether every condition of the rule holds."""
        return (
            (not self.statuses or said.status in self.statuses)
            and (not self.scim_types or said.scim_type in self.scim_types)
            and (self.reason is None or self.reason.search(said.reason) is not None)
            and (self.application is None or self.application.search(said.application) is not None)
            and (self.code is None or any(self.code.search(code) for code in said.codes))
            and (self.words is None or self.words.search(said.words) is not None)
        )


@cache
def rules() -> tuple[Rule, ...]:
    """Return the rules in the order in which they are tried.

    Raises:
        ValueError: the table has a rule without conditions, an unknown word, or two rules of one name.
    """
    raw = tomllib.loads(TABLE.read_text(encoding="utf-8"))["rule"]
    read = tuple(_read(entry) for entry in raw)
    if len({rule.name for rule in read}) != len(read):
        message = "two rules have the same name"
        raise ValueError(message)
    return read


def _read(raw: Mapping[str, Any]) -> Rule:
    if unknown := set(raw) - _KNOWN:
        message = f"rule {raw.get('name')} has unknown conditions: {', '.join(sorted(unknown))}"
        raise ValueError(message)
    rule = Rule(
        name=raw["name"],
        cause=Cause(raw["cause"]),
        confidence=Confidence(raw["confidence"]),
        why=raw["why"],
        words=_pattern(raw.get("words", ()), "(?:{})"),
        code=_pattern(raw.get("code", ()), "(?:{})$"),
        reason=_pattern(raw.get("reason", ()), "^(?:{})$"),
        application=_pattern(raw.get("application", ()), "(?:{})"),
        statuses=frozenset(raw.get("status", ())),
        scim_types=frozenset(raw.get("scim_type", ())),
        credential_rejected=raw.get("credential_rejected", False),
    )
    if not any((rule.words, rule.code, rule.reason, rule.application, rule.statuses, rule.scim_types)):
        message = f"rule {rule.name} has no condition"
        raise ValueError(message)
    return rule


def _pattern(alternatives: Sequence[str], frame: str) -> re.Pattern[str] | None:
    return re.compile(frame.format("|".join(alternatives)), re.IGNORECASE) if alternatives else None
