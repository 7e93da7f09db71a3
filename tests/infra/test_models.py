"""The Azure SDK's models know every property and value of the templates, and what is misspelt is found."""

# ruff: noqa: E501 -- one line a breakage, so that the table can be read down

from pathlib import Path

import pytest

from tests.infra.checks import ROOT, read_templates
from tests.infra.conftest import MODULES, spoil
from tests.infra.models import WITHOUT_MODEL, model_findings

MISSPELT = [
    ("app", "httpsOnly: true", "httpOnly: true", "httpOnly is no property"),
    ("app", "type: 'blobContainer'", "type: 'blob'", "'blob' is not in FunctionsDeploymentStorageType"),
    ("app", "instanceMemoryMB: instanceMemoryMB", "instanceMemory: instanceMemoryMB", "instanceMemory is no property"),
    ("storage", "kind: 'StorageV2'", "kind: 'StorageV3'", "'StorageV3' is not in Kind"),
    ("storage", "bypass: 'AzureServices'", "bypas: 'AzureServices'", "bypas is no property"),
    ("keyvault", "enableRbacAuthorization", "enableRBACAuthorization", "enableRBACAuthorization is no property"),
    ("events", "queueName: queueName", "queue: queueName", "queue is no property"),
    ("events", "eventDeliverySchema: 'EventGridSchema'", "eventDeliverySchema: 'Plain'", "'Plain' is not in"),
    ("alerts", "operator: 'GreaterThan'\n          threshold", "operator: 'MoreThan'\n          threshold", "'MoreThan' is not in ConditionOperator"),
    ("alerts", "useAadAuth: true", "useAADAuth: true", "useAADAuth is no property"),
    ("auth", "'Return401' :", "'Refuse' :", "'Refuse' is not in"),
    ("monitoring", "DisableLocalAuth: true", "DisableLocalAuthentication: true", "DisableLocalAuthentication is no property"),
    ("network", "groupIds:", "groups:", "groups is no property"),
    ("roles", "principalType: 'ServicePrincipal'", "principalType: 'Identity'", "'Identity' is not in PrincipalType"),
    ("workbook", "Microsoft.Insights/workbooks@", "Microsoft.Insights/workbook@", "neither a model nor an exception"),
]  # fmt: skip


def test_the_sdk_knows_every_property_and_value() -> None:
    """No property is misspelt and no value is outside its enumeration, where the SDK has a model."""
    templates = read_templates(ROOT / "infra")
    resources = [*templates.both, *(resource for one in templates.entra.values() for resource in one.resources)]
    assert model_findings(resources) == []
    assert {one.type for one in resources} >= WITHOUT_MODEL.keys()


@pytest.mark.parametrize(("module", "old", "new", "finding"), MISSPELT)
def test_the_sdk_finds_what_is_misspelt(copy: Path, module: str, old: str, new: str, finding: str) -> None:
    """A property or value that the service does not know is named."""
    spoil(copy, f"{MODULES}/{module}.bicep", old, new)
    found = model_findings(read_templates(copy / "infra").both)
    assert any(finding in one for one in found), found
