"""Starting and stopping: what the host says when it is ready, what it refuses, and how it ends."""

import asyncio
import signal
from pathlib import Path

import aiohttp
import pytest

from emulator.azurite import Storage
from tests.host.running import FUNCTION_KEY, MASTER_KEY, host, refused, seen, send, settings, texts, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

_APP = """
import azure.functions as func

app = func.FunctionApp()

{body}
"""
_TIMER = """
@app.timer_trigger(arg_name="timer", schedule="{schedule}")
def hourly(timer: func.TimerRequest) -> None:
    pass
"""


def _app(folder: Path, body: str, host_json: str = '{"version": "2.0"}') -> Path:
    (folder / "function_app.py").write_text(_APP.format(body=body))
    (folder / "host.json").write_text(host_json)
    return folder


async def test_says_once_on_standard_output_that_it_is_ready_and_what_it_serves(storage: Storage) -> None:
    """Exactly one line on standard output, naming every function; prints of functions go to the log."""
    async with host(storage) as running:
        status, _, _ = await running.request("GET", "/api/secured", headers=FUNCTION_KEY)
        assert status == 200
        await until(lambda: "printed by secured" in running.log)
    assert len(running.out) == 1
    assert {"tick", "yearly", "orders", "failing", "slow", "secured", "look", "crash"} <= set(running.functions)


async def test_log_lines_name_the_function_on_whose_behalf_they_were_written(storage: Storage) -> None:
    """Also for a function that runs in a thread of the worker's pool."""
    async with host(storage) as running:
        await running.request("GET", "/api/secured", headers=FUNCTION_KEY)
        await until(lambda: bool(running.lines("secured", "secured was asked by GET")))


async def test_ends_with_exit_code_zero_after_running_functions_have_ended(storage: Storage) -> None:
    """SIGTERM lets a running message and a running request come to their end, and takes nothing new."""
    async with host(storage) as running:
        await send(storage, f"{running.prefix}-slow", "1")
        asking = asyncio.create_task(running.request("GET", "/api/nap?seconds=1"))
        await until(lambda: bool(running.lines("slow", "slow begins") and running.lines("nap", "started")))
        running.process.send_signal(signal.SIGTERM)
        assert (await asking)[:2] == (200, "rested")
        assert await running.process.wait() == 0
        assert '{"slow": 1}' in await texts(storage, f"{running.prefix}-seen")


async def test_ends_although_a_function_never_does(storage: Storage) -> None:
    """The wait for running functions is bounded; what is abandoned is said."""
    async with host(storage, "--stop-seconds", "1") as running:
        await send(storage, f"{running.prefix}-slow", "600")
        asking = asyncio.create_task(running.request("GET", "/api/nap?seconds=600"))
        await until(lambda: bool(running.lines("slow", "slow begins") and running.lines("nap", "started")))
        running.process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(running.process.wait(), 15) == 0
        with pytest.raises(aiohttp.ClientError):
            await asking
    assert running.lines("host", "abandoned")


async def test_a_disabled_function_is_not_fired_but_can_be_started_by_hand(storage: Storage) -> None:
    """`AzureWebJobs.<name>.Disabled` disarms timers, queue triggers and routes; the admin route still starts them."""
    async with host(storage, disabled=("yearly", "orders", "newest")) as running:
        await send(storage, f"{running.prefix}-orders", "nobody takes it")
        await send(storage, f"{running.prefix}-slow", "0")
        assert await seen(storage, running, 1) == [{"slow": 1}]
        assert (await running.request("GET", "/api/items/newest"))[0] == 404
        assert (await running.request("POST", "/admin/functions/yearly", headers=MASTER_KEY))[0] == 202
        assert {"yearly": True} in await seen(storage, running, 2)


@pytest.mark.parametrize(
    ("body", "host_json", "said"),
    [
        pytest.param(
            _TIMER.format(schedule="not a cron"),
            None,
            "function hourly: schedule 'not a cron': expected 6 fields",
            id="cron",
        ),
        pytest.param(
            _TIMER.format(schedule="0 61 * * * *"), None, "field 'minute': 61 is not between", id="cron field"
        ),
        pytest.param(_TIMER.format(schedule="%NOWHERE%"), None, "app setting NOWHERE, which is not set", id="setting"),
        pytest.param("import no_such_module", None, "No module named 'no_such_module'", id="import error"),
        pytest.param("1 / 0", None, "ZeroDivisionError", id="error at import"),
        pytest.param("", None, "no function_app.py that registers a function", id="no function"),
        pytest.param(_TIMER.format(schedule="0 * * * * *"), "{", "host.json is not JSON", id="host.json"),
        pytest.param(
            _TIMER.format(schedule="0 * * * * *"),
            '{"version": "2.0", "extensions": {"queues": {"messageEncoding": "base32"}}}',
            "messageEncoding: 'base32' is neither",
            id="encoding",
        ),
        pytest.param(
            '@app.queue_trigger("m", "q", "Elsewhere")\ndef take(m: func.QueueMessage) -> None: ...',
            None,
            "Elsewhere must hold a connection string, or Elsewhere__queueServiceUri an address; neither is set",
            id="connection",
        ),
        pytest.param(
            '@app.queue_trigger("m", "q", "Identity")\ndef take(m: func.QueueMessage) -> None: ...',
            None,
            "the app setting Identity__accountName is not served here",
            id="identity",
        ),
        pytest.param(
            '@app.route("x/{y:regex(z)}")\ndef ask(req: func.HttpRequest) -> func.HttpResponse: ...',
            None,
            "constraint 'regex(z)' is not served here",
            id="route",
        ),
        pytest.param(
            '@app.queue_trigger("m", "q", "AzureWebJobsStorage")\n@app.blob_output("b", "c/d", "AzureWebJobsStorage")\n'
            "def take(m: func.QueueMessage, b: func.Out[str]) -> None: ...",
            None,
            "output binding b (blob) is not served here",
            id="output",
        ),
    ],
)
async def test_refuses_what_it_cannot_serve_and_says_why(
    storage: Storage, tmp_path: Path, body: str, host_json: str | None, said: str
) -> None:
    """The exit code is 1, standard output stays empty and the log names the place."""
    app = _app(tmp_path, body, host_json or '{"version": "2.0"}')
    environment = settings(storage, "refused", Identity__accountName="account")
    code, log = await refused(app, environment)
    assert code == 1
    assert said in log


async def test_refuses_to_start_without_reachable_storage(storage: Storage, tmp_path: Path) -> None:
    """A queue that cannot be reached at the start is an error, not a silent retry."""
    app = _app(tmp_path, '@app.queue_trigger("m", "q", "Dead")\ndef take(m: func.QueueMessage) -> None: ...')
    dead = storage.connection_string.replace(storage.queue_url, "http://127.0.0.1:9/devstoreaccount1")
    code, log = await refused(app, settings(storage, "refused", Dead=dead))
    assert code == 1
    assert "queue q of function take cannot be reached at 127.0.0.1:9" in log
