"""How the embedded tenant behaves: its intervals, delays and the choices no public page settles."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class SecretsPut(StrEnum):
    """What `PUT synchronization/secrets` does to keys that the body does not name; no page says which is true."""

    MERGE = "merge"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class EmulatorSettings:
    """The tenant's behaviour; times are seconds of the tenant's clock."""

    cycle_interval: float = 2.0
    """Every job's interval between cycles."""
    quarantine_intervals: tuple[float, ...] = (1.0, 2.0, 4.0)
    """How many cycle intervals pass before each retry in quarantine; the last one repeats."""
    quarantine_disable_after: timedelta = timedelta(days=28)
    """How long a quarantine series lasts before the job is disabled."""
    failures_before_quarantine: int = 3
    """Successive cycles that could not reach the target before the job is quarantined."""
    restart_delay: float = 0.1
    """From a restart or start to the cycle that it causes."""
    target_timeout: float = 5.0
    """Real seconds that the provisioning service waits for a target's answer."""
    secrets_settle: float = 0.3
    """From a PUT of secrets to the moment reads, tests and cycles see it."""
    secrets_put: SecretsPut = SecretsPut.MERGE
    ingestion_delay: float = 0.5
    """From a record to its visibility in Log Analytics."""
    page_size: int = 5
    """The most service principals on one page, whatever `$top` asks for."""
    reporting_page_size: int = 100
    """The most audit or provisioning records on one page, whatever `$top` asks for."""
    reporting_limit: int = 5
    """How many reads of both reports an application may make in a throttling window."""
    on_demand_limit: int = 5
    """How many on-demand provisionings an application may ask for in a throttling window."""
    throttling_window: float = 10.0
    escrow_floor: int = 5000
    """Fewer failing entries than this never quarantine a job by their proportion."""
    escrow_proportion: float = 0.4
    """Above this share of failed events the job is quarantined."""
    escrow_base: int = 40_000
    """Above this many failures, unresolved references not counted, the job is quarantined."""
    escrow_total: int = 60_000
    """Above this many failures of any kind the job is quarantined."""
    escrow_error: bool = False
    """Whether a quarantine for escrows carries an error; none is what most jobs show."""
    echo_token: bool = False
    """Whether error messages about a target repeat the secret token that was sent, as careless targets make them do."""
    restart_unauthorized: bool = False
    """Whether restart answers 401 UnknownError, as reported for callers with only `Application.ReadWrite.OwnedBy`."""
