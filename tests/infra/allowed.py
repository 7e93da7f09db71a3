"""What the templates may use: the written lists that the checks hold them against, each with its source."""

import re
from collections.abc import Mapping

SERVICE_IDENTITY = "1de00000-0000-0000-0000-000000000003"
"""Object id that the service's own identity has where templates are deployed to nowhere."""
ROLES: Mapping[str, str] = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a": "Storage Queue Data Message Sender",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": "Key Vault Secrets Officer",
    "73c42c96-874c-492b-b04d-ab87d138a893": "Log Analytics Reader",
}
"""Azure built-in roles that may be assigned at all."""
ASSIGNED = {
    (SERVICE_IDENTITY, "Storage Blob Data Owner", "Microsoft.Storage/storageAccounts"),
    (SERVICE_IDENTITY, "Storage Queue Data Contributor", "Microsoft.Storage/storageAccounts"),
    (SERVICE_IDENTITY, "Storage Table Data Contributor", "Microsoft.Storage/storageAccounts"),
    (SERVICE_IDENTITY, "Monitoring Metrics Publisher", "Microsoft.Insights/components"),
    (SERVICE_IDENTITY, "Log Analytics Reader", "Microsoft.OperationalInsights/workspaces"),
    ("event-grid-topic", "Storage Queue Data Message Sender", "Microsoft.Storage/storageAccounts"),
}
GRAPH_ROLES: Mapping[str, str] = {
    "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30": "Application.Read.All",
    "18a4783c-866b-4cc7-a460-3d5e5662c884": "Application.ReadWrite.OwnedBy",
    "b0afded3-3588-46d8-8b3d-9842eff778da": "AuditLog.Read.All",
    "9b50c33d-700f-43b1-b2eb-87e89b703581": "Synchronization.ReadWrite.All",
    "df021288-bdef-4463-88db-98f22de89214": "User.Read.All",
}
"""Microsoft Graph permissions reference, application permissions."""
API_VERSIONS: Mapping[str, str] = {
    "Microsoft.Authorization/roleAssignments": "2022-04-01",
    "Microsoft.EventGrid/systemTopics": "2025-02-15",
    "Microsoft.EventGrid/systemTopics/eventSubscriptions": "2025-02-15",
    "Microsoft.Graph/appRoleAssignedTo": "v1.0",
    "Microsoft.Graph/applications": "v1.0",
    "Microsoft.Graph/servicePrincipals": "v1.0",
    "Microsoft.Insights/actionGroups": "2023-01-01",
    "Microsoft.Insights/components": "2020-02-02",
    "Microsoft.Insights/diagnosticSettings": "2021-05-01-preview",  # there is no other
    "Microsoft.Insights/scheduledQueryRules": "2023-12-01",
    "Microsoft.Insights/workbooks": "2023-06-01",
    "Microsoft.KeyVault/vaults": "2024-11-01",
    "Microsoft.ManagedIdentity/userAssignedIdentities": "2024-11-30",
    "Microsoft.Network/privateDnsZones": "2024-06-01",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": "2024-06-01",
    "Microsoft.Network/privateEndpoints": "2024-05-01",
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups": "2024-05-01",
    "Microsoft.Network/virtualNetworks": "2024-05-01",
    "Microsoft.Network/virtualNetworks/subnets": "2024-05-01",
    "Microsoft.OperationalInsights/workspaces": "2025-02-01",
    "Microsoft.Resources/resourceGroups": "2024-11-01",
    "Microsoft.Storage/storageAccounts": "2024-01-01",
    "Microsoft.Storage/storageAccounts/blobServices": "2024-01-01",
    "Microsoft.Storage/storageAccounts/blobServices/containers": "2024-01-01",
    "Microsoft.Storage/storageAccounts/queueServices": "2024-01-01",
    "Microsoft.Storage/storageAccounts/queueServices/queues": "2024-01-01",
    "Microsoft.Storage/storageAccounts/tableServices": "2024-01-01",
    "Microsoft.Storage/storageAccounts/tableServices/tables": "2024-01-01",
    "Microsoft.Web/serverfarms": "2024-04-01",
    "Microsoft.Web/sites": "2024-04-01",
    "Microsoft.Web/sites/config": "2024-04-01",
    "microsoft.aadiam/diagnosticSettings": "2017-04-01",
}
NOT_ON_FLEX = re.compile(
    r"(FUNCTIONS_\w+|SCM_DO_BUILD_DURING_DEPLOYMENT|ENABLE_ORYX_BUILD|WEBSITE_\w+|TZ|AzureWebJobs(Dashboard|FeatureFlags))"
)
"""Settings that Flex Consumption ignores or rejects (Azure Functions docs, "Flex Consumption plan": deprecations)."""
SECRET_LOOKING = re.compile(
    r"AccountKey=|SharedAccess|listKeys|listSecrets|listCallbackUrl|\blist\(|[?&](?:sig|code)=|getSecret\(|(?i:password)\s*:"
)
AZURE_MONITOR_WEBHOOK = "461e8683-5575-4561-ac7f-899cc907d62a"
"""Azure Monitor docs, "Action groups", secure webhook: the application "AzNS AAD Webhook"."""
AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
"""Microsoft Entra docs, "Verify first-party Microsoft applications in sign-in reports"."""
FIRES: Mapping[str, tuple[int, int]] = {
    "quarantine": (1, 0),
    "no-sweep": (0, 1),
    "failures": (3, 2),  # three is every sweep of a window
    "forecast": (1, 0),
    "set-aside": (1, 0),
    "blind": (1, 0),
}
"""By alert: how much found makes it fire, and how much does not yet."""
NAMED_LIKE_A_SECRET = re.compile(r"password|pwd|secret|accountkey|acctkey", re.IGNORECASE)
"""Bicep's linter, rule secure-secrets-in-params: an error here (infra/bicepconfig.json), and so no `azd up`."""
NAME_OF_A_SECRET = re.compile(r"secret(?:permissions|version|ur[il]|name)", re.IGNORECASE)
"""What that rule lets pass."""
WINDOWS = {"PT5M", "PT10M", "PT15M", "PT30M", "PT45M", "PT1H", "PT2H", "PT3H", "PT4H", "PT5H", "PT6H", "P1D", "P2D"}
"""Windows that a log-search alert can have (terraform-provider-azurerm issue 18886 quotes the service's own error)."""
