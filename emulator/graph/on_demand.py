"""`provisionOnDemand` for one user, and the schema in which a caller finds the rule to run.

Public sources: Graph docs, synchronizationJob: provisionOnDemand (key and value are texts that hold JSON), and
synchronizationSchema.
"""

import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from emulator.changes import SOURCE, Change, Step, StepKind, steps_of
from emulator.clock import Clock
from emulator.connector import ConnectorError
from emulator.directory import Directory, ServicePrincipal
from emulator.engine import ProvisioningEngine
from emulator.entra import Role
from emulator.graph.calls import Answer, Call, Route, bad_request, not_found, only_members
from emulator.graph.odata import refuse_other_options
from emulator.graph.synchronization_jobs import SYNCHRONIZATION, find_job, find_principal
from emulator.graph.throttle import Throttle
from emulator.jobs import Job, User, stamp
from emulator.records import Records

_RULE_NAME = "USER_OUTBOUND_USER"
_SCIM_USER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_SAME = "The state of the user in both the source and target systems already match."


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What an on-demand run did; the change is none where nothing had to be done."""

    user: User
    began: datetime
    ended: datetime
    change: Change | None

    @property
    def result(self) -> str:
        return {None: "Skipped", "skipped": "Skipped", "failure": "Failure", "success": "Success"}[
            None if self.change is None else self.change.status
        ]


class OnDemand:
    """Runs one rule for one user, now, with the saved credentials."""

    def __init__(
        self, directory: Directory, engine: ProvisioningEngine, records: Records, clock: Clock, throttle: Throttle
    ) -> None:
        self._directory = directory
        self._engine = engine
        self._records = records
        self._clock = clock
        self._throttle = throttle

    def routes(self) -> list[Route]:
        """Return what it serves."""
        job = f"{SYNCHRONIZATION}/jobs/{{job}}"
        return [
            Route("GET", f"{job}/schema", Role.SYNCHRONIZATION, self._schema),
            Route("POST", f"{job}/provisionOnDemand", Role.SYNCHRONIZATION, self._provision),
        ]

    async def _schema(self, call: Call) -> Answer:
        refuse_other_options(call.query, "$select")
        job, principal = find_job(self._directory, call), find_principal(self._directory, call)
        rule = {
            "id": job.rule_id,
            "name": _RULE_NAME,
            "editable": True,
            "priority": 1,
            "sourceDirectoryName": SOURCE,
            "targetDirectoryName": principal.display_name,
            "objectMappings": [{"enabled": True, "sourceObjectName": "User", "targetObjectName": _SCIM_USER}],
        }
        return Answer(200, {"id": job.id, "version": "v1.0", "synchronizationRules": [rule], "directories": []})

    async def _provision(self, call: Call) -> Answer:
        self._throttle.admit()
        job, principal = find_job(self._directory, call), find_principal(self._directory, call)
        user = _user(job, _subject(job, call))
        began = self._clock.now()
        change = await self._run(job, user)
        outcome = _Outcome(user, began, self._clock.now(), change)
        if outcome.change is not None:
            self._records.provisioned(principal, job, str(uuid.uuid4()), outcome.change)
        context = "https://graph.microsoft.com/v1.0/$metadata#microsoft.graph.stringKeyStringValuePair"
        key, value = json.dumps(_key(outcome)), json.dumps(_value(outcome, principal))
        return Answer(200, {"@odata.context": context, "key": key, "value": value})

    async def _run(self, job: Job, user: User) -> Change | None:
        """Provision the user; here a failure that would end a cycle is this user's too."""
        if user.id in job.outside:
            return Change(user, "other", skip=job.outside[user.id][1])
        if job.obstacle is not None:
            return Change(user, "other", error=job.obstacle.error, failed_at=StepKind.MATCHING)
        credentials = self._directory.secrets.effective(job.service_principal_id)
        try:
            return await self._engine.entries.provision(job, user, credentials)
        except ConnectorError as failure:
            return Change(user, failure.action, error=failure.error, failed_at=StepKind.MATCHING)


