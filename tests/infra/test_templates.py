"""The templates hold what they promise. Parsed and evaluated, not compiled: no compiler can be had from a registry.

Every check here is seen to fail in `test_broken.py`.
"""

import json
import re

import pytest

from shared.detection.alert import Alert, read_alert
from tests.infra.checks import ROOT, Templates, read_templates
from tests.infra.checks_service import CHECKS
from tests.infra.syntax import syntax_findings

INFRA = ROOT / "infra"


@pytest.fixture(scope="module")
def templates() -> Templates:
    """The templates as they ship, deployed to nowhere."""
    return read_templates(INFRA)


def test_two_parsers_accept_every_file() -> None:
    """Neither pycep nor tree-sitter finds a fault, each within ten seconds a file."""
    assert len(list(INFRA.rglob("*.bicep"))) >= 15
    assert syntax_findings(INFRA) == []


@pytest.mark.parametrize("check", CHECKS)
def test_the_templates_hold(templates: Templates, check: str) -> None:
    """Nothing is found: least parameters and everything switched on."""
    assert list(CHECKS[check](templates)) == []


def test_detection_reads_the_alerts_dimension(templates: Templates) -> None:
    """What Azure Monitor would send for the rule names the service principal."""
    (rule,) = (one for one in templates.full.resources if one.name == "pratique-test-quarantine")
    dimensions = rule.body["properties"]["criteria"]["allOf"][0]["dimensions"]
    sent = {
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {
            "essentials": {"monitorCondition": "Fired", "firedDateTime": "2026-11-21T10:00:00Z"},
            "alertContext": {
                "conditionType": "LogQueryCriteria",
                "condition": {
                    "allOf": [
                        {"dimensions": [{"name": one["name"], "value": f"of {one['name']}"} for one in dimensions]}
                    ]
                },
            },
        },
    }
    heard = read_alert(json.dumps(sent).encode())
    assert isinstance(heard, Alert)
    assert heard.service_principal_ids == ("of ServicePrincipalId",)


def test_each_part_of_entra_says_who_runs_it() -> None:
    """Every administrator's template begins with the role that it takes, and the page names all three."""
    page = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    for path in sorted((INFRA / "entra").rglob("main.bicep")):
        assert "Administrator" in path.read_text("utf-8")[:400]
        assert f"infra/entra/{path.parent.name}" in page


def unpinned(workflow: str) -> list[str]:
    """Return what a workflow trusts that it should not."""
    used = re.findall(r"uses: (.+)", workflow)
    found = [one for one in used if not re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)]
    if not re.search(r"^permissions:\n  contents: read$", workflow, re.MULTILINE):
        found.append("rights by default")
    return found + re.findall(r"secrets\.\w+|pull_request_target", workflow)


def test_workflows_trust_commits_and_nothing_else() -> None:
    """Every action by its full commit with the release beside it; rights are named; nothing signs in with a secret."""
    texts = {path.name: path.read_text("utf-8") for path in (ROOT / ".github" / "workflows").glob("*.yml")}
    assert {name: unpinned(text) for name, text in texts.items()} == {"ci.yml": []}
    broken = re.sub(r"@[0-9a-f]{40} # (v\d+)\S*", r"@\1", texts["ci.yml"]).replace("permissions:\n", "", 1)
    assert {"actions/checkout@v7", "Azure/setup-azd@v2", "rights by default"} <= set(unpinned(broken))
    assert unpinned(texts["ci.yml"] + "\n  ${{ secrets.AZURE }}") == ["secrets.AZURE"]
