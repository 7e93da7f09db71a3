"""Trouble at any one call to Graph: the end is the same, and nothing is saved or restarted once more than need be."""

from pathlib import Path

import pytest

from emulator.azurite import Storage
from emulator.faults import Fault, Reset, Status, Timeout
from tests.crash.scene import ONLY_THE_QUARANTINE
from tests.crash.trouble import CALLS, Call, Trouble, Ward, ward

_TESTS = tuple(call for call in CALLS if call.name.startswith("test "))
_READS = tuple(call for call in CALLS if call.reads)
_UNHURRIED, _SHORT = 15.0, 3.0
FAULTS: dict[str, Fault] = {
    "503": Status(503),
    "503-retry-after": Status(503, retry_after=1),
    "429": Status(429),
    "429-retry-after": Status(429, retry_after=1),
    "reset": Reset(),
    "reset-after-it-was-done": Reset(handled=True),
    "timeout": Timeout(),
    "timeout-after-it-was-done": Timeout(handled=True),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_trouble_at_any_call_leads_to_the_same_end(
    state_dir: Path, clean_storage: Storage, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    """One application for each call of the repair, each with the trouble at its own call: all are repaired."""
    step = _SHORT if isinstance(fault, Timeout) else _UNHURRIED
    async with ward(state_dir, clean_storage, monkeypatch, CALLS, step) as opened:
        trouble = Trouble(opened.tenant, fault, 1)
        await opened.repair()
        assert sorted(trouble.met) == sorted(call.name for call in CALLS)
        unknown = isinstance(fault, Reset | Timeout) and fault.handled
        await _require_the_same_end(opened, CALLS, unknown_outcomes=unknown)


@pytest.mark.parametrize("name", ["503", "reset"])
async def test_trouble_twice_in_a_row_at_any_read_leads_to_the_same_end(
    state_dir: Path, clean_storage: Storage, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A read that fails twice is read a third time, within the look or in the next one."""
    async with ward(state_dir, clean_storage, monkeypatch, _READS, _UNHURRIED) as opened:
        trouble = Trouble(opened.tenant, FAULTS[name], 2)
        await opened.repair()
        assert sorted(trouble.met) == sorted(call.name for call in _READS)
        await _require_the_same_end(opened, _READS, unknown_outcomes=False)


async def test_a_503_from_the_target_condemns_no_credential(
    state_dir: Path, clean_storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a test meets a target that is down, nobody is asked for a token and nothing is given up."""
    async with ward(state_dir, clean_storage, monkeypatch, _TESTS, _UNHURRIED) as opened:
        trouble = Trouble(opened.tenant, Status(503), 2, at_target=True)
        await opened.repair()
        assert sorted(trouble.met) == sorted(call.name for call in _TESTS)
        await _require_the_same_end(opened, _TESTS, unknown_outcomes=False)


async def _require_the_same_end(opened: Ward, calls: tuple[Call, ...], *, unknown_outcomes: bool) -> None:
    directory, vault = opened.tenant.directory, opened.tenant.vault
    assert opened.tenant.faults._rules == [], "some trouble was laid and never met"
    for number, call in enumerate(calls):
        application = opened.tenant.applications[call.name]
        ids = application.service_principal.id, application.job.id
        incident = await opened.incident(application)
        assert {topic.partition(":")[0] for topic in incident.told} == {"acted", "recovered"}, call.name
        saved = directory.secrets.effective(ids[0])
        assert saved == {**opened.before[call.name], "SecretToken": vault.value(f"token-{number}")}, call.name
        saves = sum(save.service_principal_id == ids[0] for save in directory.secret_saves)
        assert saves == (2 if unknown_outcomes and call.name == "save" else 1), call.name
        bodies = [restart.body for restart in directory.restarts if restart.job_id == ids[1]]
        # A restart whose answer was lost is not repeated: the quarantine is seen to be gone.
        assert bodies == [ONLY_THE_QUARANTINE], call.name
