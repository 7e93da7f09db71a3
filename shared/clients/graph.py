"""The calls to Microsoft Graph that the product makes, each named for what it does."""

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation

from shared.clients.graph_applications import Applications
from shared.clients.graph_transport import Answer, GraphTransport, error_of, json_request, require_success
from shared.clients.permissions import Permission
from shared.clock import Clock
from shared.errors import Refused, Throttled, Unavailable
from shared.jobs.credentials import Credential
from shared.jobs.model import ServicePrincipal, SynchronizationJob
from shared.jobs.reading import read_job
from shared.jobs.trial import SynchronizationRule, Trial, read_rules, read_trial
from shared.redaction import SecretValue
from shared.tokens.credential_test import CredentialTest, read_test

QUARANTINE_ONLY: Mapping[str, Any] = {"criteria": {"resetScope": "QuarantineState"}}
BATCH_LIMIT = 20
_BATCH_ROUNDS = 4
_JOBS = "{+baseurl}/servicePrincipals/{servicePrincipal%2Did}/synchronization/jobs"
_JOB = _JOBS + "/{synchronizationJob%2Did}"
_SECRETS = "{+baseurl}/servicePrincipals/{servicePrincipal%2Did}/synchronization/secrets"


class Graph:
    """Microsoft Graph v1.0, as far as this product calls it."""

    def __init__(self, transport: GraphTransport, clock: Clock, applications: Applications | None = None) -> None:
        self._transport = transport
        self._clock = clock
        self._applications = applications or Applications(transport)
        self._permission = self._applications.synchronization

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    def service_principals(self) -> AsyncIterator[ServicePrincipal]:
        """Read every enterprise application that is watched, page by page."""
        return self._applications.all()

    async def service_principal(self, service_principal_id: str) -> ServicePrincipal:
        """Read one enterprise application, watched or not."""
        return await self._applications.one(service_principal_id)

    async def watched(self) -> frozenset[str] | None:
        """Return the ids of the applications that are watched, in lower case; None when that is all of the tenant."""
        return await self._applications.ids()

    async def watches(self, service_principal_id: str) -> bool:
        """Say whether an application is watched; where those are that the identity owns, they are read each time."""
        watched = await self.watched()
        return watched is None or service_principal_id.lower() in watched

    async def jobs(self, service_principal_id: str) -> tuple[SynchronizationJob, ...]:
        """Read the jobs of one service principal."""
        request = RequestInformation(Method.GET, _JOBS, {"servicePrincipal%2Did": service_principal_id})
        operation = self._applications.about("list synchronization jobs", service_principal_id)
        body = await self._transport.read(request, operation, self._permission)
        return tuple(read_job(service_principal_id, raw) for raw in body.get("value", []))

    async def job(self, service_principal_id: str, job_id: str) -> SynchronizationJob:
        """Read one job."""
        request = RequestInformation(Method.GET, _JOB, _job_path(service_principal_id, job_id))
        operation = self._applications.about("read the synchronization job", service_principal_id)
        body = await self._transport.read(request, operation, self._permission)
        return read_job(service_principal_id, body)

    async def jobs_of_many(self, service_principal_ids: Sequence[str]) -> AsyncIterator[SynchronizationJob]:
        """Read the jobs of many service principals by `$batch`, twenty at a time.

        Each part is throttled on its own (Graph docs: json-batching), so throttled parts alone are asked again. A 404
        means no synchronization there; whether Graph answers so or with an empty list is not documented.

        Raises:
            ServiceError: a part was refused, or stayed throttled: the sweep is then blind, not clean.
        """
        for start in range(0, len(service_principal_ids), BATCH_LIMIT):
            for sp, answer in await self._batch(service_principal_ids[start : start + BATCH_LIMIT]):
                for raw in answer.body.get("value", []):
                    yield read_job(sp, raw)

    async def credentials(self, service_principal_id: str) -> tuple[Credential, ...]:
        """Read the credential keys of a service principal; secret values are masked.

        The call is not in Graph's reference but is what Terraform's azuread provider uses.
        """
        request = RequestInformation(Method.GET, _SECRETS, {"servicePrincipal%2Did": service_principal_id})
        operation = self._applications.about("read the synchronization secrets", service_principal_id)
        body = await self._transport.read(request, operation, self._permission)
        # A key without a value is not there: sent back as an empty text it would be an order to remove it.
        return tuple(
            Credential(str(pair.get("key") or ""), SecretValue(str(pair["value"])))
            for pair in body.get("value", [])
            if pair.get("value") is not None
        )

    async def save_credentials(
        self, service_principal_id: str, credentials: Iterable[Credential], *, secrets: Iterable[SecretValue]
    ) -> None:
        """Save credentials; takes effect a little later, so read back. Errors that repeat `secrets` lose them here.

        Raises:
            Refused: a masked value would be sent back, which would store the mask itself.
        """
        pairs = tuple(credentials)
        if any(pair.masked for pair in pairs):
            message = "a masked credential is never sent back"
            raise Refused(message)
        body = {"value": [{"key": pair.key, "value": pair.value.reveal()} for pair in pairs]}
        request = json_request(Method.PUT, _SECRETS, {"servicePrincipal%2Did": service_principal_id}, body)
        operation = self._applications.about("save the synchronization secrets", service_principal_id)
        answer = await self._transport.write(request, operation)
        require_success(answer, operation, self._permission, secrets)

    async def test_saved_credentials(self, service_principal_id: str, job_id: str) -> CredentialTest:
        """Ask Graph to test what is saved.

        Raises:
            MissingPermission: Graph refused to test at all.
            Unavailable: there was no answer.
        """
        return await self._validate(service_principal_id, job_id, {"useSavedCredentials": True})

    async def test_credentials(
        self,
        service_principal_id: str,
        job_id: str,
        credentials: Iterable[Credential],
        *,
        secrets: Iterable[SecretValue],
    ) -> CredentialTest:
        """Ask Graph to test these credentials without saving them; raises like `test_saved_credentials`.

        Errors that repeat `secrets` lose them here; what a test says does not, for it is judged first.
        """
        pairs = [{"key": pair.key, "value": pair.value.reveal()} for pair in credentials]
        body = {"useSavedCredentials": False, "credentials": pairs}
        return await self._validate(service_principal_id, job_id, body, secrets)

    async def lift_quarantine(self, service_principal_id: str, job_id: str) -> None:
        """Restart the job with the reset scope `QuarantineState` and nothing else.

        The SDK drops a scope given as text or list, and Graph reads an empty scope as a near-full restart; so the body
        that is about to leave is compared with the only one allowed.

        Raises:
            Refused: the serialised body is not exactly the quarantine-only one.
            MissingPermission: also for the 401 `UnknownError` that a too small permission earns.
        """
        from msgraph.generated.models.synchronization_job_restart_criteria import (  # noqa: PLC0415 -- cold start
            SynchronizationJobRestartCriteria,
        )
        from msgraph.generated.models.synchronization_job_restart_scope import (  # noqa: PLC0415 -- cold start
            SynchronizationJobRestartScope,
        )
        from msgraph.generated.service_principals.item.synchronization.jobs.item.restart import (  # noqa: PLC0415 -- cold start
            restart_post_request_body,
            restart_request_builder,
        )

        body = restart_post_request_body.RestartPostRequestBody(
            criteria=SynchronizationJobRestartCriteria(reset_scope=SynchronizationJobRestartScope.QuarantineState)
        )
        builder = restart_request_builder.RestartRequestBuilder(
            self._transport.adapter, _job_path(service_principal_id, job_id)
        )
        request = builder.to_post_request_information(body)
        if json.loads(request.content or b"null") != QUARANTINE_ONLY:
            message = "the restart would not be quarantine-only"
            raise Refused(message)
        operation = self._applications.about("restart the synchronization job", service_principal_id)
        require_success(await self._transport.write(request, operation), operation, self._permission)

    async def schema_rules(self, service_principal_id: str, job_id: str) -> tuple[SynchronizationRule, ...]:
        """Read the synchronization rules of a job, which provisioning on demand has to name."""
        request = RequestInformation(Method.GET, f"{_JOB}/schema", _job_path(service_principal_id, job_id))
        operation = self._applications.about("read the synchronization schema", service_principal_id)
        body = await self._transport.read(request, operation, self._permission)
        return read_rules(body)

    async def user_id(self, user: str) -> str:
        """Return the object id of a user named by object id or user principal name (permission: User.Read.All)."""
        request = RequestInformation(Method.GET, "{+baseurl}/users/{user%2Did}{?%24select}", {"user%2Did": user})
        request.query_parameters["%24select"] = ["id"]
        body = await self._transport.read(request, "read the user", Permission.USERS)
        return str(body.get("id") or "")

    async def provision_on_demand(self, service_principal_id: str, job_id: str, rule_id: str, user_id: str) -> Trial:
        """Provision one user now; this changes the target (Graph allows five requests in ten seconds).

        Raises:
            Throttled: too many were asked for.
            Unavailable: there was no answer; whether the user was provisioned is unknown.
            ServiceError: Graph refused; what went wrong in the target is in the answer instead.
        """
        subject = {"objectId": user_id, "objectTypeName": "User"}
        body = {"parameters": [{"ruleId": rule_id, "subjects": [subject]}]}
        path = _job_path(service_principal_id, job_id)
        request = json_request(Method.POST, f"{_JOB}/provisionOnDemand", path, body)
        operation = self._applications.about("provision the user on demand", service_principal_id)
        answer = await self._transport.write(request, operation)
        require_success(answer, operation, self._permission)
        return read_trial(answer.body)

    async def send_mail(self, sender: str, message: Mapping[str, Any]) -> None:
        """Send one mail from the sender's mailbox (permission: Mail.Send, better confined in Exchange)."""
        template = "{+baseurl}/users/{user%2Did}/sendMail"
        body = {"message": message, "saveToSentItems": False}
        answer = await self._transport.write(
            json_request(Method.POST, template, {"user%2Did": sender}, body), "send mail"
        )
        require_success(answer, "send mail", Permission.MAIL)

    async def _validate(
        self, service_principal_id: str, job_id: str, body: Mapping[str, Any], sent: Iterable[SecretValue] = ()
    ) -> CredentialTest:
        path = _job_path(service_principal_id, job_id)
        request = json_request(Method.POST, _JOB + "/validateCredentials", path, body)
        operation = self._applications.about("test the credentials", service_principal_id)
        answer = await self._transport.write(request, operation)
        code, message = error_of(answer.body)
        if answer.status in (401, 403, 404) and not code.endswith(
            ("CredentialValidationFailure", "InvalidCredentials")
        ):
            require_success(answer, operation, self._permission, sent)
        return read_test(answer.status, code, message)

    async def _batch(self, service_principal_ids: Sequence[str]) -> list[tuple[str, Answer]]:
        answers: dict[str, Answer] = {}
        waiting = list(service_principal_ids)
        operation = "list synchronization jobs"
        for attempt in range(_BATCH_ROUNDS):
            answers |= await self._batch_once(waiting)
            waiting = [sp for sp in waiting if answers[sp].status == 429]
            if not waiting:
                break
            pauses = [answers[sp].retry_after or timedelta(seconds=2**attempt) for sp in waiting]
            await self._clock.sleep(max(pauses).total_seconds())
        if waiting:
            raise Throttled(
                "Microsoft Graph", operation, 429, f"{len(waiting)} parts of a batch stayed throttled", None
            )
        for sp, answer in answers.items():
            if answer.status != 404:
                require_success(answer, self._applications.about(operation, sp), self._permission)
        return list(answers.items())

    async def _batch_once(self, service_principal_ids: Sequence[str]) -> dict[str, Answer]:
        parts = [
            {"id": str(number), "method": "GET", "url": f"/servicePrincipals/{sp}/synchronization/jobs"}
            for number, sp in enumerate(service_principal_ids)
        ]
        request = json_request(Method.POST, "{+baseurl}/$batch", {}, {"requests": parts})
        operation = "list synchronization jobs"
        body = await self._transport.read(request, operation, self._permission)
        answers: dict[str, Answer] = {}
        for part in body.get("responses", []):
            headers = {str(name).lower(): str(value) for name, value in (part.get("headers") or {}).items()}
            after = headers.get("retry-after", "")
            answers[service_principal_ids[int(part["id"])]] = Answer(
                int(part["status"]),
                part.get("body") or {},
                timedelta(seconds=int(after)) if after.isdecimal() else None,
            )
        if len(answers) != len(parts):
            raise Unavailable("Microsoft Graph", operation, 200, "", "a batch came back with parts missing")
        return answers


def _job_path(service_principal_id: str, job_id: str) -> dict[str, Any]:
    return {"servicePrincipal%2Did": service_principal_id, "synchronizationJob%2Did": job_id}
