"""Each check of the templates fails when what it checks is broken: a copy is, on purpose, and the check says so."""

# ruff: noqa: E501 -- one line a breakage, so that the tables can be read down

from pathlib import Path

import pytest

from tests.infra.checks import read_templates
from tests.infra.checks_service import CHECKS
from tests.infra.conftest import MODULES, spoil
from tests.infra.language import EvaluationError
from tests.infra.syntax import syntax_findings

READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
KEPT = "AZURE_CLIENT_ID: identity.outputs.clientId"

BROKEN = [
    ("unused", f"{MODULES}/identity.bicep", "param name string", "param name string\nparam spare string = ''", "spare"),
    ("unused", "infra/main.bicep", "module workbook", "var spare = 1\nmodule workbook", "main.bicep:spare is never used"),
    ("referred_to", "infra/main.bicep", "topicName: topic.outputs.name", "topicName: '${topic.outputs.name}s'", "events.bicep:topic: nobody makes"),
    ("referred_to", "infra/main.bicep", "'log-pratique-${token}' : workspaceParts[8]", "'logs-pratique-${token}' : workspaceParts[8]", "workspace-access.bicep:workspace: nobody makes"),
    ("referred_to", "infra/main.bicep", "group.name : workspaceParts[4]", "group.name : workspaceParts[2]", "workspace-access.bicep:workspace: nobody makes"),
    ("api_versions", f"{MODULES}/keyvault.bicep", "vaults@2024-11-01", "vaults@2024-12-01-preview", "is not on the list"),
    ("roles", f"{MODULES}/roles.bicep", "b7e6dc6d-f1e8-4753-8033-0f276bb0955b", READER, "unknown role"),
    ("roles", f"{MODULES}/roles.bicep", "scope: vault", "scope: account", "Key Vault Secrets User Microsoft.Storage"),
    ("roles", f"{MODULES}/roles.bicep", "minting ? secretsOfficer : secretsUser", "minting ? secretsOfficer : secretsOfficer", "Secrets Officer Microsoft.KeyVault/vaults is assigned but"),
    ("roles", f"{MODULES}/roles.bicep", "blobDataOwner, queueDataContributor, ", "blobDataOwner, ", "Queue Data Contributor Microsoft.Storage/storageAccounts is on the list but"),
    ("roles", f"{MODULES}/workspace-access.bicep", "principalType: 'ServicePrincipal'", "principalType: 'User'", "type is not said"),
    ("graph_permissions", "infra/entra/graph-permissions/main.bicep", "'Application.Read.All' ] :", "'AuditLog.Read.All' ] :", "tenant-wide grants AuditLog"),
    ("graph_permissions", "infra/entra/graph-permissions/main.bicep", "18a4783c-866b-4cc7-a460-3d5e5662c884", "b633e1c5-b582-4048-a93e-9f11b44c7e96", "owned grants unknown"),
    ("secrets", "infra/main.bicep", "output AZURE_LOCATION string = location", "output AZURE_CONNECTION string = monitoring.outputs.applicationInsightsConnection", "an output names a connection"),
    ("secrets", "infra/main.bicep", "teamsWebhookSecretName", "teamsWebhookSecret", "parameter teamsWebhookSecret is not marked secure"),
    ("secrets", "infra/main.bicep", KEPT, f"{KEPT}\n  AzureWebJobsStorage: 'UseDevelopmentStorage=true'", "secret setting AzureWebJobsStorage is set"),
    ("secrets", f"{MODULES}/storage.bicep", "output id string", "output key string = empty(name) ? account.listKeys().keys[0].value : ''\noutput id string", "listKeys"),
    ("secrets", "infra/main.bicep", KEPT, f"{KEPT}\n  X: 'https://x.example/?sig=abc'", "X looks like a secret"),
    ("locked_down", f"{MODULES}/storage.bicep", "allowSharedKeyAccess: false", "allowSharedKeyAccess: true", "allowSharedKeyAccess"),
    ("locked_down", f"{MODULES}/keyvault.bicep", "    enablePurgeProtection: true\n", "", "enablePurgeProtection"),
    ("locked_down", f"{MODULES}/keyvault.bicep", "restricted ? 'Deny' : 'Allow'", "restricted ? 'Allow' : 'Allow'", "lets everybody in"),
    ("flex", "infra/main.bicep", KEPT, f"{KEPT}\n  FUNCTIONS_WORKER_RUNTIME: 'python'", "FUNCTIONS_WORKER_RUNTIME is not for Flex"),
    ("flex", "infra/main.bicep", KEPT, f"{KEPT}\n  WEBSITE_RUN_FROM_PACKAGE: '1'", "WEBSITE_RUN_FROM_PACKAGE"),
    ("flex", f"{MODULES}/app.bicep", "ftpsState: 'Disabled'", "linuxFxVersion: 'Python|3.13'", "siteConfig has linuxFxVersion"),
    ("flex", f"{MODULES}/app.bicep", "version: '3.13'", "version: '3.12'", "Python 3.13"),
    ("flex", "infra/main.bicep", "blobEndpoint}${deploymentContainer}", "blobEndpoint}packages", "container packages is not made"),
    ("sign_in", f"{MODULES}/auth.bicep", "platform: { enabled: enabled", "platform: { enabled: false", "sign-in is False"),
    ("sign_in", f"{MODULES}/auth.bicep", "${tenant().tenantId}/v2.0", "common/v2.0", "the issuer is"),
    ("sign_in", f"{MODULES}/auth.bicep", "requireHttps: true", "requireHttps: false", "https is False"),
    ("sign_in", "infra/main.bicep", "[ azureMonitorWebhook, azureCli ]", "[ azureMonitorWebhook, azureCli, '1950a258-227b-4e31-a9cf-717495945fc2' ]", "the callers is"),
    ("sign_in", "infra/main.bicep", "empty(signInClientId) ? 'off' : 'required'", "empty(signInClientId) ? 'off' : 'off'", "told that sign-in is off"),
    ("application", "infra/entra/sign-in/main.bicep", "appRoleAssignmentRequired: true", "appRoleAssignmentRequired: false", "whoever is in the tenant"),
    ("application", "infra/entra/sign-in/main.bicep", "'AzureADMyOrg'", "'AzureADMultipleOrgs'", "other tenants"),
    ("application", "infra/entra/sign-in/main.bicep", "value: 'Pratique.Operator'", "value: 'Pratique.Operators'", "the roles are not the code's"),
    ("application", "infra/entra/sign-in/main.bicep", "appRoleId: webhookRole", "appRoleId: operatorRole", "a role is given to somebody else"),
    ("firing", f"{MODULES}/alerts.bicep", "threshold: 2 ", "threshold: 3000 ", "failures: fires at 2, or not at 3"),
    ("firing", f"{MODULES}/alerts.bicep", "operator: 'LessThan'", "operator: 'GreaterThan'", "no-sweep: fires at 1"),
    ("kept", "infra/entra/diagnostics/main.bicep", "'ProvisioningLogs'", "'SignInLogs'", "infra/entra/diagnostics sends"),
    ("kept", f"{MODULES}/monitoring.bicep", "disableLocalAuth: true", "disableLocalAuth: false", "with a key"),
    ("kept", f"{MODULES}/keyvault.bicep", "category: 'AuditEvent', enabled: true", "category: 'AuditEvent', enabled: false", "the service keeps"),
    ("kept", f"{MODULES}/storage.bicep", ", { category: 'StorageDelete', enabled: true }", "", "the service keeps"),
    ("precedence", "infra/main.bicep", "union(defaults, otherSettings, given)", "union(defaults, given, otherSettings)", "replaces what the template knows"),
    ("precedence", "infra/main.bicep", "union(defaults, otherSettings, given)", "union(otherSettings, defaults, given)", "otherSettings changes nothing"),
    ("locked_down", f"{MODULES}/events.bicep", "'EventGridSchema'", "'CloudEventSchemaV1_0'", "eventDeliverySchema"),
    ("unused", f"{MODULES}/storage.bicep", "output id string", "output spare string = account.name\noutput id string", "storage.bicep:output spare is never used"),
    ("names", "infra/main.bicep", "  'pratiqueparked'\n", "", "pratiqueparked is in the code but not made"),
    ("names", "infra/main.bicep", "'pratique-signals'", "'pratique-signal'", "pratique-signal is made but the code knows none"),
    ("names", f"{MODULES}/storage.bicep", "'-poison' ]", "'-poisoned' ]", "pratique-signals-poison is in the code but not made"),
    ("events", f"{MODULES}/events.bicep", "Microsoft.KeyVault.SecretExpired", "Microsoft.KeyVault.KeyExpired", "not those that the code reads"),
    ("events", "infra/main.bicep", "queueName: vaultEventsQueue", "queueName: signalsQueue", "another queue"),
    ("events", "infra/main.bicep", "name: 'evgt-pratique-${token}'\n    vaultId: vault.outputs.id", "name: 'evgt-pratique-${token}'\n    vaultId: storage.outputs.id", "not the vault's"),
    ("alerts", "queries/quarantine_events.kql", "| project", "| where Id != ''\n| project", "does not run the shipped query"),
    ("alerts", f"{MODULES}/alerts.bicep", "{ name: 'ServicePrincipalId', operator: 'Include', values: [ '*' ] }\n", "", "not split by service principal"),
    ("alerts", f"{MODULES}/alerts.bicep", "autoMitigate: false", "autoMitigate: true", "would say that it is resolved"),
    ("alerts", f"{MODULES}/alerts.bicep", "windowSize: 'PT30M'", "windowSize: 'PT20M'", "quarantine: no rule can have this window"),
    ("alerts", f"{MODULES}/alerts.bicep", "name: 'blind'", "name: 'blinded'", "there is no alert blind"),
    ("alerts", f"{MODULES}/alerts.bicep", "title: 'Pratique: a source is blind'", "title: 'Pratique: a source is silent'", "the runbook says nothing of: a source is silent"),
    ("alerts", "infra/queries/failures.kql", 'let App = "";', 'let App =  "";', "failures: is not about this app"),
    ("webhook", f"{MODULES}/alerts.bicep", "/api/alerts/secure'", "/api/alerts/secure?code=abc'", "does not sign in"),
    ("webhook", f"{MODULES}/alerts.bicep", "/api/alerts/secure'", "/api/alarm'", "calls no route"),
    ("webhook", f"{MODULES}/alerts.bicep", "/api/alerts/secure'", "/api/alerts'", "has no key for"),
    ("webhook", f"{MODULES}/auth.bicep", "requireAuthentication: enabled", "requireAuthentication: !enabled", "sign-in is not demanded"),
    ("webhook", "infra/main.bicep", "array = []", "array = [ '/api/everything' ]", "/api/everything is let through and nothing guards it"),
    ("webhook", "infra/main.bicep", "array = []", "array = [ '/api/alerts/secure' ]", "/api/alerts/secure is let through and nothing guards it"),
    ("webhook", "infra/main.bicep", "[ azureMonitorWebhook, azureCli ]", "[ azureCli ]", "Azure Monitor is not let through"),
    ("webhook", f"{MODULES}/auth.bicep", "platform: { enabled: enabled", "platform: { enabled: true", "or sign-in, without an application"),
    ("webhook", "infra/entra/sign-in/main.bicep", "value: 'ActionGroupsSecureWebhook'", "value: 'SecureWebhook'", "lacks the role"),
    ("settings", "infra/main.bicep", "  KEY_VAULT_URL: vault.outputs.uri\n", "", "KEY_VAULT_URL is required"),
    ("settings", "infra/main.bicep", "PRATIQUE_MODE: mode", "PRATIQUE_MODUS: mode", "nobody reads PRATIQUE_MODUS"),
    ("settings", "infra/main.bicep", "minting ? 'on' : 'off'", "minting ? 'true' : 'false'", "PRATIQUE_MINT must be on or off"),
    ("settings", "infra/main.bicep", "  AzureWebJobsStorage__blobServiceUri: storage.outputs.blobEndpoint\n", "", "the host needs AzureWebJobsStorage__blobServiceUri"),
    ("settings", "infra/main.bicep", "tableServiceUri: storage.outputs.tableEndpoint", "tableServiceUri: vault.outputs.uri", "not of this deployment"),
    ("settings", "infra/settings.json", '"name": "SWEEP_SCHEDULE", "default": "0 */5 * * * *"', '"name": "SWEEP_SCHEDULE", "default": ""', "the host needs SWEEP_SCHEDULE"),
    ("parameters", "infra/main.parameters.json", '"acting"', '"active"', "no parameter active"),
    ("parameters", "infra/main.parameters.json", '    "location": { "value": "${AZURE_LOCATION}" },\n', "", "location is not given"),
    ("parameters", "infra/main.parameters.json", "${MAIL_SENDER=}", "${MAIL_FROM=}", "does not explain MAIL_FROM"),
    ("service", "azure.yaml", "  api:", "  app:", "tag of service app"),
    ("service", "infra/main.bicep", "{ 'azd-env-name': environmentName }", "{}", "does not find the resource group"),
]  # fmt: skip

