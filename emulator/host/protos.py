"""A stand-in for the protobuf messages between host and worker.

The worker runtime is handed its protobuf module. It only constructs messages, reads their fields and asks `TypedData`
which kind of value it holds, so plain objects serve and neither grpcio nor the .proto files are needed.
"""

import json
from types import SimpleNamespace
from typing import Any


class Message:
    """A message as the worker uses one: fields by keyword, an absent field reads as None."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __getattr__(self, name: str) -> Any:
        # The worker probes for nested message types (capitalised) to tell a module from a message.
        if name.startswith("_") or name[0].isupper():
            raise AttributeError(name)
        return None


def _kind_of_value(message: Message, _oneof: str) -> str | None:
    return next(iter(message.__dict__), None)


def _message(name: str, **members: Any) -> type[Message]:
    return type(name, (Message,), members)


_PLAIN = (
    "CollectionBytes",
    "CollectionString",
    "FunctionEnvironmentReloadResponse",
    "FunctionLoadResponse",
    "FunctionMetadataResponse",
    "InvocationResponse",
    "NullableBool",
    "NullableDouble",
    "NullableString",
    "NullableTimestamp",
    "RpcException",
    "RpcFunctionMetadata",
    "RpcHttp",
    "RpcRetryOptions",
    "Timestamp",
    "WorkerInitResponse",
    "WorkerMetadata",
)

TypedData = _message("TypedData", WhichOneof=_kind_of_value)
ParameterBinding = _message("ParameterBinding", WhichOneof=lambda _message, _oneof: "data")
SUCCESS = 1

protos = SimpleNamespace(
    **{name: _message(name) for name in _PLAIN},
    TypedData=TypedData,
    ParameterBinding=ParameterBinding,
    StatusResult=_message("StatusResult", Failure=0, Success=SUCCESS, Cancelled=2),
    BindingInfo=_message(
        "BindingInfo", **{"in": 0, "out": 1, "inout": 2, "undefined": 0, "string": 1, "binary": 2, "stream": 3}
    ),
    RpcHttpCookie=_message(
        "RpcHttpCookie", SameSite=SimpleNamespace(**{"None": 0, "Lax": 1, "Strict": 2, "ExplicitNone": 3})
    ),
)


def text_data(value: str) -> Message:
    """Wrap a text for a binding or a piece of trigger metadata."""
    return TypedData(string=value)


def bytes_data(value: bytes) -> Message:
    """Wrap bytes for a binding."""
    return TypedData(bytes=value)


def json_data(value: Any) -> Message:
    """Wrap a value that travels as JSON."""
    return TypedData(json=json.dumps(value))


def http_data(
    *, method: str, url: str, headers: dict[str, str], query: dict[str, str], params: dict[str, str], body: bytes
) -> Message:
    """Wrap an HTTP request as the host hands it to an HTTP trigger."""
    request = protos.RpcHttp(method=method, url=url, headers=headers, query=query, params=params, body=bytes_data(body))
    return TypedData(http=request)
