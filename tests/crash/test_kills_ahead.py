"""A worker killed around the writes of a rotation ahead of time: a fresh one brings it to the same end.

Left out, for they take the same steps as in test_kills: the tests and the notices. Of the vendors only one that can say
what became of a mint and one that cannot; of the moments around a mint not the one after its answer, which is the one
before the token is kept.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from emulator.azurite import Storage
from emulator.settings import SecretsPut
from shared.detection.signal import News
from shared.incidents.incident import Incident
from shared.tokens.record import Retiring, TokenRecord
from shared.tokens.records import TokenRecords
from tests.crash.kills import KillAt, Moment, Write
from tests.crash.rotation import (
    DISABLE,
    KEEP,
    MINT,
    MINTING,
    RETAG,
    REVOKE,
    SAVE,
    minted,
    refused_once_saved,
    renewed,
    replaced,
    require_put_back,
    require_rotated,
    to_be_minted,
    to_be_minted_at_snowflake,
)
from tests.crash.scene import SECRET, Scene, opened
from tests.product.conftest import until

_EVERY_SECOND = "* * * * * *"


async def _kill(scene: Scene, write: Write, moment: Moment, news: News = News.CREDENTIAL) -> None:
    point = KillAt(scene, write, moment)
    await scene.bring_news(news)
    await scene.start_worker()
    await scene.killed(point.killed)


@pytest.mark.parametrize(
    ("put", "moment"),
    [*((SecretsPut.MERGE, moment) for moment in Moment), (SecretsPut.REPLACE, Moment.UNANSWERED)],
)
async def test_a_kill_around_the_save(
    state_dir: Path, clean_storage: Storage, tmp_path: Path, put: SecretsPut, moment: Moment
) -> None:
    """The new version is in use, saved once or twice, proven and told once; no job was restarted."""
    async with opened(state_dir, clean_storage, tmp_path, play=renewed, put=put) as scene:
        await _kill(scene, SAVE, moment)
        await require_rotated(scene, await scene.until_recovered())


async def test_a_kill_at_the_save_where_the_old_token_is_dead_already(
    state_dir: Path, clean_storage: Storage, tmp_path: Path
) -> None:
    """The job may fall into quarantine while nobody works: it comes out again with the new token in use."""
    more = {"PRATIQUE_ATTEMPTS_PER_DAY": "5"}
    async with opened(state_dir, clean_storage, tmp_path, play=replaced, more=more) as scene:
        await _kill(scene, SAVE, Moment.UNANSWERED)
        incident = await scene.until_recovered()
        saved = scene.tenant.directory.secrets.effective(incident.service_principal_id)
        assert saved == {**scene.settings_before, "SecretToken": scene.tenant.vault.value(SECRET)}
        await until(lambda: scene.application.job.quarantine is None)


@pytest.mark.parametrize(
    ("put", "moment"), [(SecretsPut.MERGE, Moment.BEFORE), (SecretsPut.REPLACE, Moment.UNANSWERED)]
)
async def test_a_kill_around_putting_back(
    state_dir: Path, clean_storage: Storage, tmp_path: Path, put: SecretsPut, moment: Moment
) -> None:
    """The refused version is taken back all the same: everything is as before, and people heard so once."""
    async with opened(state_dir, clean_storage, tmp_path, play=refused_once_saved, put=put) as scene:
        old = scene.settings_before["SecretToken"].encode()
        await _kill(scene, replace(SAVE, name="put-back", body=old), moment)
        await require_put_back(scene, await scene.until_recovered())


@pytest.mark.parametrize(
    ("write", "moment"),
    [
        (RETAG, Moment.ANSWERED),
        (MINT, Moment.BEFORE),
        (MINT, Moment.UNANSWERED),
        *((KEEP, moment) for moment in Moment),
    ],
    ids=lambda value: value.name if isinstance(value, Write) else str(value),
)
async def test_a_kill_around_minting(
    state_dir: Path, clean_storage: Storage, tmp_path: Path, write: Write, moment: Moment
) -> None:
    """One new token lives at the vendor, in the vault and in Entra; whatever was made and lost is revoked."""
    async with opened(state_dir, clean_storage, tmp_path, play=to_be_minted, more=MINTING) as scene:
        await _kill(scene, write, moment, News.EXPIRING)
        incident = await scene.until_recovered()
        await require_rotated(scene, incident)
        assert [token for token in minted(scene) if scene.application.target.accepts(token)] == [
            scene.tenant.vault.value(SECRET)
        ]
        assert len(scene.tenant.vault.versions(SECRET)) == 2
        assert len(minted(scene)) <= 2


async def test_a_kill_after_a_kept_token_mints_no_other_where_nobody_could_tell(
    state_dir: Path, clean_storage: Storage, tmp_path: Path
) -> None:
    """The put was applied without an answer: the version is recognised by its tag, and one token was made."""
    async with opened(state_dir, clean_storage, tmp_path, play=to_be_minted_at_snowflake, more=MINTING) as scene:
        await _kill(scene, KEEP, Moment.UNANSWERED, News.EXPIRING)
        await require_rotated(scene, await scene.until_recovered())
        assert len(minted(scene)) == 1


async def test_a_kill_after_a_lost_mint_is_told_where_nobody_could_tell(
    state_dir: Path, clean_storage: Storage, tmp_path: Path
) -> None:
    """The token that was made is lost: a person is asked to look, nothing is saved, and no other is asked for."""

    def told(incident: Incident) -> bool:
        return any(topic.startswith("gave_up") for topic in incident.told) and not incident.untold

    async with opened(state_dir, clean_storage, tmp_path, play=to_be_minted_at_snowflake, more=MINTING) as scene:
        await _kill(scene, MINT, Moment.UNANSWERED, News.EXPIRING)
        incident = await scene.until_row(told)
        assert scene.tenant.directory.secrets.effective(incident.service_principal_id) == scene.settings_before
        assert len(minted(scene)) == 1
        assert len(scene.tenant.vault.versions(SECRET)) == 1


@pytest.mark.parametrize("write", [REVOKE, DISABLE], ids=lambda write: write.name)
async def test_a_kill_while_retiring(state_dir: Path, clean_storage: Storage, tmp_path: Path, write: Write) -> None:
    """Applied without an answer and done again: the old token is revoked, its version disabled, the row cleared."""
    more = {**MINTING, "FORECAST_SCHEDULE": _EVERY_SECOND}
    async with opened(state_dir, clean_storage, tmp_path, play=to_be_minted, more=more) as scene:
        records, sp = TokenRecords(scene.stores), scene.application.service_principal.id
        await _let_retire(scene, records)
        point = KillAt(scene, write, Moment.UNANSWERED)
        await scene.start_worker()
        await scene.killed(point.killed)

        async def cleared() -> bool:
            return (await records.get(sp, SECRET)).retiring == ()

        await until(cleared, 30)
        old, new = scene.tenant.vault.versions(SECRET)
        assert (old.enabled, new.enabled) == (False, True)
        target = scene.application.target
        assert (target.accepts(old.value), target.accepts(new.value)) == (False, True)


async def _let_retire(scene: Scene, records: TokenRecords) -> None:
    """Bring about what a rotation a week ago has left: a newer version in use and proven, the first one due."""
    tenant, application, now = scene.tenant, scene.application, datetime.now(UTC)
    api = application.vendor_api
    assert api is not None
    made = api.issue("tok-second", "dapi-the-second-one", "pratique", timedelta(days=180))
    ends = now + timedelta(days=180)
    version = await tenant.vault.put(SECRET, made.value, tags={"pratique-token-id": made.token_id}, expires=ends)
    sp = application.service_principal.id
    tenant.directory.secrets.preset(sp, {**scene.settings_before, "SecretToken": made.value})
    first = tenant.vault.versions(SECRET)[0].version

    def change(row: TokenRecord) -> TokenRecord:
        due = (Retiring(first, now - timedelta(hours=1)),)
        return replace(row.with_applied(version, now), proven_at=now, retiring=due)

    await records.change(sp, SECRET, change)
