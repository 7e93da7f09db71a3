"""Sends notices by every channel that is set up, each on its own: one that fails holds up no other."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from shared.clients.graph import Graph
from shared.clients.teams import Teams
from shared.errors import ServiceError
from shared.incidents.incident import Untold
from shared.notices.notice import Notice

_log = logging.getLogger("pratique.notices")


class Channel(Protocol):
    """A way to reach people."""

    async def send(self, notice: Notice) -> None:
        """Send one notice; raises ServiceError when it did not leave."""
        ...


class TeamsChannel:
    """An Adaptive Card in a Teams channel."""

    def __init__(self, teams: Teams) -> None:
        self._teams = teams

    async def send(self, notice: Notice) -> None:
        """Post the notice as a card."""
        from shared.notices.card import teams_envelope  # noqa: PLC0415 -- cold start: most invocations tell nothing

        await self._teams.post(teams_envelope(notice))


class MailChannel:
    """An HTML mail through Graph."""

    def __init__(self, graph: Graph, sender: str, recipients: Sequence[str]) -> None:
        self._graph = graph
        self._sender = sender
        self._recipients = recipients

    async def send(self, notice: Notice) -> None:
        """Send the notice as a mail."""
        from shared.notices.mail import to_mail  # noqa: PLC0415 -- cold start: most invocations tell nothing

        mail = to_mail(notice)
        team = [address for address in self._recipients if address.casefold() != notice.owner.casefold()]
        message: dict[str, Any] = {
            "subject": mail.subject,
            "body": {"contentType": "HTML", "content": mail.html},
            "toRecipients": _addresses([notice.owner] if notice.owner else team),
            **({"ccRecipients": _addresses(team)} if notice.owner and team else {}),
        }
        await self._graph.send_mail(self._sender, message)


def _addresses(addresses: Sequence[str]) -> list[dict[str, Any]]:
    return [{"emailAddress": {"address": address}} for address in addresses]


class Teller:
    """Knows the channels and sends what is still untold."""

    def __init__(self, channels: Mapping[str, Channel]) -> None:
        self._channels = channels

    def untold(self, notice: Notice) -> Untold:
        """Return the notice as not yet told by any channel."""
        return Untold(notice, tuple(self._channels))

    async def send(self, untold: Untold) -> tuple[Untold | None, Mapping[str, ServiceError]]:
        """Send by each channel that is left; return what is then still untold, and why."""
        failures: dict[str, ServiceError] = {}
        for name in untold.channels:
            channel = self._channels.get(name)
            if channel is None:
                continue  # the channel was switched off since
            try:
                await channel.send(untold.notice)
            except ServiceError as error:
                _log.warning("notice not sent by %s: %s", name, error)
                failures[name] = error
        return (Untold(untold.notice, tuple(failures)) if failures else None), failures