IMPOSSIBLE = [
    ("infra/main.bicep", "name: 'id-pratique-${token}'", "name: 'id-pratique-${token}'\n    naming: ''", "no such parameter: naming"),
    ("infra/main.bicep", "    name: 'id-pratique-${token}'\n", "", "parameter name is not given"),
    ("infra/main.bicep", "vault.outputs.uri", "vault.outputs.url", "module vault has no output url"),
    ("infra/main.bicep", "modules/workbook.bicep", "modules/workbooks.bicep", "there is no module"),
    ("infra/main.bicep", "principalId: identity.outputs.principalId\n    storageName", "principalId: identityId\n    storageName", "unknown name identityId"),
    ("infra/main.bicep", "minting: minting", "minting: 'yes'", "parameter minting is no bool"),
    ("infra/main.bicep", "param maximumInstanceCount int = 40", "param maximumInstanceCount int = 4", "breaks minValue"),
    ("infra/main.bicep", "privateNetworking ? network.outputs.appSubnetId : ''", "network.outputs.appSubnetId", "main.bicep:network is not deployed"),
    ("infra/modules/keyvault.bicep", "vault.properties.vaultUri", "vault.properties.vaultUrl", "no property properties.vaultUrl"),
    ("infra/modules/alerts.bicep", "../queries/blind.kql", "../queries/blinded.kql", "there is no file"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "file", "old", "new", "finding"), BROKEN)
