"""What to save so that only our own key changes, and whether it came out so; pure.

No page says whether PUT of the synchronization secrets merges or replaces. So every readable key is sent back
unaltered, a masked value is never sent, and where another masked key exists we refuse until an operator has accepted,
for that application, to rely on merging.
"""

import hashlib
from collections.abc import Mapping, Sequence

from shared.errors import Refused
from shared.jobs.credentials import Credential
from shared.redaction import SecretValue

BASE_ADDRESS = "BaseAddress"
_MASKED = "*"


def base_address(current: Sequence[Credential]) -> str:
    """Return the tenant URL that the job trusts, or an empty text when it is absent or masked."""
    return next((pair.value.reveal() for pair in current if pair.key == BASE_ADDRESS and not pair.masked), "")


def to_test(current: Sequence[Credential], key: str, value: SecretValue) -> tuple[Credential, ...]:
    """Return the credentials that a test of the candidate needs: all readable ones and the candidate."""
    return (*(pair for pair in current if not pair.masked and pair.key != key), Credential(key, value))


def to_save(
    current: Sequence[Credential], key: str, value: SecretValue, *, merge_accepted: bool
) -> tuple[Credential, ...]:
    """Return the credentials to save.

    Raises:
        Refused: another masked key exists and nobody has accepted to rely on merging; or the value is no credential.
    """
    if value.reveal().strip() in ("", _MASKED):
        message = f"the value for {key} is empty or the mask itself, which is no credential"
        raise Refused(message)
    masked = sorted(pair.key for pair in current if pair.masked and pair.key != key)
    if masked and not merge_accepted:
        message = (
            f"{', '.join(masked)} cannot be read back, and no page says whether saving would keep it; an operator must "
            "accept merging for this application first (PRATIQUE_MERGE_ACCEPTED)"
        )
        raise Refused(message)
    return to_test(current, key, value)


def digest(current: Sequence[Credential]) -> dict[str, str]:
    """Return each key with a digest of its readable value, or `*`: enough to compare, nothing to leak."""
    return {
        pair.key: _MASKED if pair.masked else hashlib.sha256(pair.value.reveal().encode()).hexdigest()
        for pair in current
    }


def differences(before: Mapping[str, str], current: Sequence[Credential], key: str) -> tuple[str, ...]:
    """Return what reading back shows to be lost or changed, one line each; our own key must be there, masked."""
    now = digest(current)
    lost = [f"{name} is gone" for name in sorted(before) if name != key and name not in now]
    changed = [
        f"{name} changed" for name in sorted(before) if name != key and name in now and now[name] != before[name]
    ]
    missing = [] if now.get(key) == _MASKED else [f"{key} is not set"]
    return (*lost, *changed, *missing)
