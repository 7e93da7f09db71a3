"""Several hear of the same thing at once: one rotation comes of it, with one save and one attempt."""

import asyncio
import uuid
from dataclasses import replace

from emulator.faults import RecordedRequest, Reset
from emulator.jobs import Job
from shared.composition import Pratique
from shared.detection.signal import QUEUE, VAULT_EVENTS_QUEUE, News, Signal
from shared.incidents.incident import IncidentState
from shared.remediation.limits import ATTEMPT
from shared.remediation.reconcile import Report
from tests.product.conftest import until
from tests.rotation.conftest import Bound, Scene


async def together(scene: Scene, *products: Pratique) -> list[Report]:
    """Let every product take a message each at the same moment, until the queues are empty."""
    reports: list[Report] = []

    async def handle(product: Pratique, text: str) -> None:
        reports.append(await product.reconciler.reconcile(Signal.from_message(text)))

    events = await scene.take(VAULT_EVENTS_QUEUE)
    await asyncio.gather(*(products[at % len(products)].ears.vault_event(text) for at, text in enumerate(events)))
    texts = await scene.take(QUEUE)
    await asyncio.gather(*(handle(products[at % len(products)], text) for at, text in enumerate(texts)))
    return reports


async def proven(scene: Scene, one: Bound, *products: Pratique) -> None:
    """Let all products work side by side until the newest version is proven, and a while longer."""

    async def reached() -> bool:
        await asyncio.gather(*(product.ears.enqueue_due() for product in products))
        await together(scene, *products)
        return (await one.record(products[0])).proven_at is not None

    await until(reached)
    for _ in range(8):
        await reached()
        await asyncio.sleep(0.05)


async def counted(product: Pratique, one: Bound) -> int:
    """Count the attempts in the journals of all jobs of an application."""
    since = product.services.clock.now().replace(year=2020)
    rows = await product.services.incidents.of(one.id)
    journals = [await product.services.journal.entries(row, since) for row in rows]
    return [action for journal in journals for _, action, _ in journal].count(ATTEMPT)


def second_job(scene: Scene, one: Bound) -> Job:
    """Give the application another job that uses the same credentials."""
    first = one.it.job
    job = scene.tenant.directory.add_job(one.it.service_principal, first.template_id, [])
    job.users = [replace(user, id=str(uuid.uuid4()), user_name=f"second.{user.user_name}") for user in first.users]
    return job


async def test_two_instances_and_three_events_make_one_rotation(scene: Scene) -> None:
    """The same event three times, two instances at the same moment: one save, one attempt, one notice."""
    one = await scene.application()
    first, second = scene.product(), scene.product()
    await one.paste()
    event = (await scene.take(VAULT_EVENTS_QUEUE))[0]
    await asyncio.gather(*(product.ears.vault_event(event) for product in (first, second, first)))
    await proven(scene, one, first, second)
    assert scene.saved(one)["SecretToken"] == one.newest()
    assert len(scene.tenant.directory.secret_saves) == 1
    assert await counted(first, one) == 1
    assert len(scene.told(one.name)) == 1


async def test_two_jobs_of_one_application_make_one_rotation(scene: Scene) -> None:
    """They share their credentials: one job's attempt serves both, and both go on."""
    one = await scene.application()
    other = second_job(scene, one)
    first, second = scene.product(), scene.product()
    await one.paste()
    await proven(scene, one, first, second)
    assert scene.saved(one)["SecretToken"] == one.newest()
    assert len(scene.tenant.directory.secret_saves) == 1
    assert await counted(first, one) == 1
    assert len(scene.told(one.name)) == 1
    await scene.until(first, lambda: other.last_successful and one.it.job.last_successful)
    assert other.quarantine is one.it.job.quarantine is None


