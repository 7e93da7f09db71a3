"""Evaluates Bicep expressions to what Azure Resource Manager would receive: as much of the language as infra/ uses.

Whatever it does not know is an error, never a guess. Sources: Bicep's own pages on expressions, functions and lambdas.
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tree_sitter

type Names = Callable[[str], Any]

_ENVIRONMENT = {
    "authentication": {"loginEndpoint": "https://login.microsoftonline.com/"},
    "suffixes": {"storage": "core.windows.net", "keyvaultDns": ".vault.azure.net"},
}


class EvaluationError(Exception):
    """An expression that cannot be evaluated: an unknown name, property or function, or a value of the wrong kind."""


class Expressions:
    """Evaluates the expressions of one file; `names` resolves what they refer to."""

    def __init__(self, file: Path, names: Names, functions: Mapping[str, Callable[..., Any]]) -> None:
        self._file = file
        self._names = names
        self._functions = {**_FUNCTIONS, **functions}
        self._local: list[dict[str, Any]] = []
        self._of_type: dict[str, Callable[[tree_sitter.Node], Any]] = {
            "array": self._array,
            "binary_expression": self._binary,
            "boolean": lambda node: text(node) == "true",
            "call_expression": self._call,
            "for_statement": lambda node: self.repeated(node, self.value),
            "identifier": lambda node: self._name(text(node)),
            "lambda_expression": lambda node: self._lambda(node, ()),
            "member_expression": self._member,
            "null": lambda _: None,
            "number": lambda node: int(text(node)),
            "object": self._object,
            "parenthesized_expression": lambda node: self.value(parts(node)[0]),
            "string": self._string,
            "subscript_expression": self._subscript,
            "ternary_expression": self._ternary,
            "unary_expression": lambda node: not self._bool(field(node, "argument")),
        }

    def value(self, node: tree_sitter.Node) -> Any:
        """Return the value of an expression."""
        if node.type not in self._of_type:
            raise EvaluationError(f"line {node.start_point[0] + 1}: cannot evaluate {node.type}")
        return self._of_type[node.type](node)

    def _object(self, node: tree_sitter.Node) -> dict[str, Any]:
        return {self._key(entry.named_children[0]): self.value(entry.named_children[1]) for entry in parts(node)}

    def _array(self, node: tree_sitter.Node) -> list[Any]:
        return [self.value(entry) for entry in parts(node)]

    def _ternary(self, node: tree_sitter.Node) -> Any:
        chosen = "consequence" if self._bool(field(node, "condition")) else "alternative"
        return self.value(field(node, chosen))

    def _subscript(self, node: tree_sitter.Node) -> Any:
        value, taken = self._base(node)
        if not taken:
            return value
        key = self.value(field(node, "index"))
        try:
            return value[key]
        except (LookupError, TypeError) as error:
            raise EvaluationError(f"line {node.start_point[0] + 1}: nothing at {key!r}") from error

    def repeated(self, node: tree_sitter.Node, of: Callable[[tree_sitter.Node], Any]) -> list[Any]:
        """Evaluate the body of a loop once for each entry."""
        first, array, body = parts(node)
        names = [text(part) for part in parts(first)] if first.type == "for_loop_parameters" else [text(first)]
        results = []
        for index, entry in enumerate(self.value(array)):
            self._local.append(dict(zip(names, (entry, index), strict=False)))
            results.append(of(body))
            self._local.pop()
        return results

    def _name(self, name: str) -> Any:
        for scope in reversed(self._local):
            if name in scope:
                return scope[name]
        inside, self._local = self._local, []  # what is declared outside does not see a lambda's names
        try:
            return self._names(name)
        finally:
            self._local = inside

    def _bool(self, node: tree_sitter.Node) -> bool:
        value = self.value(node)
        if not isinstance(value, bool):
            raise EvaluationError(f"line {node.start_point[0] + 1}: {text(node)!r} is no bool")
        return value

    def _string(self, node: tree_sitter.Node) -> str:
        found = []
        for part in parts(node):
            if part.type == "interpolation":
                value = self.value(parts(part)[0])
                if not isinstance(value, str | int):
                    raise EvaluationError(f"line {node.start_point[0] + 1}: {text(part)} is no text")
                found.append(str(value).lower() if isinstance(value, bool) else str(value))
            else:
                found.append(text(part).replace("\\'", "'").replace("\\n", "\n").replace("\\$", "$"))
        return "".join(found)

    def _key(self, node: tree_sitter.Node) -> str:
        return self._string(node) if node.type == "string" else text(node)

    def _binary(self, node: tree_sitter.Node) -> Any:
        left, right = field(node, "left"), field(node, "right")
        operator = text(node)[left.end_byte - node.start_byte : right.start_byte - node.start_byte].strip()
        if operator in ("&&", "||"):
            return self._bool(right) if self._bool(left) is (operator == "&&") else operator == "||"
        a, b = self.value(left), self.value(right)
        if operator not in _BINARY:
            raise EvaluationError(f"line {node.start_point[0] + 1}: unknown operator {operator}")
        return _BINARY[operator](a, b)

    def _member(self, node: tree_sitter.Node) -> Any:
        inner = field(node, "object")
        name = text(field(node, "property"))
        if inner.type == "lambda_expression":  # the grammar binds `row => row.name` as `(row => row).name`
            return self._lambda(inner, (name,))
        value, taken = self._base(node)
        return self._get(value, name, node) if taken else value

    def _base(self, node: tree_sitter.Node) -> tuple[Any, bool]:
        """Return what `.name` or `[index]` is taken of, and whether it is: of the last branch of a ternary alone."""
        inner = base = field(node, "object")
        while base.type in ("member_expression", "subscript_expression"):
            base = field(base, "object")
        if base.type != "ternary_expression":  # the grammar binds `a ? b : c.d` as `(a ? b : c).d`
            return self.value(inner), True
        if self._bool(field(base, "condition")):
            return self.value(field(base, "consequence")), False
        return self.value(field(inner, "alternative") if inner.type == "ternary_expression" else inner), True

    def _get(self, value: Any, name: str, node: tree_sitter.Node) -> Any:
        if isinstance(value, dict) and name in value:
            return value[name]
        if hasattr(value, "member"):
            return value.member(name)
        raise EvaluationError(f"line {node.start_point[0] + 1}: {text(node)} has no {name}")

    def _lambda(self, node: tree_sitter.Node, members: tuple[str, ...]) -> Callable[..., Any]:
        *names, body = parts(node)

        def call(*values: Any) -> Any:
            self._local.append(dict(zip(map(text, names), values, strict=True)))
            value = self.value(body)
            for member in members:
                value = self._get(value, member, node)
            self._local.pop()
            return value

        return call

    def _call(self, node: tree_sitter.Node) -> Any:
        name = text(field(node, "function"))
        values = [self.value(part) for part in parts(field(node, "arguments"))]
        if name in ("loadTextContent", "loadJsonContent"):
            path = self._file.parent / values[0]
            if not path.is_file():
                raise EvaluationError(f"line {node.start_point[0] + 1}: there is no file {values[0]}")
            content = path.read_text("utf-8")
            return json.loads(content) if name == "loadJsonContent" else content
        if name not in self._functions:
            raise EvaluationError(f"line {node.start_point[0] + 1}: unknown function {name}")
        return self._functions[name](*values)


def text(node: tree_sitter.Node) -> str:
    """Return the text of a node."""
    return (node.text or b"").decode()


def parts(node: tree_sitter.Node) -> list[tree_sitter.Node]:
    """Return the children of a node that mean something."""
    return [child for child in node.named_children if child.type != "comment"]


def field(node: tree_sitter.Node, name: str) -> tree_sitter.Node:
    """Return a node's child by its name in the grammar."""
    child = node.child_by_field_name(name)
    if child is None:
        raise EvaluationError(f"line {node.start_point[0] + 1}: {node.type} without {name}")
    return child


def _guid(*of: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "\n".join(of)))


def _unique(*of: str) -> str:
    return hashlib.sha256("\n".join(of).encode()).hexdigest()[:13]


def _union(*of: dict[str, Any]) -> dict[str, Any]:
    return {key: value for one in of for key, value in one.items()}


_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a // b,
    "%": lambda a, b: a % b,
}

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "any": lambda value: value,
    "concat": lambda *lists: [entry for one in lists for entry in one],
    "contains": lambda whole, part: part in whole,
    "empty": lambda value: not value,
    "environment": lambda: _ENVIRONMENT,
    "filter": lambda values, test: [value for value in values if test(value)],
    "guid": _guid,
    "length": len,
    "map": lambda values, make: [make(value) for value in values],
    "range": lambda begin, count: list(range(begin, begin + count)),
    "replace": lambda whole, old, new: whole.replace(old, new),
    "split": lambda whole, separator: whole.split(separator),
    "toLower": str.lower,
    "toObject": lambda values, key, value: {key(entry): value(entry) for entry in values},
    "trim": str.strip,
    "union": _union,
    "uniqueString": _unique,
}
