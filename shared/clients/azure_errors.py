"""What an Azure SDK error says, in one line and without credentials."""

from azure.core.exceptions import HttpResponseError

from shared.redaction import redact


def error_of(error: HttpResponseError) -> tuple[str, str]:
    """Return code and message; the SDK's own text repeats both over several lines."""
    body = error.error
    if body is None or not body.message:
        return "", redact(error.message.splitlines()[0] if error.message else "")
    return body.code or "", redact(body.message)