async def test_a_sibling_waits_while_the_attempt_of_another_job_is_halted(scene: Scene) -> None:
    """Halted before its save, one job's attempt is still the application's: the other job begins none of its own."""
    one = await scene.application()
    other = second_job(scene, one)
    product = scene.product()

    async def switch_off(request: RecordedRequest) -> None:
        if request.path.endswith("/validateCredentials"):
            scene.environment["PRATIQUE_ACTING"] = "off"

    scene.tenant.faults.after.append(switch_off)
    await one.paste(announce=False)
    await one.look(product, News.CREDENTIAL)
    assert (await one.incident(product)).state is IncidentState.ACTING
    scene.tenant.faults.after.remove(switch_off)
    scene.environment["PRATIQUE_ACTING"] = "on"
    report = await one.look(product, News.CREDENTIAL, job=other.id)
    assert report.incident is not None
    assert "under way" in report.incident.note
    await proven(scene, one, product)
    assert len(scene.tenant.directory.secret_saves) == 1
    assert await counted(product, one) == 1


async def test_two_quarantined_jobs_of_one_application_are_both_lifted(scene: Scene) -> None:
    """One save brings the credential; each job's own quarantine is lifted and each recovery proven."""
    one = await scene.application()
    other = second_job(scene, one)
    first, second = scene.product(PRATIQUE_ATTEMPTS_PER_DAY="5"), scene.product()
    one.it.target.expire_tokens()
    await scene.until(first, lambda: one.it.job.quarantine and other.quarantine)
    await one.paste()
    await proven(scene, one, first, second)
    await scene.until(first, lambda: one.it.job.quarantine is other.quarantine is None)
    assert scene.saved(one)["SecretToken"] == one.newest()
    assert len(scene.tenant.directory.secret_saves) == 1
    assert len(scene.tenant.directory.restarts) == 2


async def test_an_instance_that_lost_its_lease_saves_nothing_more(scene: Scene) -> None:
    """While one instance tests the candidate its lease is taken over: it stops, and the other one does the work."""
    one = await scene.application()
    slow, quick = scene.product(PRATIQUE_LEASE="11"), scene.product()
    version = await one.paste(announce=False)
    stolen = False

    async def steal(request: RecordedRequest) -> None:
        nonlocal stolen
        if request.path.endswith("/validateCredentials") and not stolen:
            stolen = True
            leases = quick.services.leases
            row = await leases._table.get(one.id, "lease")
            assert row is not None
            await leases._table.delete(one.id, "lease", row.etag)
            assert await leases.acquire(one.id) is not None

    scene.tenant.faults.after.append(steal)
    report = await one.look(slow, News.CREDENTIAL)
    assert str(report.handled) == "busy"
    assert scene.tenant.directory.secret_saves == []
    assert await counted(quick, one) == 0
    scene.tenant.faults.after.remove(steal)
    row = await quick.services.leases._table.get(one.id, "lease")
    assert row is not None
    await quick.services.leases._table.delete(one.id, "lease", row.etag)
    await proven(scene, one, slow, quick)
    assert scene.saved(one)["SecretToken"] == scene.tenant.vault.value(one.secret, version)


async def test_two_instances_mint_one_token(scene: Scene) -> None:
    """Both forecast at the same moment, and both act on what they found: one token is made."""
    one = await scene.minting("snowflake")
    first, second = scene.product(PRATIQUE_MINT="on"), scene.product()
    await asyncio.gather(first.forecaster.run(), second.forecaster.run())
    await proven(scene, one, first, second)
    assert len(one.api.minted) == 2
    assert len(scene.tenant.directory.secret_saves) == 1
    assert await counted(first, one) == 1


async def test_a_save_without_an_answer_is_settled_by_whoever_comes_next(scene: Scene) -> None:
    """The connection is lost after Entra took the save: another instance goes on, and the end is the same."""
    one = await scene.application()
    first, second = scene.product(), scene.product()
    scene.tenant.faults.add("graph", "PUT", "/synchronization/secrets", Reset(handled=True))
    await one.paste(announce=False)
    await one.look(first, News.CREDENTIAL)
    await proven(scene, one, second)
    assert scene.saved(one)["SecretToken"] == one.newest()
    assert len(scene.tenant.directory.secret_saves) <= 2
    assert await counted(second, one) == 1
    assert len(scene.told(one.name)) == 1
