"""Walks through all that the service needs, part by part, and says of each whether it is there.

Nothing is changed at Entra, Graph, the vault or a target, and nothing is sent unless a test is asked for. In storage,
tables and queues that are missing are made, as the service itself does at first use; one row is written and removed.
"""

from dataclasses import dataclass
from datetime import timedelta

from shared.clients.graph_reports import GraphReports
from shared.clients.logs import Logs
from shared.clients.signed_in import SignedIn
from shared.clients.storage import Storage
from shared.doctor.found import Found
from shared.doctor.mend import Names
from shared.remediation.services import Services
from shared.tokens.inventory import Inventory


@dataclass(frozen=True, slots=True)
class Doctor:
    """Looks with the permissions of whoever is signed in, and says who that is."""

    services: Services
    inventory: Inventory
    storage: Storage
    logs: Logs | None
    reports: GraphReports
    signed_in: SignedIn
    deadline: timedelta = timedelta(seconds=25)
    """How long a part may take: three waves of parts must end long before `functionTimeout` of host.json."""

    async def examine(self, names: Names, *, send_test: bool = False, desk: bool = False) -> tuple[Found, ...]:
        """Look at everything.

        Args:
            names: what the deployment's resources are called.
            send_test: whether to send a test notice by every channel.
            desk: whether no deployment is meant, where what has not run yet is no fault.
        """
        from shared.doctor.part import Look  # noqa: PLC0415 -- a cold start needs none of the parts
        from shared.doctor.walk import walk  # noqa: PLC0415

        look = Look(
            services=self.services,
            inventory=self.inventory,
            storage=self.storage,
            logs=self.logs,
            reports=self.reports,
            signed_in=self.signed_in,
            names=names,
            send_test=send_test,
            desk=desk,
        )
        return await walk(look, self.deadline)
