"""Queue triggers and outputs against a real Azurite: delivery, retries, poison, locks, and the two encodings."""

import asyncio
import base64
import json
import shutil
import signal
import time
from pathlib import Path

import pytest

from emulator.azurite import Storage
from tests.host.running import SAMPLE, RunningHost, host, length, queue, seen, send, texts, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


def _with_queues(folder: Path, **options: object) -> Path:
    """Copy the sample app with other queue options."""
    app = folder / "app"
    shutil.copytree(SAMPLE, app)
    content = json.loads((app / "host.json").read_text())
    content["extensions"]["queues"] |= options
    (app / "host.json").write_text(json.dumps(content))
    return app


async def _poisoned(storage: Storage, name: str) -> list[str]:
    async def moved() -> bool:
        return bool(await texts(storage, f"{name}-poison"))

    await until(moved)
    return await texts(storage, f"{name}-poison")


async def _empty(storage: Storage, name: str) -> None:
    async def is_empty() -> bool:
        return await length(storage, name) == 0

    await until(is_empty)


async def _bodies(storage: Storage, running: RunningHost, count: int) -> list[str]:
    # One result is the yearly timer's, which runs at start-up.
    return sorted(result["body"] for result in await seen(storage, running, count + 1) if "body" in result)


async def test_delivers_every_message_once_and_deletes_it(storage: Storage) -> None:
    """More messages than fit in one batch, each seen once, as it was sent; the queue is empty after."""
    async with host(storage) as running:
        sent = sorted(f"<message {number}> & ümlaut" for number in range(11))
        for text in sent:
            await send(storage, f"{running.prefix}-orders", text)
        assert await _bodies(storage, running, len(sent)) == sent
        await _empty(storage, f"{running.prefix}-orders")
        assert len(running.lines("orders", "started by queue message")) == len(sent)


async def test_retries_a_failing_message_and_moves_it_to_the_poison_queue(storage: Storage) -> None:
    """As many tries as maxDequeueCount says, each with its count, then `<queue>-poison` with the text unchanged."""
    async with host(storage) as running:
        name = f"{running.prefix}-failing"
        await send(storage, name, '{"job": 1}')
        assert await _poisoned(storage, name) == ['{"job": 1}']
        await _empty(storage, name)
        tries = running.lines("failing", "ValueError: try")
        assert [number for line in tries for number in "1234" if f"ValueError: try {number}" in line] == ["1", "2", "3"]
        assert running.lines("failing", f"was moved to {name}-poison")


async def test_waits_between_failed_tries(storage: Storage, tmp_path: Path) -> None:
    """The visibilityTimeout keeps the message away after a failure."""
    app = _with_queues(tmp_path, visibilityTimeout="00:00:02", maxDequeueCount=2)
    async with host(storage, app=app) as running:
        await send(storage, f"{running.prefix}-failing", "x")
        await until(lambda: bool(running.lines("failing", "try 1")))
        begun = time.monotonic()
        await until(lambda: bool(running.lines("failing", "try 2")))
        assert time.monotonic() - begun > 0.9


async def test_a_killed_host_loses_no_message(storage: Storage) -> None:
    """After SIGKILL the message comes again, to the next host, once the lock has run out."""
    async with host(storage, "--lock-seconds", "4") as first:
        await send(storage, f"{first.prefix}-slow", "600")
        await until(lambda: bool(first.lines("slow", "slow begins")))
        begun = time.monotonic()
        first.process.send_signal(signal.SIGKILL)
        await first.process.wait()
    async with host(storage, prefix=first.prefix, HOST_MESSAGE_LOCK_SECONDS="4") as second:
        await until(lambda: bool(second.lines("slow", "slow begins")))
        assert time.monotonic() - begun > 2.5, "the message was visible before its lock had ended"
        second.process.send_signal(signal.SIGKILL)
        await second.process.wait()


async def test_keeps_the_lock_while_the_function_runs(storage: Storage) -> None:
    """A function that runs longer than the lock gets its message once, and the message is deleted after."""
    async with host(storage, "--lock-seconds", "1") as running:
        await send(storage, f"{running.prefix}-slow", "2.6")
        assert {"slow": 1} in await seen(storage, running, 2)
        await _empty(storage, f"{running.prefix}-slow")
        assert len(running.lines("slow", "slow begins")) == 1


async def test_runs_no_more_at_a_time_than_batch_and_threshold_allow(storage: Storage, tmp_path: Path) -> None:
    """With batchSize 2 and newBatchThreshold 1 three messages run at a time at most, and more than one does."""
    app = _with_queues(tmp_path, batchSize=2, newBatchThreshold=1)
    async with host(storage, app=app) as running:
        for _ in range(6):
            await send(storage, f"{running.prefix}-slow", "0.3")
        await seen(storage, running, 7)
        at_once, most = 0, 0
        for line in running.log:
            at_once += ("slow slow begins" in line) - ("slow succeeded" in line)
            most = max(most, at_once)
        assert 2 <= most <= 3


async def test_decodes_and_encodes_base64(storage: Storage, tmp_path: Path) -> None:
    """Content arrives decoded, bytes that are no text too; outputs and poison are base64 as well."""
    app = _with_queues(tmp_path, messageEncoding="base64")
    async with host(storage, app=app) as running:
        await send(storage, f"{running.prefix}-orders", base64.b64encode("héllo".encode()).decode())
        await send(storage, f"{running.prefix}-orders", base64.b64encode(b"\xff\xfe").decode())

        async def all_there() -> bool:
            return len(await texts(storage, f"{running.prefix}-seen")) == 3

        await until(all_there)
        written = [base64.b64decode(text, validate=True) for text in await texts(storage, f"{running.prefix}-seen")]
        assert sorted(json.loads(text).get("body", "") for text in written) == ["", "\\xff\\xfe", "héllo"]
        poison = base64.b64encode(b"bad").decode()
        await send(storage, f"{running.prefix}-failing", poison)
        assert await _poisoned(storage, f"{running.prefix}-failing") == [poison]


async def test_moves_a_message_that_is_not_base64_to_the_poison_queue_unread(storage: Storage, tmp_path: Path) -> None:
    """The function does not run, the text is kept as it came, and the log says why."""
    app = _with_queues(tmp_path, messageEncoding="base64")
    async with host(storage, app=app) as running:
        name = f"{running.prefix}-orders"
        await send(storage, name, '{"plain": 123}')
        assert await _poisoned(storage, name) == ['{"plain": 123}']
        await _empty(storage, name)
        assert not running.lines("orders", "started")
        assert running.lines("orders", "is not encoded as base64")


async def test_survives_a_deleted_queue(storage: Storage) -> None:
    """A queue that somebody deletes is created again and served on."""
    async with host(storage) as running:
        name = f"{running.prefix}-orders"
        async with queue(storage, name) as client:
            await client.delete_queue()
        await until(lambda: bool(running.lines("orders", "is created again")))
        await asyncio.sleep(0.1)
        await send(storage, name, "after")
        assert await _bodies(storage, running, 1) == ["after"]
