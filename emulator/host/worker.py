"""The worker's side: indexes an app with the real worker runtime and invokes its functions."""

import asyncio
import json
import os
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as runtime

from emulator.host.errors import HostError
from emulator.host.protos import SUCCESS, Message, ParameterBinding, protos, text_data

_HOST_VERSION = "4.1042.0"  # what a current Functions host calls itself when it starts a worker
_OUT = "OUT"


@dataclass(frozen=True, slots=True)
class Binding:
    """One binding of a function, with the settings its decorator gave it."""

    type: str
    name: str
    is_output: bool
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Function:
    """An indexed function: what fires it and what it writes to."""

    id: str
    name: str
    trigger: Binding
    inputs: tuple[Binding, ...]
    outputs: tuple[Binding, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an invocation ended."""

    error: str | None
    outputs: Mapping[str, Message]

    @property
    def succeeded(self) -> bool:
        """Say whether the function returned and everything it wrote was delivered."""
        return self.error is None


class Worker:
    """The app in this process; the runtime keeps its registry in modules, so one process serves one app."""

    def __init__(self, app_dir: Path) -> None:
        self.functions: dict[str, Function] = {}
        self._app_dir = app_dir
        self._running: dict[str, str] = {}

    async def start(self) -> None:
        """Import and index the app; the working directory becomes the app's, as in Azure."""
        sys.path.insert(0, str(self._app_dir))
        os.chdir(self._app_dir)
        runtime.start_threadpool_executor()
        started = await runtime.worker_init_request(
            _request(
                "worker_init_request",
                host_version=_HOST_VERSION,
                capabilities={},
                function_app_directory=str(self._app_dir),
            )
        )
        if started.result.status != SUCCESS:
            raise HostError(f"the app in {self._app_dir} cannot be loaded: {_error(started.result.exception)}")
        indexed = await runtime.functions_metadata_request(_request("functions_metadata_request"))
        if not indexed.function_metadata_results:
            raise HostError(f"{self._app_dir} holds no function_app.py that registers a function")
        for metadata in indexed.function_metadata_results:
            await runtime.function_load_request(_request("function_load_request", function_id=metadata.function_id))
            self.functions[metadata.name] = _function(metadata)

    def stop(self) -> None:
        """Release the threads that ran synchronous functions."""
        runtime.stop_threadpool_executor()

    def running_function(self) -> str | None:
        """Name the function on whose behalf the calling task or thread works."""
        return self._running.get(runtime.invocation_id_cv.get() or "")

    async def invoke(self, function: Function, data: Message, metadata: Mapping[str, str]) -> Outcome:
        """Run a function once with what its trigger carries."""
        invocation = str(uuid.uuid4())
        request = _request(
            "invocation_request",
            invocation_id=invocation,
            function_id=function.id,
            input_data=[ParameterBinding(name=function.trigger.name, data=data)],
            trigger_metadata={key: text_data(value) for key, value in metadata.items()},
            trace_context=SimpleNamespace(
                trace_parent=f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-01", trace_state="", attributes={}
            ),
            retry_context=SimpleNamespace(retry_count=0, max_retry_count=0, exception=None),
        )
        self._running[invocation] = function.name
        try:
            # A task of its own has a context of its own: the invocation id reaches only what this call starts.
            response = await asyncio.create_task(_invoke(invocation, request))
        finally:
            del self._running[invocation]
        if response.result.status != SUCCESS:
            return Outcome(error=_error(response.result.exception), outputs={})
        outputs = {output.name: output.data for output in response.output_data if output.data is not None}
        if response.return_value is not None:
            outputs["$return"] = response.return_value
        return Outcome(error=None, outputs=outputs)


async def _invoke(invocation: str, request: SimpleNamespace) -> Any:
    runtime.invocation_id_cv.set(invocation)
    return await runtime.invocation_request(request)


def _request(kind: str, **fields: Any) -> SimpleNamespace:
    return SimpleNamespace(
        request=SimpleNamespace(**{kind: SimpleNamespace(**fields)}),
        properties={"host": "127.0.0.1", "protos": protos},
    )


def _error(exception: Message) -> str:
    return f"{exception.message}\n{exception.stack_trace or ''}".strip()


def _function(metadata: Message) -> Function:
    bindings = [_binding(json.loads(raw)) for raw in metadata.raw_bindings]
    # The indexer lets no function pass that has no trigger or two.
    trigger = next(binding for binding in bindings if binding.type.lower().endswith("trigger"))
    return Function(
        id=metadata.function_id,
        name=metadata.name,
        trigger=trigger,
        inputs=tuple(binding for binding in bindings if not binding.is_output and binding is not trigger),
        outputs=tuple(binding for binding in bindings if binding.is_output),
    )


def _binding(raw: Mapping[str, Any]) -> Binding:
    return Binding(type=raw["type"], name=raw["name"], is_output=raw["direction"] == _OUT, settings=raw)
