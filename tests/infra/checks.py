"""What must hold of what the templates make in Azure: each check returns what it finds wrong, and nothing is right.

`tests/infra/test_broken.py` breaks a copy of the templates for each of them and sees it found.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.infra.allowed import (
    API_VERSIONS,
    ASSIGNED,
    GRAPH_ROLES,
    NAME_OF_A_SECRET,
    NAMED_LIKE_A_SECRET,
    NOT_ON_FLEX,
    ROLES,
    SECRET_LOOKING,
    SERVICE_IDENTITY,
)
from tests.infra.deployment import Deployment, Resource, deploy

ROOT = Path(__file__).parents[2]
_WORKSPACE = "/subscriptions/beef/resourceGroups/logs/providers/Microsoft.OperationalInsights/workspaces/central"
_PLAIN: Mapping[str, Any] = {"environmentName": "test", "location": "westeurope"}
OTHER_SETTINGS: Mapping[str, str] = {"KEY_VAULT_URL": "https://elsewhere.example", "PRATIQUE_PROBE": "off"}
"""What an operator adds: one that only the template knows, and one that is theirs to choose."""
_FULL: Mapping[str, Any] = {
    **_PLAIN,
    "mode": "act",
    "minting": True,
    "alertEmails": "one@example.com, two@example.com",
    "existingWorkspaceId": _WORKSPACE,
    "signInClientId": "22222222-2222-2222-2222-222222222222",
    "signInApplicationObjectId": "33333333-3333-3333-3333-333333333333",
    "signInIdentifierUri": "api://tenant/pratique-test",
    "privateNetworking": True,
    "allowedIpRanges": "203.0.113.4",
    "zoneRedundant": True,
    "otherSettings": OTHER_SETTINGS,
}


@dataclass(frozen=True, slots=True)
class Templates:
    """One folder of templates, deployed twice: with nothing but what is required, and with everything switched on."""

    folder: Path
    plain: Deployment
    full: Deployment
    entra: Mapping[str, Deployment]

    @property
    def both(self) -> list[Resource]:
        """Every resource of both deployments of the service."""
        return [*self.plain.resources, *self.full.resources]


def read_templates(folder: Path) -> Templates:
    """Deploy the templates of a folder to nowhere.

    Raises:
        EvaluationError: one cannot be.
    """
    entra = folder / "entra"
    graph, sign_in = entra / "graph-permissions" / "main.bicep", entra / "sign-in" / "main.bicep"
    everything = {"principalId": SERVICE_IDENTITY, "readAuditLog": True, "resolveUsers": True}
    return Templates(
        folder,
        deploy(folder / "main.bicep", _PLAIN),
        deploy(folder / "main.bicep", _FULL),
        {
            "tenant-wide": deploy(graph, {"principalId": SERVICE_IDENTITY}),
            "owned": deploy(graph, {"principalId": SERVICE_IDENTITY, "mode": "owned-applications"}),
            "everything": deploy(graph, everything),
            "sign-in": deploy(sign_in, {"environmentName": "test", "operatorsGroupId": "group"}),
            "diagnostics": deploy(entra / "diagnostics" / "main.bicep", {"workspaceId": _WORKSPACE}),
        },
    )


def unused(templates: Templates) -> Iterator[str]:
    """Everything that is declared, outputs of modules too, is read by something, and every file is deployed."""
    deployments = (templates.plain, templates.full)
    used = {name for one in deployments for name in one.used}
    yield from (f"{name} is never used" for name in sorted({n for one in deployments for n in one.declared} - used))
    reached = {name.partition(":")[0] for name in used}
    yield from (
        f"{path.name} is never used" for path in (templates.folder / "modules").iterdir() if path.name not in reached
    )


def referred_to(templates: Templates) -> Iterator[str]:
    """What a template takes as existing is made by another module, or is the workspace that was named."""
    for deployment in (templates.plain, templates.full):
        there = {one.id for one in deployment.resources if not one.existing} | {_WORKSPACE}
        yield from (f"{one.declared}: nobody makes {one.id}" for one in deployment.resources if one.id not in there)


def api_versions(templates: Templates) -> Iterator[str]:
    """Every type is on the list with its one version."""
    for resource in {
        *map(_type, templates.both),
        *(_type(r) for one in templates.entra.values() for r in one.resources),
    }:
        kind, version = resource
        if API_VERSIONS.get(kind) != version:
            yield f"{kind}@{version} is not on the list"


def _type(resource: Resource) -> tuple[str, str]:
    return resource.type, resource.api_version


def roles(templates: Templates) -> Iterator[str]:
    """Exactly the roles of the written list are assigned, each at the resource it is about."""
    for deployment, vault_role in ((templates.plain, "Secrets User"), (templates.full, "Secrets Officer")):
        wanted = {*ASSIGNED, (SERVICE_IDENTITY, f"Key Vault {vault_role}", "Microsoft.KeyVault/vaults")}
        found = {_assignment(deployment, one) for one in deployment.of("Microsoft.Authorization/roleAssignments")}
        yield from (f"{' '.join(one)} is assigned but not on the list" for one in sorted(found - wanted))
        yield from (f"{' '.join(one)} is on the list but not assigned" for one in sorted(wanted - found))


def _assignment(deployment: Deployment, assignment: Resource) -> tuple[str, str, str]:
    body = assignment.body["properties"]
    scope = deployment.by_id(assignment.id.partition("/providers/Microsoft.Authorization/")[0])
    role = body["roleDefinitionId"].rpartition("/")[2]
    whom = body["principalId"] if body.get("principalType") == "ServicePrincipal" else "somebody whose type is not said"
    return whom, ROLES.get(role, f"unknown role {role}"), scope.type if scope else "no resource"


def graph_permissions(templates: Templates) -> Iterator[str]:
    """Each mode grants exactly its permissions, by the ids of Graph's reference."""
    wanted = {
        "tenant-wide": {"Synchronization.ReadWrite.All", "Application.Read.All"},
        "owned": {"Application.ReadWrite.OwnedBy"},
        "everything": {"Synchronization.ReadWrite.All", "Application.Read.All", "AuditLog.Read.All", "User.Read.All"},
    }
    for mode, names in wanted.items():
        grants = templates.entra[mode].of("Microsoft.Graph/appRoleAssignedTo")
        found = {GRAPH_ROLES.get(one.body["appRoleId"], f"unknown {one.body['appRoleId']}") for one in grants}
        if found != names:
            yield f"{mode} grants {', '.join(sorted(found))}"


