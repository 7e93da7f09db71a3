"""`/users/{id | userPrincipalName}`: the directory's users, as far as somebody needs an object id."""

from emulator.directory import Directory
from emulator.entra import Role
from emulator.graph.calls import Answer, Call, Route, not_found
from emulator.graph.odata import refuse_other_options, selected
from emulator.jobs import User


class Users:
    """Gets one user; lists nobody."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def routes(self) -> list[Route]:
        """Return what it serves."""
        return [Route("GET", "/users/{user}", Role.USERS, self._get)]

    async def _get(self, call: Call) -> Answer:
        refuse_other_options(call.query, "$select")
        wanted = call.params["user"].casefold()
        user = next((one for one in self._everyone() if wanted in (one.id.casefold(), one.user_name.casefold())), None)
        if user is None:
            raise not_found(call.params["user"])
        resource = {"id": user.id, "userPrincipalName": user.user_name, "displayName": user.display_name}
        return Answer(200, selected(resource, call.query.get("$select")))

    def _everyone(self) -> list[User]:
        return [user for job in self._directory.jobs.values() for user in (*job.users, *job.leavers)]