def _subject(job: Job, call: Call) -> str:
    """Read whom the body names: one user, by one rule of the job."""
    parameters = call.body("parameters").get("parameters")
    if not isinstance(parameters, list) or len(parameters) != 1:
        raise bad_request("Exactly one synchronizationJobApplicationParameters object is expected.")
    parameter = only_members(parameters[0], "type 'synchronizationJobApplicationParameters'", "ruleId", "subjects")
    if parameter.get("ruleId") != job.rule_id:
        raise bad_request("The synchronization rule does not exist in the job's schema.", "SynchronizationRuleNotFound")
    subjects = parameter.get("subjects")
    if not isinstance(subjects, list) or len(subjects) != 1:
        raise bad_request("Exactly one subject is expected.")
    subject = only_members(subjects[0], "type 'synchronizationJobSubject'", "objectId", "objectTypeName")
    if subject.get("objectTypeName") != "User" or not isinstance(subject.get("objectId"), str):
        raise bad_request("The subject must be a User with an objectId.")
    return str(subject["objectId"])


def _user(job: Job, identifier: str) -> User:
    known = {user.id: user for user in (*job.users, *job.leavers, *(user for user, _ in job.outside.values()))}
    if identifier not in known:
        raise not_found(identifier)
    return known[identifier]


def _steps(outcome: _Outcome, application: str) -> list[Step]:
    user, change = outcome.user, outcome.change
    if change is not None:
        return steps_of(change, application)
    described = f"{_SAME} No change to the User '{user.user_name}' currently needs to be made."
    found = {"objectId": user.id}
    return [
        Step("EntryImport", StepKind.IMPORT, "success", f"Retrieved User '{user.user_name}' from {SOURCE}", found),
        Step("EntrySynchronizationSkip", StepKind.EXPORT, "skipped", described, {"SkipReason": "RedundantExport"}),
    ]


def _key(outcome: _Outcome) -> dict[str, Any]:
    change = outcome.change
    if change is None:
        details = {"errorCode": "RedundantExport", "errorMessage": _SAME}
    elif change.skip is not None:
        details = {"errorCode": change.skip.reason, "errorMessage": steps_of(change, "")[-1].description}
    elif change.error is not None:
        details = {"errorCode": change.error.code, "errorMessage": change.error.message}
    else:
        details = {"errorCode": "", "errorMessage": ""}
    return {"result": outcome.result, "details": details}


def _value(outcome: _Outcome, principal: ServicePrincipal) -> dict[str, Any]:
    user, change = outcome.user, outcome.change
    error = None if change is None else change.error
    properties = () if change is None else change.properties
    target_id = None if change is None else change.target_id
    return {
        "action": "Other" if change is None else change.action.capitalize(),
        "changeId": str(uuid.uuid4()),
        "startTime": stamp(outcome.began),
        "endTime": stamp(outcome.ended),
        "reportableIdentifier": user.user_name,
        "modifiedProperties": [one.resource() for one in properties],
        "provisioningSteps": [step.on_demand(outcome.ended) for step in _steps(outcome, principal.display_name)],
        "statusInfo": {
            "status": outcome.result,
            "errorCode": None if error is None else error.code,
            "reason": None if error is None else error.message,
            "additionalDetails": None,
            "errorCategory": None if error is None else "NonServiceFailure",
            "recommendedAction": None,
        },
        "sourceIdentity": {"id": user.id, "type": "User", "displayName": user.display_name, "details": None},
        "sourceSystem": {"id": None, "name": SOURCE, "details": None},
        "targetIdentity": {"id": target_id or "", "type": _SCIM_USER, "displayName": None, "details": None},
        "targetSystem": {"id": None, "name": "customappsso", "details": None},
    }