def test_a_check_finds_what_was_broken(copy: Path, check: str, file: str, old: str, new: str, finding: str) -> None:
    """The check whose matter it is finds it, in words that say what is wrong."""
    spoil(copy, file, old, new)
    found = list(CHECKS[check](read_templates(copy / "infra")))
    assert any(finding in one for one in found), found


def test_every_check_is_broken_at_least_once() -> None:
    """No check is taken on trust."""
    assert {row[0] for row in BROKEN} == CHECKS.keys()


@pytest.mark.parametrize(("file", "old", "new", "words"), IMPOSSIBLE)
def test_what_does_not_fit_together_cannot_be_deployed(copy: Path, file: str, old: str, new: str, words: str) -> None:
    """Parameters, outputs, names, files and properties at run time must agree."""
    spoil(copy, file, old, new)
    with pytest.raises(EvaluationError, match=words):
        read_templates(copy / "infra")


def test_both_parsers_find_a_fault(copy: Path) -> None:
    """Broken syntax is found, and what neither knows is not passed over."""
    spoil(copy, f"{MODULES}/identity.bicep", "param name string", "param name string = = ''")
    spoil(copy, f"{MODULES}/workbook.bicep", "resource workbook", "resurce workbook")
    found = syntax_findings(copy / "infra")
    assert {one.partition(":")[0] for one in found} == {"modules/identity.bicep", "modules/workbook.bicep"}
