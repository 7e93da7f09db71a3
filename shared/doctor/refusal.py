"""What a service's refusal means: a missing role, a closed network or a wrong key; each with what mends it."""

from shared.clients.permissions import Permission
from shared.clients.storage import Refusal
from shared.clients.vault_answers import CLOSED_NETWORK
from shared.doctor.found import Found, Mark
from shared.doctor.mend import GRAPH_PERMISSIONS, Names
from shared.doctor.setting import change
from shared.doctor.words import told
from shared.errors import MissingPermission, ServiceError

_NO_ROLE_HELPS = "The network is closed to where this was asked from; no role changes that."
_YOURS = "Your own token lacks it, which says nothing of the service's: ask the service itself."


def refused(subject: str, error: ServiceError, names: Names, *, barred: bool = True) -> Found:
    """Return the finding for what a service other than storage answered; barred where nothing can be read there."""
    text = told(error)
    if error.code in CLOSED_NETWORK:
        return Found(Mark.MISSING, subject, f"{text} {_NO_ROLE_HELPS}", names.network(), barred)
    if not isinstance(error, MissingPermission):
        return Found(Mark.MISSING, subject, text, barred=barred)
    if names.you and error.permission in GRAPH_PERMISSIONS:
        text = f"{text} {_YOURS}"
    return Found(Mark.MISSING, subject, text, names.grant(error.permission), barred)


def refused_by_storage(error: ServiceError, role: Permission, names: Names, *, barred: bool = True) -> Found:
    """Return the finding for what storage answered, by its own error code."""
    text, mend = told(error), tuple[str, ...]()
    match error.code:
        case Refusal.ROLE:
            text, mend = f"{text} The missing role is {role}.", names.grant(role)
        case Refusal.NETWORK:
            text, mend = f"{text} {_NO_ROLE_HELPS}", names.network()
        case Refusal.CREDENTIAL:
            text = f"{text} The account key is wrong, or this machine's clock is."
            mend = change("AzureWebJobsStorage", "<connection string>")
        case Refusal.NO_KEYS:
            text = f"{text} The account takes no keys: set its __queueServiceUri and __tableServiceUri instead."
            mend = change("AzureWebJobsStorage", "")
        case _ if error.status == 403:
            text, mend = f"{text} It may be the role {role}, or the network.", (*names.grant(role), *names.network())
    return Found(Mark.MISSING, "Storage", text, mend, barred)
