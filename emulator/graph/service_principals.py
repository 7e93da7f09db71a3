"""`/servicePrincipals`: the tenant's enterprise applications."""

from collections.abc import Callable

from emulator.directory import Directory
from emulator.entra import IDENTITY_ID, Role
from emulator.graph.calls import Answer, Call, Route, not_found
from emulator.graph.odata import filtered, page, refuse_other_options, selected

_OWNED = "ownedObjects/microsoft.graph.servicePrincipal"


class ServicePrincipals:
    """Lists and gets them; `origin` is asked late because the port is bound late."""

    def __init__(self, directory: Directory, page_size: int, origin: Callable[[], str]) -> None:
        self._directory = directory
        self._page_size = page_size
        self._origin = origin

    def routes(self) -> list[Route]:
        """Return what it serves."""
        return [
            Route("GET", "/servicePrincipals", Role.APPLICATIONS, self._list),
            Route("GET", "/servicePrincipals/{principal}", Role.APPLICATIONS, self._get),
            Route("GET", f"/servicePrincipals/{{principal}}/{_OWNED}", Role.APPLICATIONS, self._list_owned),
        ]

    async def _list(self, call: Call) -> Answer:
        refuse_other_options(call.query, "$filter", "$select", "$top", "$skiptoken")
        everyone = [principal.resource() for principal in self._directory.service_principals.values()]
        found = filtered(everyone, call.query.get("$filter"))
        body = page(found, call.query, self._page_size, f"{self._origin()}/v1.0/servicePrincipals")
        return Answer(200, {"@odata.context": f"{self._origin()}/v1.0/$metadata#servicePrincipals", **body})

    async def _list_owned(self, call: Call) -> Answer:
        """List what a service principal owns; one managed identity owns things here, and nobody else any."""
        refuse_other_options(call.query, "$count", "$select", "$top", "$skiptoken")
        principal, everyone = call.params["principal"], self._directory.service_principals
        if principal != IDENTITY_ID and principal not in everyone:
            raise not_found(principal)
        owned = self._directory.owned if principal == IDENTITY_ID else set()
        found = [one.resource() for one in everyone.values() if one.id in owned]
        body = page(found, call.query, self._page_size, f"{self._origin()}/v1.0/servicePrincipals/{principal}/{_OWNED}")
        return Answer(200, {"@odata.context": f"{self._origin()}/v1.0/$metadata#servicePrincipals", **body})

    async def _get(self, call: Call) -> Answer:
        refuse_other_options(call.query, "$select")
        principal = self._directory.service_principals.get(call.params["principal"])
        if principal is None:
            raise not_found(call.params["principal"])
        resource = selected(principal.resource(), call.query.get("$select"))
        return Answer(200, {"@odata.context": f"{self._origin()}/v1.0/$metadata#servicePrincipals/$entity", **resource})
