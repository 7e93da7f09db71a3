"""What to save so that only our own keys change, and whether it came out so; pure.

No page says whether PUT of the synchronization secrets merges or replaces. So every readable key is sent back
unaltered, a masked value is never sent, and where another masked key exists we refuse until an operator has accepted,
for that application, to rely on merging.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from shared.errors import Refused
from shared.jobs.credentials import Credential
from shared.redaction import SecretValue
from shared.tokens.keys import BASE_ADDRESS, READABLE

_MASKED = "*"


def base_address(current: Sequence[Credential]) -> str:
    """Return the tenant URL that the job trusts, or an empty text when it is absent or masked."""
    return next((pair.value.reveal() for pair in current if pair.key == BASE_ADDRESS and not pair.masked), "")


def to_test(current: Sequence[Credential], values: Mapping[str, SecretValue]) -> tuple[Credential, ...]:
    """Return the credentials that a test of the candidate needs: all readable ones and the candidate's."""
    kept = (pair for pair in current if not pair.masked and pair.key not in values)
    return (*kept, *(Credential(key, value) for key, value in values.items()))


def to_save(
    current: Sequence[Credential], values: Mapping[str, SecretValue], *, merge_accepted: bool
) -> tuple[Credential, ...]:
    """Return the credentials to save.

    Raises:
        Refused: another masked key exists and nobody has accepted to rely on merging; or a value is no credential.
    """
    for key, value in values.items():
        if value.reveal().strip() in ("", _MASKED):
            message = f"the value for {key} is empty or the mask itself, which is no credential"
            raise Refused(message)
    require_mergeable(current, values, merge_accepted=merge_accepted)
    return to_test(current, values)


def require_mergeable(current: Sequence[Credential], keys: Iterable[str], *, merge_accepted: bool) -> None:
    """Make sure that saving these keys can lose no other.

    Raises:
        Refused: another masked key exists and nobody has accepted to rely on merging.
    """
    masked = sorted({pair.key for pair in current if pair.masked} - set(keys))
    if masked and not merge_accepted:
        message = (
            f"{', '.join(masked)} cannot be read back, and no page says whether saving would keep it; an operator must "
            "accept merging for this application first (PRATIQUE_MERGE_ACCEPTED)"
        )
        raise Refused(message)


def digest(current: Sequence[Credential]) -> dict[str, str]:
    """Return each key with a digest of its readable value, or `*`: enough to compare, nothing to leak."""
    return {
        pair.key: _MASKED if pair.masked else hashlib.sha256(pair.value.reveal().encode()).hexdigest()
        for pair in current
    }


def differences(
    before: Mapping[str, str], current: Sequence[Credential], values: Mapping[str, SecretValue]
) -> tuple[str, ...]:
    """Return what reading back shows to be lost or changed, one line each.

    Our own keys must be there: masked, or readable (a user name is) with the value that was saved.
    """
    now = digest(current)
    names = digest([Credential(key, value) for key, value in values.items() if key in READABLE])
    others = sorted(name for name in before if name not in values)
    lost = [f"{name} is gone" for name in others if name not in now]
    changed = [f"{name} changed" for name in others if name in now and now[name] != before[name]]
    missing = [f"{key} is not set" for key in sorted(values) if now.get(key) not in (_MASKED, names.get(key, _MASKED))]
    return (*lost, *changed, *missing)
