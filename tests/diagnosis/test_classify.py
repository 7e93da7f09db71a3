"""`./pratique classify`: one answer a line, bad lines alone are bad, and the score adds up."""

import json
import math
import subprocess
import sys
import time

import pytest

from cli.classify import wilson
from cli.rules_page import PAGE, with_rules
from tests.cli.running import ROOT, Ran, environment


def _classify(text: bytes, *options: str) -> Ran:
    done = subprocess.run(
        [sys.executable, "-m", "cli", "classify", *options],
        input=text,
        capture_output=True,
        env=environment(),
        cwd=ROOT,
        check=False,
        timeout=60,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def _line(**values: object) -> bytes:
    return json.dumps(values).encode() + b"\n"


_GONE = {"id": "a", "message": "StatusCode: Unauthorized", "error_code": "X", "http_status": 401}
_TAKEN = {"id": 7, "message": "StatusCode: Conflict", "error_code": "ContosoEntryConflict", "quarantine_reason": None}


def test_each_line_gets_its_answer_in_order() -> None:
    """The answer carries the id as it was given, cause, confidence, why, and whether to rotate."""
    ran = _classify(_line(**_GONE) + b"\n" + _line(**_TAKEN) + b"{}")
    answers = [json.loads(line) for line in ran.out.splitlines()]
    assert ran.code == 0
    assert [answer.get("id") for answer in answers] == ["a", 7, None]
    assert [answer["cause"] for answer in answers] == ["invalid_credentials", "uniqueness_conflict", "unknown"]
    assert [answer["may_rotate"] for answer in answers] == [True, False, False]
    assert set(answers[0]) == {"id", "cause", "confidence", "why", "may_rotate"}


@pytest.mark.parametrize(
    "bad",
    [
        b"no json",
        b"[1]",
        b"null",
        b'{"id": "b", "message": 3}',
        b'{"id": "b", "http_status": "many"}',
        b'{"id": "b", "http_status": true}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"id": 1e999, "message": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_bad_line_gets_an_error_and_changes_no_other(bad: bytes) -> None:
    """The others are answered as ever; the exit code is 1 in the end."""
    ran = _classify(_line(**_GONE) + bad + b"\n" + _line(**_TAKEN))
    answers = [json.loads(line) for line in ran.out.splitlines()]
    assert ran.code == 1
    assert [("error" in answer) for answer in answers] == [False, True, False]
    assert "line 2" in answers[1]["error"]
    assert ran.err == ""


def test_the_score_counts_right_wrong_and_bad_lines() -> None:
    """Two of three are right; the confusion and the line that was left out are named."""
    ran = _classify(
        _line(**_GONE, label="invalid_credentials", confidence="high")
        + _line(**_TAKEN, label="uniqueness_conflict", confidence="low")
        + _line(id="c", message="StatusCode: Conflict", label="rate_limited", confidence="high")
        + _line(id="d", message="StatusCode: Conflict", label="no such cause"),
        "--score",
    )
    assert ran.code == 1
    assert "accuracy, all lines: 2/3 = 66.7%" in ran.out
    assert "accuracy, labels of high confidence: 1/2" in ran.out
    assert "rate_limited named uniqueness_conflict: c" in ran.out
    assert "may_rotate: 1 of 1 credential lines; 0 wrongly" in ran.out
    assert "lines left out: 1" in ran.out


@pytest.mark.parametrize(("right", "of"), [(0, 10), (10, 10), (95, 100), (1, 3)])
def test_the_interval_is_wilsons(right: int, of: int) -> None:
    """Its ends are where the score test just does not reject: |p - x/n| = z * sqrt(p(1-p)/n)."""
    for end in wilson(right, of):
        if 1e-9 < end < 1 - 1e-9:
            assert math.isclose(abs(end - right / of), 1.959964 * math.sqrt(end * (1 - end) / of), rel_tol=1e-6)
    low, high = wilson(right, of)
    assert low <= right / of <= high


def test_it_answers_at_once_and_loads_no_client() -> None:
    """Half a second, start included (the best of three), and no SDK among the modules."""
    took = []
    for _ in range(3):
        began = time.perf_counter()
        _classify(_line(**_GONE))
        took.append(time.perf_counter() - began)
    assert min(took) < 0.5
    script = (
        "import sys, io; sys.stdin = io.StringIO('{}'); from cli.__main__ import main; main(['classify']);"
        "print([name for name in sys.modules if name.split('.')[0] in ('azure', 'msgraph', 'httpx', 'aiohttp')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, env=environment(), cwd=ROOT, check=True)
    assert done.stdout.decode().splitlines()[-1] == "[]"


def test_the_docs_page_shows_the_rules_that_are_in_force() -> None:
    """When this fails: run `python -m cli.rules_page`."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_rules(page)