def secrets(templates: Templates) -> Iterator[str]:
    """No key is asked for, put into a setting, or put out; what the table calls secret is never set."""
    for path in sorted(templates.folder.rglob("*.bicep")):
        code = re.sub(r"//.*", "", path.read_text("utf-8"))
        yield from (f"{path.name}: {found}" for found in SECRET_LOOKING.findall(code))
        yield from (
            f"{path.name}: parameter {name} is not marked secure, which the compiler refuses"
            for name in re.findall(r"^param (\w+) (?:string|object)\b", code, re.MULTILINE)
            if NAMED_LIKE_A_SECRET.search(name) and not NAME_OF_A_SECRET.search(name)
        )
    table = json.loads((templates.folder / "settings.json").read_text("utf-8"))["settings"]
    for deployment in (templates.plain, templates.full):
        given = settings_of(deployment)
        yield from (
            f"the secret setting {row['name']} is set" for row in table if row.get("secret") and row["name"] in given
        )
        values = {**given, **{f"output {name}": str(value) for name, value in deployment.outputs.items()}}
        yield from (f"{name} looks like a secret" for name, value in values.items() if SECRET_LOOKING.search(value))
        if any("connection" in name.lower() for name in deployment.outputs):
            yield "an output names a connection"


def locked_down(templates: Templates) -> Iterator[str]:
    """Keys are off where identity serves, public blobs are off, and the vault cannot be purged."""
    wanted: list[tuple[str, str, object]] = [
        ("Microsoft.Storage/storageAccounts", "allowSharedKeyAccess", False),
        ("Microsoft.Storage/storageAccounts", "allowBlobPublicAccess", False),
        ("Microsoft.Storage/storageAccounts", "minimumTlsVersion", "TLS1_2"),
        ("Microsoft.Storage/storageAccounts", "supportsHttpsTrafficOnly", True),
        ("Microsoft.KeyVault/vaults", "enableRbacAuthorization", True),
        ("Microsoft.KeyVault/vaults", "enablePurgeProtection", True),
        ("Microsoft.KeyVault/vaults", "softDeleteRetentionInDays", 90),
        ("Microsoft.Insights/components", "DisableLocalAuth", True),
        ("Microsoft.EventGrid/systemTopics/eventSubscriptions", "eventDeliverySchema", "EventGridSchema"),
        ("Microsoft.Web/sites", "httpsOnly", True),
    ]
    for kind, name, value in wanted:
        resources = [one for one in templates.both if one.type == kind and not one.existing]
        if not resources or any(one.body["properties"].get(name) != value for one in resources):
            yield f"{kind}: {name} is not {value}"
    for kind in ("Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults"):
        for one in templates.full.of(kind):
            if one.body["properties"]["networkAcls"]["defaultAction"] != "Deny":
                yield f"{kind}: private networking lets everybody in"


def flex(templates: Templates) -> Iterator[str]:
    """The plan is Flex Consumption with Python 3.13, and nothing is set that it ignores or rejects."""
    for deployment in (templates.plain, templates.full):
        yield from (
            f"{name} is not for Flex" for name in sorted(settings_of(deployment)) if NOT_ON_FLEX.fullmatch(name)
        )
        (plan,), (site,) = deployment.of("Microsoft.Web/serverfarms"), deployment.of("Microsoft.Web/sites")
        config = site.body["properties"]["functionAppConfig"]
        if plan.body["sku"] != {"name": "FC1", "tier": "FlexConsumption"} or not plan.body["properties"]["reserved"]:
            yield "the plan is not Flex Consumption on Linux"
        if config["runtime"] != {"name": "python", "version": "3.13"}:
            yield "the runtime is not Python 3.13"
        if config["deployment"]["storage"]["authentication"]["type"] != "UserAssignedIdentity":
            yield "the package is not read by identity"
        if unknown := site.body["properties"]["siteConfig"].keys() - {"ftpsState", "http20Enabled", "minTlsVersion"}:
            yield f"siteConfig has {', '.join(sorted(unknown))}, which Flex may reject"
        container = config["deployment"]["storage"]["value"].rpartition("/")[2]
        made = {one.name for one in deployment.of("Microsoft.Storage/storageAccounts/blobServices/containers")}
        if container not in made:
            yield f"the package's container {container} is not made"


def settings_of(deployment: Deployment) -> dict[str, Any]:
    """Return the settings that the app would have."""
    (resource,) = (one for one in deployment.of("Microsoft.Web/sites/config") if one.name == "appsettings")
    return dict(resource.body["properties"])
