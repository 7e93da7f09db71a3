"""What hangs or breaks in one part is a finding, and the others are told all the same."""

import asyncio
import gc
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.doctor.found import Mark
from shared.errors import Unavailable
from shared.tokens.vendors import catalogue
from tests.doctor.conftest import about, examined, missing
from tests.tokens.conftest import MARK, Desk

_SECONDS = 1.5
# httpcore leaves a connection whose handshake is cancelled to the collector, which is called while this is known.
_collected = pytest.mark.filterwarnings("ignore:unclosed (transport|<socket):ResourceWarning")


@pytest.fixture
async def silent() -> AsyncIterator[int]:
    """Accept connections on loopback and never answer; return the port."""
    opened: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)
        await reader.read()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    for writer in opened:
        writer.close()
    server.close()


@_collected
@pytest.mark.parametrize(
    ("setting", "value", "subject"),
    [
        ("KEY_VAULT_URL", "https://127.0.0.1:{}", "Vault"),
        ("LOGS_ENDPOINT", "https://127.0.0.1:{}/v1", "Logs"),
        ("GRAPH_BASE_URL", "https://127.0.0.1:{}/v1.0", "Graph"),
        (
            "AzureWebJobsStorage",
            "AccountName=x;AccountKey=eA==;TableEndpoint=http://127.0.0.1:{0}/x;QueueEndpoint=http://127.0.0.1:{0}/x",
            "Storage",
        ),
    ],
)
async def test_a_service_that_never_answers_holds_up_no_other(
    desk: Desk, silent: int, setting: str, value: str, subject: str
) -> None:
    """Within its deadline it is a finding that names the address; the rest is as ever."""
    started = time.monotonic()
    found = await examined(desk, {setting: value.format(silent)}, seconds=_SECONDS)
    assert time.monotonic() - started < 3 * _SECONDS + 5
    lacks = missing(found)
    assert lacks.keys() == {subject}
    assert lacks[subject].text.startswith(f"Gave no answer in {_SECONDS:g} seconds. Is {setting} right")
    gc.collect()
    others = {"Applications", "Jobs", "Vault", "Storage", "Mail"} - {subject}
    others -= {"Applications", "Jobs"} if subject == "Graph" else set()
    assert others <= {one.subject for one in found if one.mark is Mark.FINE}


@_collected
async def test_a_part_that_hangs_is_waited_for_beside_the_others(desk: Desk, silent: int) -> None:
    """Three silent services take as long as one; the order of what is found stays."""
    settings = {
        "KEY_VAULT_URL": f"https://127.0.0.1:{silent}",
        "LOGS_ENDPOINT": f"https://127.0.0.1:{silent}/v1",
        "GRAPH_BASE_URL": f"https://127.0.0.1:{silent}/v1.0",
    }
    started = time.monotonic()
    found = await examined(desk, settings, seconds=_SECONDS)
    assert time.monotonic() - started < 2 * _SECONDS + 3
    gc.collect()
    assert [one.subject for one in found if one.mark is Mark.MISSING] == ["Graph", "Vault", "Logs"]


async def test_storage_that_is_away_is_told_at_once_and_once(desk: Desk) -> None:
    """A queue alone would be tried again for more than a minute."""
    gone = "AccountName=x;AccountKey=eA==;TableEndpoint=http://127.0.0.1:9/x;QueueEndpoint=http://127.0.0.1:9/x"
    started = time.monotonic()
    found = await examined(desk, {"AzureWebJobsStorage": gone})
    assert time.monotonic() - started < 15
    assert missing(found).keys() == {"Storage"}
    assert "no answer" in about(found, "Storage").text


async def test_a_broken_catalogue_is_a_finding(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the file and the place; everything that asks for no vendor is looked at."""
    (tmp_path / "vendors.json").write_text(json.dumps({"vendors": {"x": {"names": 3}}}), "utf-8")
    module = sys.modules["shared.tokens.vendors.catalogue"]  # the package has a function of this name
    monkeypatch.setattr(module, "OWN", tmp_path / "vendors.json")
    catalogue.cache_clear()
    found = await examined(desk)
    monkeypatch.undo()
    catalogue.cache_clear()
    assert missing(found).keys() == {"Vendors"}
    assert about(found, "Vendors").text.startswith("The vendor catalogue vendors.json cannot be used: ")
    assert about(found, "Vendors").mend
    assert about(found, "Bindings").text.startswith("were not looked at")
    assert {"Jobs", "Vault", "Storage"} <= {one.subject for one in found if one.mark is Mark.FINE}


async def test_what_nobody_foresaw_is_a_finding_without_secrets(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the exception's type; what looks like a credential is taken out, and the others are told."""

    async def broken(_self: object) -> None:
        raise RuntimeError(f"token={MARK}-which-nobody-may-see")

    monkeypatch.setattr("shared.clients.vault.Vault.newest_versions", broken)
    found = await examined(desk)
    assert about(found, "Vault").text == "Could not be looked at: RuntimeError: token=***"
    assert {"Jobs", "Storage"} <= {one.subject for one in found if one.mark is Mark.FINE}


async def test_a_time_out_that_is_not_ours_is_told_as_it_is(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline has not passed, so it is not blamed."""

    async def broken(_self: object) -> None:
        raise TimeoutError("of something else")

    monkeypatch.setattr("shared.clients.vault.Vault.newest_versions", broken)
    text = about(await examined(desk), "Vault").text
    assert text == "Could not be looked at: TimeoutError: of something else"


async def test_a_sign_in_that_never_ends_is_a_finding(desk: Desk, monkeypatch: pytest.MonkeyPatch, silent: int) -> None:
    """What needs no token is looked at."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{silent}/msi/token")
    found = await examined(desk, seconds=_SECONDS)
    assert missing(found).keys() == {"Sign-in"}
    assert about(found, "Sign-in").text == f"Gave no answer in {_SECONDS:g} seconds."
    assert {"Storage", "Mode"} <= {one.subject for one in found if one.mark is Mark.FINE}


async def test_rows_that_break_after_storage_was_looked_at_say_nothing_more(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Storage that goes away between two parts is no second finding."""

    async def broken(_self: object) -> None:
        raise Unavailable("Storage", "read rows", 503, "ServerBusy", "")

    monkeypatch.setattr("shared.detection.sources.Sources.all", broken)
    found = await examined(desk)
    assert missing(found) == {}
    assert "Sweep" not in {one.subject for one in found}
