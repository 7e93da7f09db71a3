"""Deploys a Bicep file to nowhere: returns every resource as Azure Resource Manager would receive it.

Parameters are checked as the language checks them, modules are followed, resources and modules are evaluated when they
are referred to. What only a running resource knows (an endpoint, a principal's id) comes from `_RUNTIME`; a property
that is not there is an error, so that a misspelt one is found. It is no compiler: types of expressions are not checked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tree_sitter

from tests.infra import language
from tests.infra.allowed import SERVICE_IDENTITY
from tests.infra.language import EvaluationError, Expressions, parts, text
from tests.infra.syntax import parse

SUBSCRIPTION = "00000000-0000-0000-0000-00000000cafe"
TENANT = "11111111-1111-1111-1111-111111111111"
_RUNTIME: Mapping[tuple[str, str], str] = {
    ("Microsoft.ManagedIdentity/userAssignedIdentities", "properties.clientId"): "c11e0000-0000-0000-0000-000000000001",
    ("Microsoft.ManagedIdentity/userAssignedIdentities", "properties.principalId"): SERVICE_IDENTITY,
    ("Microsoft.EventGrid/systemTopics", "identity.principalId"): "event-grid-topic",
    ("Microsoft.Storage/storageAccounts", "properties.primaryEndpoints.blob"): "https://{name}.blob.core.windows.net/",
    (
        "Microsoft.Storage/storageAccounts",
        "properties.primaryEndpoints.queue",
    ): "https://{name}.queue.core.windows.net/",
    (
        "Microsoft.Storage/storageAccounts",
        "properties.primaryEndpoints.table",
    ): "https://{name}.table.core.windows.net/",
    ("Microsoft.KeyVault/vaults", "properties.vaultUri"): "https://{name}.vault.azure.net/",
    ("Microsoft.OperationalInsights/workspaces", "properties.customerId"): "40aa0000-0000-0000-0000-000000000002",
    ("Microsoft.OperationalInsights/workspaces", "location"): "westeurope",
    ("Microsoft.Insights/components", "properties.ConnectionString"): "InstrumentationKey=public;IngestionEndpoint=x",
    ("Microsoft.Web/sites", "properties.defaultHostName"): "{name}.azurewebsites.net",
    ("Microsoft.Graph/applications", "appId"): "app-id-of-{name}",
}
_TYPES: Mapping[str, type] = {"string": str, "int": int, "bool": bool, "object": dict, "array": list}


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource: its id, what it is, and its body; `existing` ones are only referred to."""

    id: str
    name: str
    type: str
    api_version: str
    existing: bool
    body: Mapping[str, Any]
    declared: str

    def member(self, name: str) -> Any:
        """Return a property that can be known, as an expression would."""
        return self.id if name == "id" else self.name if name == "name" else _Running(self, "").member(name)


@dataclass(frozen=True, slots=True)
class _Running:
    """A property of a running resource on the way to its value."""

    resource: Resource
    path: str

    def member(self, name: str) -> Any:
        path = f"{self.path}.{name}" if self.path else name
        for (kind, known), value in _RUNTIME.items():
            if kind == self.resource.type and known == path:
                return value.format(name=self.resource.name)
            if kind == self.resource.type and known.startswith(f"{path}."):
                return _Running(self.resource, path)
        raise EvaluationError(f"{self.resource.type} has no property {path} that is known at run time")


@dataclass(frozen=True, slots=True)
class _Scope:
    """Where a file is deployed: the beginning of its resources' ids."""

    id: str


@dataclass(slots=True)
class Deployment:
    """Everything one run made: resources (also `existing` ones), outputs of the whole, and what was never read."""

    resources: list[Resource] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    declared: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)

    def of(self, kind: str) -> list[Resource]:
        """Return the resources of a type that are made."""
        return [one for one in self.resources if one.type == kind and not one.existing]

    def by_id(self, wanted: str) -> Resource | None:
        """Return the resource with an id, preferring the one that is made."""
        return next((one for one in sorted(self.resources, key=lambda r: r.existing) if one.id == wanted), None)


