"""What must hold between the templates and the service: names, events, alerts, settings, what azd reads."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from shared.detection.signal import QUEUE, VAULT_EVENTS_QUEUE
from shared.detection.vault_event import VaultEventKind
from shared.errors import InvalidSetting
from shared.settings import Mode, load
from tests.infra import checks, checks_access
from tests.infra.allowed import WINDOWS
from tests.infra.checks import ROOT, Templates, settings_of
from tests.infra.deployment import Resource


def names(templates: Templates) -> Iterator[str]:
    """Queues and tables are those of the code, and the queues that the host and we set messages aside in."""
    sources = [path.read_text("utf-8") for path in (ROOT / "shared").rglob("*.py")]
    tables = {name for text in sources for name in re.findall(r'storage\.table\(\s*"(\w+)"', text)}
    queues = {f"{name}{suffix}" for name in (QUEUE, VAULT_EVENTS_QUEUE) for suffix in ("", "-rejected", "-poison")}
    storage = "Microsoft.Storage/storageAccounts"
    for kind, wanted in ((f"{storage}/tableServices/tables", tables), (f"{storage}/queueServices/queues", queues)):
        found = {one.name for one in templates.plain.of(kind)}
        yield from (f"{name} is made but the code knows none" for name in sorted(found - wanted))
        yield from (f"{name} is in the code but not made" for name in sorted(wanted - found))


def events(templates: Templates) -> Iterator[str]:
    """The vault's events that the code reads, and no others, go to the queue that it reads."""
    (delivery,) = templates.plain.of("Microsoft.EventGrid/systemTopics/eventSubscriptions")
    body = delivery.body["properties"]
    if set(body["filter"]["includedEventTypes"]) != set(VaultEventKind):
        yield "the events are not those that the code reads"
    if body["deliveryWithResourceIdentity"]["destination"]["properties"]["queueName"] != VAULT_EVENTS_QUEUE:
        yield "the events go to another queue"
    (topic,) = templates.plain.of("Microsoft.EventGrid/systemTopics")
    (vault,) = templates.plain.of("Microsoft.KeyVault/vaults")
    if topic.body["properties"]["source"] != vault.id:
        yield "the events are not the vault's"


def alerts(templates: Templates) -> Iterator[str]:
    """The quarantine alert runs the shipped query, a missing table is no failure; rules can have their windows."""
    for deployment in (templates.plain, templates.full):
        rules = {
            one.name.removeprefix("pratique-test-"): one
            for one in deployment.of("Microsoft.Insights/scheduledQueryRules")
        }
        shipped = (ROOT / "queries" / "quarantine_events.kql").read_text("utf-8")
        quarantine = _criterion(rules["quarantine"])
        if quarantine["query"] != shipped.replace("union (datatable", "union isfuzzy=true (datatable"):
            yield "the quarantine alert does not run the shipped query"
        if quarantine["dimensions"][0]["name"] != "ServicePrincipalId":
            yield "the quarantine alert is not split by service principal"
        if rules["quarantine"].body["properties"]["autoMitigate"]:
            yield "the quarantine alert would say that it is resolved"
        for name, rule in rules.items():
            body = rule.body["properties"]
            if not {body["windowSize"], body["evaluationFrequency"]} <= WINDOWS:
                yield f"{name}: no rule can have this window"
            if not body["skipQueryValidation"]:
                yield f"{name}: fails where the workspace has no such table yet"
            if not body["actions"]["actionGroups"]:
                yield f"{name}: tells nobody"
        runbook = (ROOT / "docs" / "operations.md").read_text("utf-8").lower()
        titles = [rule.body["properties"]["displayName"].removeprefix("Pratique: ") for rule in rules.values()]
        yield from (
            f"the runbook says nothing of: {title}" for title in titles if f"### {title.lower()}\n" not in runbook
        )
        missing = {"no-sweep", "failures", "forecast", "set-aside", "blind"} - rules.keys()
        yield from (f"there is no alert {name}" for name in sorted(missing))
        app = deployment.outputs["AZURE_FUNCTION_NAME"]
        yield from (
            f"{n}: is not about this app"
            for n, r in rules.items()
            if n != "quarantine" and f'"{app}"' not in _criterion(r)["query"]
        )


def _criterion(rule: Resource) -> dict[str, Any]:
    criterion: dict[str, Any] = rule.body["properties"]["criteria"]["allOf"][0]
    return criterion


def webhook(templates: Templates) -> Iterator[str]:
    """The webhook is there only with sign-in, carries no key, and its caller is let through to a real route."""
    groups = [
        one.body["properties"].get("webhookReceivers", [])
        for one in templates.plain.of("Microsoft.Insights/actionGroups")
    ]
    off = [
        one.body["properties"] for one in templates.plain.of("Microsoft.Web/sites/config") if one.name != "appsettings"
    ]
    if any(groups) or off[0]["platform"]["enabled"] or off[0]["globalValidation"]["requireAuthentication"]:
        yield "there is a webhook, or sign-in, without an application to sign in to"
    hooks = [
        hook
        for one in templates.full.of("Microsoft.Insights/actionGroups")
        for hook in one.body["properties"].get("webhookReceivers", [])
    ]
    for hook in hooks:
        yield from _call_of(hook)
    signed = [one for one in templates.full.of("Microsoft.Web/sites/config") if one.name == "authsettingsV2"]
    if len(hooks) != 1 or len(signed) != 1:
        yield "with an application to sign in to there must be one webhook, behind sign-in"
        return
    body = signed[0].body["properties"]
    if (
        not body["platform"]["enabled"]
        or not body["globalValidation"]["requireAuthentication"]
        or body["globalValidation"]["unauthenticatedClientAction"] != "Return401"
    ):
        yield "sign-in is not demanded"
    guarded = {f"/api/{route}" for route, level in _routes().items() if level != "ANONYMOUS"}
    yield from (
        f"{path} is let through and nothing guards it"
        for path in body["globalValidation"]["excludedPaths"]
        if path not in guarded
    )
    validation = body["identityProviders"]["azureActiveDirectory"]["validation"]
    if hooks[0]["identifierUri"] not in validation["allowedAudiences"]:
        yield "the webhook's audience is refused"
    azure_monitor = templates.entra["sign-in"].resources
    callers = {one.body["appId"] for one in azure_monitor if one.type == "Microsoft.Graph/servicePrincipals"}
    if not callers & set(validation["defaultAuthorizationPolicy"]["allowedApplications"]):
        yield "Azure Monitor is not let through"
    (application,) = templates.entra["sign-in"].of("Microsoft.Graph/applications")
    if "ActionGroupsSecureWebhook" not in {role["value"] for role in application.body["appRoles"]}:
        yield "the application lacks the role that Azure Monitor asks for"


