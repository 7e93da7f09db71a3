"""Which permission each kind of call needs, so that a refusal can name what is missing.

Sources: Graph permissions reference (synchronization, servicePrincipal, sendMail); Azure built-in roles.
"""

from enum import StrEnum


class Permission(StrEnum):
    """Application permissions on Microsoft Graph and Azure roles that the identity holds."""

    SYNCHRONIZATION = "Synchronization.ReadWrite.All"
    APPLICATIONS = "Application.Read.All"
    AUDIT_LOG = "AuditLog.Read.All"
    MAIL = "Mail.Send"
    USERS = "User.Read.All"
    LOGS = "Log Analytics Reader"
    VAULT = "Key Vault Secrets User"
    VAULT_WRITE = "Key Vault Secrets Officer"
