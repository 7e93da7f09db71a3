"""Holds resources against the Azure SDK's models: names of properties and values of enumerations.

The management packages are generated from the services' own specifications, so a property they do not know is misspelt
or made up. They follow one API version each, often a newer one than the template pins: a property that a service got
later is not found out. Read-only properties count as unknown.
"""

import importlib
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from types import ModuleType
from typing import Any

from tests.infra.deployment import Resource

_OF_TYPE: Mapping[str, tuple[str, str]] = {
    "Microsoft.Authorization/roleAssignments": ("authorization.v2022_04_01", "RoleAssignmentCreateParameters"),
    "Microsoft.EventGrid/systemTopics": ("eventgrid", "SystemTopic"),
    "Microsoft.EventGrid/systemTopics/eventSubscriptions": ("eventgrid", "EventSubscription"),
    "Microsoft.Insights/actionGroups": ("monitor", "ActionGroupResource"),
    "Microsoft.Insights/components": ("applicationinsights", "ApplicationInsightsComponent"),
    "Microsoft.Insights/scheduledQueryRules": ("monitor", "ScheduledQueryRuleResource"),
    "Microsoft.Insights/workbooks": ("applicationinsights", "Workbook"),
    "Microsoft.KeyVault/vaults": ("keyvault", "VaultCreateOrUpdateParameters"),
    "Microsoft.ManagedIdentity/userAssignedIdentities": ("msi", "Identity"),
    "Microsoft.Network/privateEndpoints": ("network", "PrivateEndpoint"),
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups": ("network", "PrivateDnsZoneGroup"),
    "Microsoft.Network/virtualNetworks": ("network", "VirtualNetwork"),
    "Microsoft.Network/virtualNetworks/subnets": ("network", "Subnet"),
    "Microsoft.OperationalInsights/workspaces": ("loganalytics", "Workspace"),
    "Microsoft.Storage/storageAccounts": ("storage", "StorageAccountCreateParameters"),
    "Microsoft.Storage/storageAccounts/blobServices": ("storage", "BlobServiceProperties"),
    "Microsoft.Storage/storageAccounts/blobServices/containers": ("storage", "BlobContainer"),
    "Microsoft.Storage/storageAccounts/queueServices": ("storage", "QueueServiceProperties"),
    "Microsoft.Storage/storageAccounts/queueServices/queues": ("storage", "StorageQueue"),
    "Microsoft.Storage/storageAccounts/tableServices": ("storage", "TableServiceProperties"),
    "Microsoft.Storage/storageAccounts/tableServices/tables": ("storage", "Table"),
    "Microsoft.Web/serverfarms": ("web", "AppServicePlan"),
    "Microsoft.Web/sites": ("web", "Site"),
    "Microsoft.Web/sites/config/appsettings": ("web", "StringDictionary"),
    "Microsoft.Web/sites/config/authsettingsV2": ("web", "SiteAuthSettingsV2"),
}
WITHOUT_MODEL: Mapping[str, str] = {
    "Microsoft.Insights/diagnosticSettings": "azure-mgmt-monitor 7 has no model of it",
    "Microsoft.Network/privateDnsZones": "azure-mgmt-privatedns for two properties is not worth its weight",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": "as its zone",
    "Microsoft.Resources/resourceGroups": "it has a name, a place and tags",
    "microsoft.aadiam/diagnosticSettings": "no management package covers Entra's diagnostic settings",
    "Microsoft.Graph/appRoleAssignedTo": "types come with the Graph extension, which only the compiler can fetch",
    "Microsoft.Graph/applications": "as above",
    "Microsoft.Graph/servicePrincipals": "as above",
}
_ALWAYS = frozenset({"name"})


def model_findings(resources: list[Resource]) -> list[str]:
    """Return every property or value that the SDK does not know."""
    findings: list[str] = []
    for resource in resources:
        if resource.existing or resource.type in WITHOUT_MODEL:
            continue
        kind = f"{resource.type}/{resource.name}" if resource.type.endswith("/config") else resource.type
        if kind not in _OF_TYPE:
            findings.append(f"{resource.declared}: neither a model nor an exception for {kind}")
            continue
        package, name = _OF_TYPE[kind]
        module = importlib.import_module(f"azure.mgmt.{package}.models")
        body = {key: value for key, value in resource.body.items() if key not in _ALWAYS}
        findings += [f"{resource.declared}: {found}" for found in _object(module, getattr(module, name), body, "")]
    return findings


def _object(module: ModuleType, model: type, value: Mapping[str, Any], where: str) -> Iterator[str]:
    model = _concrete(module, model, value)
    yield from _shape(module, _properties(model), value, where, model.__name__)


def _shape(
    module: ModuleType, known: Mapping[str, Any], value: Mapping[str, Any], where: str, model: str
) -> Iterator[str]:
    for key, inner in value.items():
        path = f"{where}.{key}" if where else key
        if key not in known:
            yield f"{path} is no property of {model}"
        elif isinstance(known[key], dict):
            yield from _shape(module, known[key], inner, path, model)
        else:
            yield from _value(module, known[key], inner, path)


def _value(module: ModuleType, annotation: str, value: Any, where: str) -> Iterator[str]:
    named = re.search(r"_models\.(\w+)", annotation)
    if named is None or value is None:
        return
    model = getattr(module, named[1])
    if issubclass(model, Enum):
        if str(value) not in {str(member.value).removesuffix(".0") for member in model}:
            yield f"{where}: {value!r} is not in {named[1]}"
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _object(module, model, entry, f"{where}[{index}]")
    elif re.search(r"[Dd]ict\[", annotation):
        for key, entry in value.items():
            yield from _object(module, model, entry, f"{where}.{key}")
    else:
        yield from _object(module, model, value, where)


def _concrete(module: ModuleType, model: Any, value: Mapping[str, Any]) -> Any:
    """Follow the discriminator of a polymorphic model."""
    for attribute, subtypes in getattr(model, "_subtype_map", {}).items():
        chosen = value.get(model._attribute_map[attribute]["key"])
        if chosen in subtypes:
            return getattr(module, subtypes[chosen])
    return model


def _properties(model: Any) -> dict[str, Any]:
    """Return what may be written, by its name in JSON: the annotation's text, or a folder of further properties."""
    if hasattr(model, "_attribute_map"):
        return _older(model)
    model({})  # the newer generation fills its table at the first instance
    fields = model._attr_to_rest_field
    annotations = {name: text for base in reversed(model.__mro__) for name, text in _annotations(base).items()}
    return {
        field._rest_name: str(annotations.get(name, ""))
        for name, field in fields.items()
        if field._visibility is None or set(field._visibility) != {"read"}
    }


def _annotations(base: type) -> Mapping[str, Any]:
    found: Mapping[str, Any] = getattr(base, "__annotations__", {})
    return found


def _older(model: Any) -> dict[str, Any]:
    """Read the older generation, which flattens `properties.x` into one table."""
    writable = {name: text for base in reversed(model.__mro__) for name, text in _annotations(base.__init__).items()}
    discriminators = set(getattr(model, "_subtype_map", {})) | {
        name for base in model.__mro__ for name in getattr(base, "_subtype_map", {})
    }
    tree: dict[str, Any] = {}
    for name, entry in model._attribute_map.items():
        if name in writable or name in discriminators:
            *folders, last = entry["key"].split(".")
            place = tree
            for folder in folders:
                place = place.setdefault(folder, {})
            place[last] = str(writable.get(name, ""))
    return tree
