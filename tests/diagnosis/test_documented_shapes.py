"""Shapes that Microsoft's pages and public samples show, odd ones included, with values of our own."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.diagnosis.causes import Cause
from shared.diagnosis.condition import Condition, condition_of
from shared.diagnosis.evidence import Evidence
from shared.diagnosis.judgement import judge
from shared.jobs.reading import read_job

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NEVER = "0001-01-01T00:00:00Z"
NEVER_RUN = {
    "id": "Azure2Azure.1",
    "schedule": {"expiration": None, "interval": "PT40M", "state": "Active"},
    "status": {
        "code": "NotRun",
        "quarantine": None,
        "troubleshootingUrl": "",
        "lastExecution": {
            "state": "Failed",
            "timeBegan": NEVER,
            "timeEnded": NEVER,
            "error": {"code": "None", "message": "", "tenantActionable": False},
        },
    },
}
CREATED_PAUSED = {
    "id": "Azure2Azure.2",
    "schedule": {"interval": "P10675199DT2H48M5.4775807S", "state": "Disabled"},
    "status": {"code": "Paused", "lastExecution": None, "quarantine": None, "steadyStateFirstAchievedTime": NEVER},
}
NO_ERROR_IN_QUARANTINE = {
    "status": {
        "code": "Quarantine",
        "quarantine": {
            "reason": "EncounteredQuarantineException",
            "nextAttempt": NEVER,
            "seriesBegan": "",
            "seriesCount": 3,
        },
        "lastExecution": {"state": "Failed", "error": {"code": "BoxEntryConflict", "message": "409"}},
    }
}
UNKNOWN_WORDS = {
    "status": {
        "code": "Quarantine",
        "quarantine": {
            "reason": "SomethingNew2027",
            "error": {"code": "BrandNewCode", "message": "odd", "tenantActionable": None},
        },
    }
}
NO_TENANT_URL = {
    "status": {
        "code": "Quarantine",
        "quarantine": {
            "reason": "EncounteredQuarantineException",
            "currentBegan": "2026-02-24T21:45:54.4981365Z",
            "error": {
                "code": "SystemForCrossDomainIdentityManagementInvalidCredentials",
                "message": "Please provide a valid tenant URL for your application.",
            },
        },
    }
}


@pytest.mark.parametrize(
    ("raw", "condition", "cause"),
    [
        (NEVER_RUN, Condition.NEVER_STARTED, Cause.UNKNOWN),
        (CREATED_PAUSED, Condition.NEVER_STARTED, Cause.UNKNOWN),
        (NO_ERROR_IN_QUARANTINE, Condition.QUARANTINED, Cause.UNIQUENESS_CONFLICT),
        (UNKNOWN_WORDS, Condition.QUARANTINED, Cause.UNKNOWN),
        (NO_TENANT_URL, Condition.QUARANTINED, Cause.INVALID_CREDENTIALS),
        ({}, Condition.UNKNOWN, Cause.UNKNOWN),
    ],
    ids=[
        "never run says Failed",
        "created paused",
        "quarantine without error",
        "unknown words",
        "no tenant URL",
        "empty",
    ],
)
def test_documented_jobs_get_a_sensible_diagnosis(raw: dict[str, Any], condition: Condition, cause: Cause) -> None:
    """Year-1 dates, empty strings, .NET's longest interval, missing parts and new words mislead nobody."""
    job = read_job("sp", raw)
    diagnosis = judge(Evidence(NOW, job=job))
    assert (condition_of(job, NOW), diagnosis.cause) == (condition, cause)
    assert not diagnosis.may_rotate


def test_an_unknown_reason_keeps_its_words() -> None:
    """What this release does not know is kept for people to read."""
    job = read_job("sp", UNKNOWN_WORDS)
    assert job.quarantine is not None
    assert job.quarantine.reason_text == "SomethingNew2027"
    assert judge(Evidence(NOW, job=job)).said == "odd"
