"""What a credential's value must look like before it is sent anywhere; pure."""

import unicodedata

from shared.errors import Refused
from shared.redaction import SecretValue

_LONGEST = 16 * 1024
_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp"})  # control and format characters, line and paragraph separators


def require_sendable(key: str, value: SecretValue, secret_name: str) -> None:
    """Make sure that the value can be a credential: no target could ever accept what is refused here.

    Raises:
        Refused: it is empty, the mask, too long, or carries what a careless paste brings along.
    """
    text = value.reveal()
    problem = ""
    if text.strip() in ("", "*"):
        problem = f"the value for {key} is empty or the mask itself, which is no credential"
    elif len(text) > _LONGEST:
        problem = f"the value for {key} is longer than {_LONGEST} characters, which is no credential"
    elif any(unicodedata.category(character) in _UNSEEN for character in text):
        problem = f"the value for {key} holds a line break or another character that cannot be seen"
    elif text != text.strip():
        problem = f"the value for {key} begins or ends with a blank"
    elif text[:7].lower() == "bearer ":
        problem = f"the value for {key} begins with the word Bearer, which belongs to the header and not to the token"
    if problem:
        message = f"{problem} (secret {secret_name})"
        raise Refused(message)
