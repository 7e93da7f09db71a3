"""The report: one page whatever the evidence, no secret, no escape sequence, no foreign markup."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.diagnosis.causes import Cause, Confidence
from shared.diagnosis.condition import Condition
from shared.diagnosis.diagnosis import Diagnosis, OtherCause
from shared.diagnosis.evidence import Evidence, FailureGroup, Part, ProbeFinding, Sight
from shared.diagnosis.report import Findings, to_dict, to_markdown, to_text
from shared.jobs.model import ServicePrincipal
from shared.jobs.reading import read_job
from shared.tokens.credential_test import CredentialTest, TestResult
from tests.pure.material import JOB, SP, T0, UNHURRIED, stamp

_SECRET = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"
_HOSTILE = (
    f"\x1b[31m@everyone [here](https://evil.example) ``` <img src=x> | # a\n\n# b Authorization: Bearer {_SECRET}"
)
_JOB = read_job(
    SP,
    {
        "id": JOB,
        "schedule": {"state": "Active"},
        "status": {
            "code": "Quarantine",
            "quarantine": {
                "reason": "EncounteredEscrowProportionThreshold",
                "seriesBegan": stamp(T0 - timedelta(days=3)),
                "error": {"code": "BoxEntryConflict", "message": _HOSTILE},
            },
        },
    },
)


def _findings(text: str = "A value is taken.", kinds: int = 3) -> Findings:
    groups = tuple(
        FailureGroup(f"Code{number} {text}", "EntryExportAdd", 90_000 - number, 40_000, (text, text, text))
        for number in range(kinds)
    )
    evidence = Evidence(
        at=T0,
        sights=dict.fromkeys(Part, Sight.READ) | {Part.PROBE: Sight.BLIND},
        blind_because={Part.PROBE: text},
        job=_JOB,
        secret_keys=("BaseAddress", "SecretToken"),
        audit=(text,) * 3,
        failures=groups,
        failures_since=T0,
        credential_test=CredentialTest(TestResult.PASSED, "", ""),
        probe=ProbeFinding.OK,
    )
    others = tuple(OtherCause(cause, 10, 0.1) for cause in list(Cause)[:kinds])
    reasons = (text,) * max(kinds, 1)
    diagnosis = Diagnosis(
        Cause.UNIQUENESS_CONFLICT, Confidence.HIGH, reasons, others=others, blind=(Part.PROBE,), said=text * 40
    )
    application = ServicePrincipal(SP, "0d1e", text)
    return Findings(application, _JOB, evidence, diagnosis, Condition.QUARANTINED, "https://entra.example/#page")


def test_the_text_says_cause_reasons_evidence_remedy_and_countdown() -> None:
    """Everything that a person needs is there, and each part of the evidence is named with its sight."""
    text = " ".join(to_text(_findings()).split())
    assert "Cause: uniqueness_conflict (high confidence)" in text
    assert "Entra disables the job on 2026-02-25, in 25 days." in text
    assert "blind SCIM probe from our network" in text
    assert "read Test of the saved credential: passed" in text
    assert 'Join("-"' in text
    assert "90,000 x Code0" in text
    assert "https://entra.example/#page" in text


@pytest.mark.parametrize("kinds", [0, 3, 500])
def test_any_amount_of_evidence_makes_one_page_of_eighty_columns(kinds: int) -> None:
    """Five hundred kinds of failure take no more room than six."""
    lines = to_text(_findings(kinds=kinds)).splitlines()
    assert len(lines) <= 100
    assert [line for line in lines if len(line) > 80 and "https://" not in line and JOB not in line] == []
    assert len(to_markdown(_findings(kinds=kinds))) < 12_000
    assert len(json.dumps(to_dict(_findings(kinds=kinds)))) < 40_000


def test_texts_from_outside_neither_leak_nor_act_in_a_terminal() -> None:
    """Credentials are gone, and so are escape sequences."""
    findings = _findings(_HOSTILE)
    for page in (to_text(findings), to_markdown(findings), json.dumps(to_dict(findings))):
        assert _SECRET not in page
        assert "\x1b" not in page
        assert "\\u001b" not in page


def test_texts_from_outside_are_no_markup_in_markdown() -> None:
    """Links, headings, images and mentions stand inside code, and no text closes its fence."""
    markdown = to_markdown(_findings(_HOSTILE))
    outside = _outside_code(markdown)
    assert markdown.count("\\@\N{ZERO WIDTH SPACE}everyone") == len(_findings().diagnosis.reasons)
    assert "](https://evil" not in outside
    assert "<img" not in outside
    assert "@everyone" not in outside
    assert not [line for line in outside.splitlines() if line.startswith("# ")]


@UNHURRIED
@given(text=st.text(alphabet="`~\n #[]()<>|*_\\@a:/.", max_size=60))
def test_no_text_can_end_the_code_that_it_stands_in(text: str) -> None:
    """However many backticks it brings, what was said stays within the last fence."""
    findings = _findings()
    markdown = to_markdown(replace(findings, diagnosis=replace(findings.diagnosis, said=text)))
    head, _, tail = markdown.partition("### What was said")
    assert head.startswith("## Provisioning of ")
    if tail:
        _, _, fence, *said, closing = tail.rstrip("\n").split("\n")
        assert fence == f"{closing}text"
        assert all(closing not in line for line in said)


def test_a_healthy_job_gets_no_remedy() -> None:
    """Nobody is sent to mend what works."""
    healthy = replace(_findings(), condition=Condition.HEALTHY)
    assert to_dict(healthy)["remedies"] == []
    assert "What to do" not in to_text(healthy)


def test_a_paused_job_is_told_how_to_start_and_not_what_its_last_cause_was() -> None:
    """The condition's own remedy stands alone where no failure is to be mended."""
    paused = to_dict(replace(_findings(), condition=Condition.PAUSED))["remedies"]
    assert len(paused) == 1
    assert any(step["what"] == "Start provisioning." and step["link"] for step in paused[0]["steps"])


def test_a_job_that_fails_quietly_gets_both_remedies() -> None:
    """That nobody is told is said first, then how to mend the failures."""
    quiet = to_dict(replace(_findings(), condition=Condition.FAILING_WITHOUT_QUARANTINE))["remedies"]
    assert len(quiet) == 2


def _outside_code(markdown: str) -> str:
    """Return what a Markdown reader would take for markup: everything but fenced and inline code."""
    kept, fence = [], ""
    for line in markdown.splitlines():
        run = line[: len(line) - len(line.lstrip("`"))]
        if fence:
            fence = "" if run == fence else fence
        elif len(run) >= 3:
            fence = run
        else:
            kept.append(_without_spans(line))
    return "\n".join(kept)


def _without_spans(line: str) -> str:
    kept, at = "", 0
    while at < len(line):
        if line[at] == "\\":
            at += 2  # an escaped character is no markup
            continue
        if line[at] != "`":
            kept, at = kept + line[at], at + 1
            continue
        run = len(line[at:]) - len(line[at:].lstrip("`"))
        end = at + run
        while end < len(line):  # a code span ends at the next run of the same length
            if line[end] != "`":
                end += 1
                continue
            closing = len(line[end:]) - len(line[end:].lstrip("`"))
            end += closing
            if closing == run:
                break
        at = end
    return kept
