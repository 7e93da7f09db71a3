"""A token, a password and what mints one are where they must be and nowhere else; so is the Teams webhook's address."""

import asyncio
import base64
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables.aio import TableServiceClient

from emulator.azurite import Storage
from emulator.entra import Role
from emulator.settings import EmulatorSettings
from emulator.tenant import EmbeddedTenant
from shared.clients import storage as product_storage
from shared.detection.signal import QUEUE, News, Signal, Source
from shared.incidents.store import Incidents
from shared.redaction import SecretValue
from tests.crash.worker import SETTINGS, Worker, app_folder
from tests.host.running import FUNCTION_KEY, length, send
from tests.leaks.cases import MINTING, Case, Way, add_case, token
from tests.leaks.search import Place, carries_a_token, found, requested, stored, told

_PATIENCE = 90.0
_UNHURRIED = {"PRATIQUE_MINT": "on", "PRATIQUE_LEASE": "6", "PRATIQUE_STEP": "5.5"}


@pytest.mark.parametrize("characters", [47, 22])
async def test_no_secret_is_anywhere_it_does_not_belong(
    state_dir: Path, clean_storage: Storage, tmp_path: Path, characters: int
) -> None:
    """Rows, queues, log, cards, mails, requests and answers hold no part of a secret; errors repeat all they can."""
    settings = EmulatorSettings(
        cycle_interval=0.6, secrets_settle=0.1, quarantine_intervals=(1_000_000.0,), echo_token=True
    )
    async with EmbeddedTenant(state_dir, settings=settings) as tenant:
        tenant.entra.roles.add(Role.VAULT_OFFICER)
        cases = [await add_case(tenant, way, characters) for way in Way]
        await tenant.engine.run_due()
        tenant.start_engine()
        folder = app_folder(tmp_path / "app", visibilityTimeout="00:00:01", maxDequeueCount=2)
        environment = {**tenant.environment(), **SETTINGS, **_UNHURRIED}
        environment["AzureWebJobsStorage"] = clean_storage.connection_string
        worker = await Worker.start(folder, environment, tmp_path / "worker.log")
        try:
            places = await _play(cases, clean_storage, worker)
            places += await _asked(cases, await worker.url())
        finally:
            worker.kill()
            await worker.ended()
        signature = parse_qs(urlsplit(tenant.inboxes.teams_url).query)["sig"][0]
        places += [Place("log", worker.said()), *told(tenant.inboxes), *requested(tenant, signature)]
        places += [place async for place in stored(clean_storage.connection_string)]
        _require_that_tokens_were_used(tenant, cases)
    for case in cases:
        for secret in case.secrets:
            assert found(secret, places) == [], case.way
    assert found(signature, places) == []


@pytest.mark.parametrize("characters", [47, 22])
@pytest.mark.parametrize("place", ["table", "queue", "queue in base64", "log", "answer"])
async def test_the_search_finds_what_is_there(clean_storage: Storage, place: str, characters: int) -> None:
    """A token planted in any kind of place, and a part of one, is found there."""
    secret = token(characters)
    places = [Place("log", f"said {secret[:12]}***")] if place == "log" else []
    places += [Place("answer", f'{{"note": "***{secret[-12:]}"}}')] if place == "answer" else []
    match place:
        case "table":
            async with TableServiceClient.from_connection_string(clean_storage.connection_string) as tables:
                table = await tables.create_table("planted")
                await table.create_entity({"PartitionKey": "p", "RowKey": "r", "note": f"said {secret}."})
                await table.close()
        case "queue":
            await send(clean_storage, "planted", secret)
        case "queue in base64":
            await send(clean_storage, "planted", base64.b64encode(f'{{"token": "{secret}"}}'.encode()).decode())
    places += [each async for each in stored(clean_storage.connection_string)]
    assert len(found(secret, places)) == 1
    assert found(token(characters), places) == []


async def _play(cases: list[Case], storage: Storage, worker: Worker) -> list[Place]:
    """Bring the news, wait until each repair has come to its point, and keep every row that was seen meanwhile."""
    seen: set[Place] = set()
    waiting = list(cases)
    stores = product_storage.Storage.from_connection_string(SecretValue(storage.connection_string))
    for case in cases:
        job = case.application.job
        signal = Signal(job.service_principal_id, job.id, Source.VAULT, News.CREDENTIAL, datetime.now(UTC))
        await send(storage, QUEUE, signal.to_message())
    await worker.url()
    try:
        async with asyncio.timeout(_PATIENCE):
            while waiting:
                await asyncio.sleep(0.3)
                seen |= {place async for place in stored(storage.connection_string)}
                poisoned = await _poisoned(storage)
                rows = {row.service_principal_id: row for row in await Incidents(stores).all()}
                waiting = [
                    case
                    for case in waiting
                    if not case.reached(rows.get(case.application.service_principal.id), poisoned)
                ]
    except TimeoutError:
        raise AssertionError(f"not reached: {[case.way for case in waiting]}\n{worker.said()}") from None
    finally:
        await stores.close()
    return list(seen)


async def _poisoned(storage: Storage) -> int:
    try:
        return await length(storage, f"{QUEUE}-poison")
    except ResourceNotFoundError:
        return 0


async def _asked(cases: list[Case], url: str) -> list[Place]:
    """Ask by HTTP for all jobs, and for a look at each."""
    jobs = [f"{case.application.service_principal.id}/{case.application.job.id}" for case in cases]
    asked = [("GET", "/api/jobs"), ("GET", "/api/tokens")]
    asked += [("POST", f"/api/jobs/{job}/{action}") for job in jobs for action in ("reconcile", "rotate")]
    answers = []
    async with aiohttp.ClientSession(headers=FUNCTION_KEY) as session:
        for method, path in asked:
            async with session.request(method, url + path) as answer:
                answers.append(Place(f"answer to {method} {path}", f"{answer.headers}\n{await answer.text()}"))
    return answers


def _require_that_tokens_were_used(tenant: EmbeddedTenant, cases: list[Case]) -> None:
    bodies = b"".join(request.body for request in tenant.requests if carries_a_token(request))
    for case in cases:
        if case.way in MINTING:
            api = case.application.vendor_api
            assert api is not None
            assert f"Bearer {api.credential}" in case.application.target.api_authorizations, case.way
            assert bool(api.minted) is (case.way is not Way.MINT_REFUSED), case.way
            kept = case.way in (Way.MINTED, Way.NOT_KEPT)
            assert any(made.value.encode() in bodies for made in api.minted) is kept, case.way
            continue
        if case.way is Way.PASSWORD:
            assert case.new.encode() in bodies
            continue
        tested = case.way not in (Way.UNCLEAR_BEFORE, Way.GARBAGE)
        assert (case.new.encode() in bodies) is tested, case.way
        sent = case.way in (Way.WELL, Way.REJECTED, Way.REFUSED, Way.FAILED)
        assert (f"Bearer {case.new}" in case.application.target.authorizations) is sent, case.way