def _call_of(hook: Mapping[str, Any]) -> Iterator[str]:
    if not hook["useAadAuth"] or not hook["useCommonAlertSchema"] or "?" in hook["serviceUri"]:
        yield "the webhook does not sign in"
    level = _routes().get(hook["serviceUri"].partition("/api/")[2])
    if level is None:
        yield "the webhook calls no route of the app"
    elif level != "ANONYMOUS":
        yield "the webhook calls a route that Azure Monitor has no key for"


def _routes() -> dict[str, str]:
    """Return the app's routes and their authorization level, from the text of the triggers."""
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "functions").glob("*.py"))
    calls = re.findall(r'\.route\(\s*route="([^"]+)"([^)]*)\)', sources)
    return {route: "ANONYMOUS" if "ANONYMOUS" in rest else "FUNCTION" for route, rest in calls}


def settings(templates: Templates) -> Iterator[str]:
    """The loader accepts exactly what the template gives; nothing is given that neither it nor the host knows."""
    document = json.loads((templates.folder / "settings.json").read_text("utf-8"))
    table, of_the_host = document["settings"], {row["name"] for row in document["host"]}
    known = {row["name"] for row in table} | of_the_host
    for deployment, mode in ((templates.plain, Mode.OBSERVE), (templates.full, Mode.ACT)):
        given = settings_of(deployment)
        yield from (f"nobody reads {name}" for name in sorted(given.keys() - known))
        yield from (f"the host needs {name}" for name in sorted(of_the_host - given.keys()))
        yield from (
            f"the host needs {row['name']}"
            for row in table
            if row["name"].endswith("_SCHEDULE") and not given.get(row["name"])
        )
        yield from (f"{name} is no text" for name, value in given.items() if not isinstance(value, str))
        try:
            read = load(given)
        except InvalidSetting as error:
            yield f"the app does not start: {error}"
            continue
        if read.mode is not mode or read.mint is not (mode is Mode.ACT) or read.storage_connection is not None:
            yield "the app would run in another mode, or with a storage key"
        if not read.workspace_id:
            yield "the audit query would be off"
        (vault,) = deployment.of("Microsoft.KeyVault/vaults")
        (storage,) = deployment.of("Microsoft.Storage/storageAccounts")
        addresses = (read.key_vault_url, read.queue_service_uri, read.table_service_uri)
        if not all(
            name in address for name, address in zip((vault.name, storage.name, storage.name), addresses, strict=True)
        ):
            yield "an address is not of this deployment"


def parameters(templates: Templates) -> Iterator[str]:
    """The parameter file gives what exists and all that is required; docs/deploy.md explains its variables."""
    given = json.loads((templates.folder / "main.parameters.json").read_text("utf-8"))["parameters"]
    code = (templates.folder / "main.bicep").read_text("utf-8")
    declared = dict(re.findall(r"^param (\w+) \w+( =)?", code, re.MULTILINE))
    yield from (f"main.bicep has no parameter {name}" for name in sorted(given.keys() - declared.keys()))
    yield from (f"{name} is not given" for name, default in declared.items() if not default and name not in given)
    page = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    variables = [name for entry in given.values() for name in re.findall(r"\$\{(\w+)", str(entry["value"]))]
    yield from (
        f"docs/deploy.md does not explain {name}"
        for name in variables
        if f"`{name}`" not in page and not name.startswith("AZURE_")
    )


def service(templates: Templates) -> Iterator[str]:
    """Finding the app: azd does it by the tag of the one service in azure.yaml."""
    yaml = (templates.folder.parent / "azure.yaml").read_text("utf-8")
    (name,) = re.findall(r"^services:\n  (\w+):", yaml, re.MULTILINE)
    for site in templates.plain.of("Microsoft.Web/sites"):
        if site.body["tags"].get("azd-service-name") != name:
            yield f"no app carries the tag of service {name}"
    for line in ("    project: .\n", "    language: python\n", "    host: function\n"):
        if line not in yaml:
            yield f"azure.yaml lacks {line.strip()}"
    (group,) = templates.plain.of("Microsoft.Resources/resourceGroups")
    if "azd-env-name" not in group.body["tags"]:
        yield "azd does not find the resource group"


CHECKS: Mapping[str, Callable[[Templates], Iterator[str]]] = {
    check.__name__: check
    for check in (
        checks.unused,
        checks.referred_to,
        checks.api_versions,
        checks.roles,
        checks.graph_permissions,
        checks.secrets,
        checks.locked_down,
        checks.flex,
        checks_access.sign_in,
        checks_access.application,
        checks_access.firing,
        checks_access.kept,
        checks_access.precedence,
        names,
        events,
        alerts,
        webhook,
        settings,
        parameters,
        service,
    )
}
