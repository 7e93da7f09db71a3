"""The words and marks that every command uses for where a job stands."""

from dataclasses import dataclass

from shared.incidents.incident import AttemptStep, Incident, IncidentState


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a job stands: a mark, its colour, and a few words."""

    mark: str
    style: str
    words: str


HEALTHY = Standing("●", "green", "healthy")
UNSEEN = Standing("▲", "red", "not looked at yet")
_STANDINGS = {
    IncidentState.WAITING: Standing("▲", "yellow", "observed"),
    IncidentState.NEEDS_PERSON: Standing("▲", "yellow", "needs a person"),
    IncidentState.ACTING: Standing("◆", "cyan", "acting"),
    IncidentState.LIFTED: Standing("◆", "cyan", "lifted, not proven yet"),
    IncidentState.WATCHING: Standing("◆", "cyan", "new credential saved, not proven yet"),
    IncidentState.GAVE_UP: Standing("■", "red", "gave up"),
    IncidentState.RECOVERED: Standing("✓", "green", "recovered, proven by a cycle"),
}
_STEPS = {
    AttemptStep.SAVE: "saves the new token",
    AttemptStep.READ_BACK: "reads the settings back",
    AttemptStep.TEST_SAVED: "tests what is saved",
    AttemptStep.LIFT: "lifts the quarantine",
}


def standing(incident: Incident | None, *, quarantined: bool) -> Standing:
    """Return where a job stands."""
    state = incident.state if incident is not None else IncidentState.CLEAR
    if state is IncidentState.ACTING and incident is not None and incident.attempt is not None:
        acting = _STANDINGS[state]
        return Standing(acting.mark, acting.style, _STEPS.get(incident.attempt.step, acting.words))
    return _STANDINGS.get(state, UNSEEN if quarantined else HEALTHY)
