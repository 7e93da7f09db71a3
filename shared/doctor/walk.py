"""The order in which everything is looked at: what hangs or breaks in one part holds up no other."""

import asyncio
from datetime import timedelta

from shared.doctor.alerts import alerts
from shared.doctor.bindings import bindings, vendors
from shared.doctor.channels import channels, send_test
from shared.doctor.found import Found
from shared.doctor.graph import graph
from shared.doctor.part import About, Look, Part
from shared.doctor.records import records
from shared.doctor.sources import sources
from shared.doctor.stored import stored
from shared.doctor.vault import vault
from shared.doctor.whom import mode, sign_in

_WAVES = (
    (Part(About.MODE, mode), Part(About.SIGN_IN, sign_in)),
    (
        Part(About.GRAPH, graph, "GRAPH_BASE_URL"),
        Part(About.VAULT, vault, "KEY_VAULT_URL"),
        Part(About.LOGS, records, "LOGS_ENDPOINT"),
        Part(About.STORAGE, stored, "AzureWebJobsStorage"),
        Part(About.VENDORS, vendors),
    ),
    (
        Part(About.CHANNELS, channels),
        Part(About.TEST, send_test),
        Part(About.ALERTS, alerts),
        Part(About.BINDINGS, bindings),
        Part(About.SOURCES, sources),
    ),
)
"""What is looked at, in the order in which it is told; the parts of one wave at the same time."""


async def walk(look: Look, deadline: timedelta) -> tuple[Found, ...]:
    """Return what all parts find; each may take as long as the deadline says."""
    found: list[Found] = []
    for wave in _WAVES:
        results = await asyncio.gather(*(part.examine(look, deadline) for part in wave))
        for part, result in zip(wave, results, strict=True):
            found += result
            if any(one.barred for one in result):
                look.barred.add(part.about)
    return tuple(dict.fromkeys(found))  # what stands in the way of two parts is said once
