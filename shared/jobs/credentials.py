"""One key of a service principal's synchronization credentials, as Graph shows it."""

from dataclasses import dataclass

from shared.redaction import SecretValue


@dataclass(frozen=True, slots=True)
class Credential:
    """A key and its value; secret values read back as `*` (Graph docs: synchronizationSecretKeyStringValuePair)."""

    key: str
    value: SecretValue

    @property
    def masked(self) -> bool:
        """Say whether Graph hides the value."""
        return self.value.reveal() == "*"
