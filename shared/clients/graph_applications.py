"""Which enterprise applications are watched: all of the tenant, those that the identity owns, or those that are named.

With `Application.ReadWrite.OwnedBy` Graph lists the applications of the whole tenant all the same (Graph docs,
"Get servicePrincipal"), but answers about the jobs of owned ones alone; so these are found as owned objects.
Casting that list to service principals may count as an advanced query, so it is asked as one.
Source: Graph docs, "servicePrincipal: List ownedObjects" and "Advanced query capabilities".
"""

import logging
from collections.abc import AsyncIterator, Sequence

from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation

from shared.clients.graph_transport import SERVICE, GraphTransport
from shared.clients.permissions import Permission
from shared.errors import NotFound, ServiceError
from shared.jobs.model import ServicePrincipal
from shared.jobs.reading import read_service_principal
from shared.settings import Reach

_PAGE = 999
_ENTERPRISE_APPLICATIONS = "tags/any(t:t eq 'WindowsAzureActiveDirectoryIntegratedApp')"
_ONE = "{+baseurl}/servicePrincipals/{servicePrincipal%2Did}{?%24select}"
_OWNED = (
    "{+baseurl}/servicePrincipals/{servicePrincipal%2Did}/ownedObjects/microsoft.graph.servicePrincipal"
    "{?%24count,%24select,%24top}"
)
_FIELDS = ["id", "appId", "displayName"]
_log = logging.getLogger("pratique.applications")


class Applications:
    """Reads the applications that are watched; `named` and `identity` matter where the reach asks for them."""

    def __init__(
        self, transport: GraphTransport, reach: Reach = Reach.TENANT, named: Sequence[str] = (), identity: str = ""
    ) -> None:
        self._transport = transport
        self._reach = reach
        self._named = named
        self._identity = identity

    @property
    def synchronization(self) -> Permission:
        """Name the permission that reading and changing a watched application's jobs needs at least."""
        return Permission.SYNCHRONIZATION if self._reach is Reach.TENANT else Permission.OWNED

    async def all(self) -> AsyncIterator[ServicePrincipal]:
        """Read every application that is watched; an id that names none is passed over, and logged.

        Raises:
            MissingPermission: the permission of this reach.
            ServiceError: not everything could be read; a part is not an answer.
        """
        match self._reach:
            case Reach.TENANT:
                found = self._pages(self._tenant(), "list service principals", Permission.APPLICATIONS)
            case Reach.OWNED:
                found = self._own()
            case _:
                found = self._each()
        async for application in found:
            yield application

    async def one(self, service_principal_id: str) -> ServicePrincipal:
        """Read one application, watched or not.

        Raises:
            NotFound: Entra knows none of this id.
        """
        request = RequestInformation(Method.GET, _ONE, {"servicePrincipal%2Did": service_principal_id})
        request.query_parameters["%24select"] = _FIELDS
        permission = Permission.APPLICATIONS if self._reach is Reach.TENANT else Permission.OWNED
        operation = self.about("read the service principal", service_principal_id)
        return read_service_principal(await self._transport.read(request, operation, permission))

    def about(self, operation: str, service_principal_id: str) -> str:
        """Say of which application something is asked, where permission is given for one application at a time."""
        return operation if self._reach is Reach.TENANT else f"{operation} of application {service_principal_id}"

    async def ids(self) -> frozenset[str] | None:
        """Return the ids of what is watched, in lower case; None where that is the whole tenant, which is not read.

        Raises:
            ServiceError: what the identity owns could not be read: nobody knows what is watched.
        """
        match self._reach:
            case Reach.TENANT:
                return None
            case Reach.NAMED:
                return frozenset(self._named)
            case Reach.OWNED:
                return frozenset([application.id.lower() async for application in self.all()])

    def _tenant(self) -> RequestInformation:
        from msgraph.generated.service_principals.service_principals_request_builder import (  # noqa: PLC0415 -- cold start
            ServicePrincipalsRequestBuilder,
        )

        builder = ServicePrincipalsRequestBuilder(self._transport.adapter, {})
        query = ServicePrincipalsRequestBuilder.ServicePrincipalsRequestBuilderGetQueryParameters(
            filter=_ENTERPRISE_APPLICATIONS, select=_FIELDS, top=_PAGE
        )
        return builder.to_get_request_information(RequestConfiguration(query_parameters=query))

    def _owned(self) -> RequestInformation:
        request = RequestInformation(Method.GET, _OWNED, {"servicePrincipal%2Did": self._identity})
        request.query_parameters |= {"%24count": True, "%24select": _FIELDS, "%24top": _PAGE}
        request.headers.add("ConsistencyLevel", "eventual")
        return request

    async def _pages(
        self, request: RequestInformation, operation: str, permission: Permission
    ) -> AsyncIterator[ServicePrincipal]:
        page = await self._transport.read(request, operation, permission)
        while True:
            for raw in page.get("value", []):
                yield read_service_principal(raw)
            if not (link := page.get("@odata.nextLink")):
                return
            page = await self._transport.follow(link, operation, permission)

    async def _own(self) -> AsyncIterator[ServicePrincipal]:
        operation = "list the applications that the identity owns"
        try:
            async for application in self._pages(self._owned(), operation, Permission.OWNED):
                yield application
        except NotFound as error:  # of the identity itself: it must not be taken for a job that is gone
            problem = "PRATIQUE_IDENTITY is no identity that Entra knows"
            raise ServiceError(SERVICE, operation, error.status, error.code, problem) from error

    async def _each(self) -> AsyncIterator[ServicePrincipal]:
        for service_principal_id in self._named:
            try:
                yield await self.one(service_principal_id)
            except NotFound:
                _log.warning("PRATIQUE_APPLICATIONS names %s, which Entra does not know", service_principal_id)
