"""Serves single services of the embedded tenant over TLS, for tests that need no whole tenant."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector, web
from azure.identity.aio import ManagedIdentityCredential

from emulator.certificates import Certificates, prepare
from emulator.entra import Entra
from emulator.faults import Faults
from emulator.web import Listener, RecordedRequest, Service


@dataclass
class TokenEndpoint:
    """Entra's managed-identity endpoint as a service of its own."""

    entra: Entra
    name: str = "entra"
    origin: str = ""

    def routes(self) -> list[web.AbstractRouteDef]:
        """Return Entra's routes."""
        return self.entra.routes()


@dataclass
class Site:
    """What a test needs to talk to the services that it serves."""

    certificates: Certificates
    credential: ManagedIdentityCredential
    session: ClientSession
    requests: list[RecordedRequest] = field(default_factory=list)
    unserved: list[str] = field(default_factory=list)

    @property
    def ca(self) -> str:
        """Where the authority's certificate is, for a client's `connection_verify`."""
        return str(self.certificates.ca_path)

    async def headers(self, audience: str) -> dict[str, str]:
        """Return the headers of a request with a token for this audience."""
        token = await self.credential.get_token(f"{audience}/.default")
        return {"Authorization": f"Bearer {token.token}"}


@asynccontextmanager
async def serving(
    directory: Path, monkeypatch: pytest.MonkeyPatch, entra: Entra, *services: Service
) -> AsyncIterator[Site]:
    """Serve Entra's token endpoint and these services until the block ends."""
    certificates = prepare(directory)
    tokens = TokenEndpoint(entra)
    requests: list[RecordedRequest] = []
    unserved: list[str] = []
    async with AsyncExitStack() as stack:
        for service in (tokens, *services):
            listener = Listener(service, certificates.server, Faults(), requests, unserved)
            await listener.start()
            stack.push_async_callback(listener.stop)
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{tokens.origin}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", entra.identity_header)
        credential = ManagedIdentityCredential(connection_verify=str(certificates.ca_path))
        session = ClientSession(connector=TCPConnector(ssl=certificates.client))
        await stack.enter_async_context(credential)
        await stack.enter_async_context(session)
        yield Site(certificates, credential, session, requests, unserved)
