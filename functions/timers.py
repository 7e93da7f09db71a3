"""Timer triggers: the sweep, the log query, what is due, and the forecast of credentials' ends."""

import logging

import azure.functions as func

from functions.worker import pratique

timers = func.Blueprint()
_log = logging.getLogger("pratique.timers")


@timers.timer_trigger(arg_name="timer", schedule="%SWEEP_SCHEDULE%")
async def sweep_jobs(timer: func.TimerRequest) -> None:
    """Sweep every synchronization job of the tenant."""
    sent = await pratique().ears.sweep()
    _log.info("sweep: %d signals%s", sent, " (past due)" if timer.past_due else "")


@timers.timer_trigger(arg_name="timer", schedule="%AUDIT_SCHEDULE%")
async def query_audit_log(timer: func.TimerRequest) -> None:
    """Query the audit log for quarantine events."""
    sent = await pratique().ears.query_audit_log()
    _log.info("audit log: %d signals%s", sent, " (past due)" if timer.past_due else "")


@timers.timer_trigger(arg_name="timer", schedule="%DUE_SCHEDULE%")
async def enqueue_due(timer: func.TimerRequest) -> None:
    """Put on the queue every job whose next look is due."""
    sent = await pratique().ears.enqueue_due()
    if sent:
        _log.info("due: %d looks%s", sent, " (past due)" if timer.past_due else "")


@timers.timer_trigger(arg_name="timer", schedule="%FORECAST_SCHEDULE%")
async def forecast_tokens(timer: func.TimerRequest) -> None:
    """Tell of credentials that end, begin what is due, retire what is replaced."""
    did = await pratique().forecaster.run()
    _log.info(
        "forecast: %d told, %d signals, %d retired, %d ends unknown%s",
        did.told,
        did.signals,
        did.retired,
        did.unknown,
        " (past due)" if timer.past_due else "",
    )
