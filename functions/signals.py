"""Queue triggers: reconcile one job, and hear Key Vault events. What cannot be read is kept apart, not retried."""

import logging

import azure.functions as func

from functions.worker import pratique
from shared.detection.signal import QUEUE, VAULT_EVENTS_QUEUE, Signal
from shared.errors import MalformedNews

signals = func.Blueprint()
_log = logging.getLogger("pratique.signals")


@signals.queue_trigger(arg_name="message", queue_name=QUEUE, connection="AzureWebJobsStorage")
async def reconcile_job(message: func.QueueMessage) -> None:
    """Reconcile the job that the signal names."""
    text = _text(message)
    try:
        signal = Signal.from_message(text)
    except MalformedNews as error:
        _log.warning("rejected a signal: %s", error)
        await pratique().rejected_signals.put(text, error)
        return
    await pratique().reconciler.reconcile(signal)


@signals.queue_trigger(arg_name="message", queue_name=VAULT_EVENTS_QUEUE, connection="AzureWebJobsStorage")
async def hear_vault_event(message: func.QueueMessage) -> None:
    """Hear one Key Vault event."""
    text = _text(message)
    try:
        sent = await pratique().ears.vault_event(text)
    except MalformedNews as error:
        _log.warning("rejected a vault event: %s", error)
        await pratique().rejected_vault_events.put(text, error)
        return
    _log.info("vault event: %d signals", sent)


def _text(message: func.QueueMessage) -> str:
    return message.get_body().decode("utf-8", errors="replace")