def deploy(file: Path, parameters: Mapping[str, Any]) -> Deployment:
    """Deploy one file with these parameters.

    Raises:
        EvaluationError: something in it, or in a module, cannot be.
        SyntaxFinding: a file cannot be parsed.
    """
    deployment = Deployment()
    run = _File(file, parameters, _Scope(f"/subscriptions/{SUBSCRIPTION}"), deployment)
    deployment.outputs = run.everything()
    return deployment


class _File:
    def __init__(self, file: Path, parameters: Mapping[str, Any], scope: _Scope, deployment: Deployment) -> None:
        self._file, self._scope, self._deployment = file, scope, deployment
        self._nodes: dict[str, tree_sitter.Node] = {}
        self._outputs: dict[str, tree_sitter.Node] = {}
        self._done: dict[str, Any] = {}
        self._running: set[str] = set()
        self._given = dict(parameters)
        functions: dict[str, Callable[..., Any]] = {
            "subscription": lambda: {"id": f"/subscriptions/{SUBSCRIPTION}", "subscriptionId": SUBSCRIPTION},
            "tenant": lambda: {"tenantId": TENANT, "scope": ""},
            "resourceGroup": self._group,
            "subscriptionResourceId": lambda kind, name: f"/subscriptions/{SUBSCRIPTION}/providers/{kind}/{name}",
        }
        self._expressions = Expressions(file, self._lookup, functions)
        self._read()

    def everything(self) -> dict[str, Any]:
        """Evaluate every declaration; return the outputs."""
        for name in self._nodes:
            if self._nodes[name].type in ("resource_declaration", "module_declaration"):
                self._resolve(name)
        return {name: self._expressions.value(parts(node)[-1]) for name, node in self._outputs.items()}

    def _read(self) -> None:
        decorators: list[tree_sitter.Node] = []
        for node in parse(self._file.read_text("utf-8")).named_children:
            if node.type == "decorators":
                decorators = parts(node)
                continue
            if node.type == "output_declaration":
                self._outputs[text(parts(node)[0])] = node
            elif node.type.endswith("_declaration"):
                name = text(parts(node)[0])
                self._nodes[name] = node
                self._deployment.declared.add(self._place(name))
                if node.type == "parameter_declaration":
                    self._done[name] = self._parameter(name, node, decorators)
            decorators = []
        if unknown := set(self._given) - self._done.keys():
            raise EvaluationError(f"{self._file.name}: no such parameter: {', '.join(sorted(unknown))}")

    def _place(self, name: str) -> str:
        return f"{self._file.name}:{name}"

    def _parameter(self, name: str, node: tree_sitter.Node, decorators: list[tree_sitter.Node]) -> Any:
        inner = parts(node)
        kind = text(inner[1])
        if name in self._given:
            value = self._given[name]
        elif len(inner) > 2:
            value = self._expressions.value(inner[2])
        else:
            raise EvaluationError(f"{self._file.name}: parameter {name} is not given")
        if kind not in _TYPES or type(value) is not _TYPES[kind]:
            raise EvaluationError(f"{self._file.name}: parameter {name} is no {kind}: {value!r}")
        limits = {text(language.field(one.named_children[0], "function")): one.named_children[0] for one in decorators}
        for limit, call in limits.items():
            if limit in _LIMITS:
                bound = self._expressions.value(parts(language.field(call, "arguments"))[0])
                if not _LIMITS[limit](value, bound):
                    raise EvaluationError(f"{self._file.name}: parameter {name} breaks {limit}: {value!r}")
        return value

    def _lookup(self, name: str) -> Any:
        if name not in self._nodes:
            raise EvaluationError(f"{self._file.name}: unknown name {name}")
        self._deployment.used.add(self._place(name))
        return self._resolve(name)

    def _resolve(self, name: str) -> Any:
        if name not in self._done:
            if name in self._running:
                raise EvaluationError(f"{self._file.name}: {name} needs itself")
            self._running.add(name)
            node = self._nodes[name]
            if node.type == "variable_declaration":
                self._done[name] = self._expressions.value(parts(node)[-1])
            else:
                self._done[name] = self._declared(name, node)
        return self._done[name]

    def _declared(self, name: str, node: tree_sitter.Node) -> Any:
        """Evaluate a resource or module: one, one of each entry, or none when its condition does not hold."""
        kind, body = self._expressions.value(parts(node)[1]), parts(node)[-1]
        self._deployment.used.add(self._place(name))
        existing = any(child.type == "existing" or text(child) == "existing" for child in node.children)
        if body.type == "if_statement":
            condition, body = parts(body)
            if not self._expressions.value(condition):
                self._deployment.used.discard(self._place(name))
                return _Absent(self._place(name))

        def one(of: tree_sitter.Node) -> Any:
            entries = {key: value for key, value in self._expressions.value(of).items() if key != "dependsOn"}
            if node.type == "module_declaration":
                return self._module(name, kind, entries)
            return self._resource(name, kind, entries, existing=existing)

        return self._expressions.repeated(body, one) if body.type == "for_statement" else one(body)

    def _module(self, name: str, path: str, entries: dict[str, Any]) -> Any:
        file = self._file.parent / path
        if not file.is_file():
            raise EvaluationError(f"{self._file.name}: there is no module {path}")
        scope = entries.get("scope")
        inner = _Scope(scope.id) if scope is not None else self._scope
        run = _File(file, entries.get("params", {}), inner, self._deployment)
        outputs = run.everything()
        self._deployment.declared |= {f"{file.name}:output {one}" for one in outputs}
        return {"outputs": _Outputs(name, file.name, outputs, self._deployment.used), "name": entries["name"]}

    def _resource(self, declared: str, kind: str, entries: dict[str, Any], *, existing: bool) -> Resource:
        whole, _, version = kind.partition("@")
        if not version:
            raise EvaluationError(f"{self._file.name}: {declared} has no API version")
        parent, scope = entries.pop("parent", None), entries.pop("scope", None)
        name = str(entries.get("name", entries.get("uniqueName", declared)))
        if parent is not None:
            identifier = f"{parent.id}/{whole.removeprefix(parent.type + '/')}/{name}"
        elif whole == "Microsoft.Resources/resourceGroups":
            identifier = f"{self._scope.id}/resourceGroups/{name}"
        else:
            above = self._scope.id if scope is None else scope["scope"] if isinstance(scope, dict) else scope.id
            identifier = f"{above}/providers/{whole}/{name}"
        resource = Resource(identifier, name, whole, version, existing, entries, self._place(declared))
        self._deployment.resources.append(resource)
        return resource

    def _group(self, subscription: str = SUBSCRIPTION, name: str | None = None) -> _Scope | dict[str, str]:
        return (
            {"id": self._scope.id} if name is None else _Scope(f"/subscriptions/{subscription}/resourceGroups/{name}")
        )


@dataclass(frozen=True, slots=True)
class _Absent:
    """What is not deployed; only a condition that guards it may mention it."""

    place: str

    def member(self, name: str) -> Any:
        raise EvaluationError(f"{self.place} is not deployed, but its {name} is asked for")


@dataclass(frozen=True, slots=True)
class _Outputs:
    module: str
    file: str
    values: Mapping[str, Any]
    used: set[str]

    def member(self, name: str) -> Any:
        if name not in self.values:
            raise EvaluationError(f"module {self.module} has no output {name}")
        self.used.add(f"{self.file}:output {name}")
        return self.values[name]


_LIMITS: Mapping[str, Callable[[Any, Any], bool]] = {
    "allowed": lambda value, allowed: value in allowed,
    "minLength": lambda value, least: len(value) >= least,
    "maxLength": lambda value, most: len(value) <= most,
    "minValue": lambda value, least: value >= least,
    "maxValue": lambda value, most: value <= most,
}
