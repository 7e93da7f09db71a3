"""One function for each thing the host has to serve; what a function saw, it writes to a queue or the log."""

import asyncio
import json
import logging
import os
import time

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
log = logging.getLogger("sample")


@app.timer_trigger(arg_name="timer", schedule="%TICK_SCHEDULE%")
async def tick(timer: func.TimerRequest) -> None:
    """Take as long as the setting says."""
    log.info("tick begins past_due=%s", timer.past_due)
    await asyncio.sleep(float(os.environ["TICK_SECONDS"]))
    log.info("tick ends")


@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 Jan *", run_on_startup=True)
@app.queue_output(arg_name="out", queue_name="%PREFIX%-seen", connection="AzureWebJobsStorage")
def yearly(timer: func.TimerRequest, out: func.Out[str]) -> None:
    """Say that it ran."""
    out.set(json.dumps({"yearly": not timer.past_due}))


@app.queue_trigger(arg_name="message", queue_name="%PREFIX%-orders", connection="AzureWebJobsStorage")
@app.queue_output(arg_name="out", queue_name="%PREFIX%-seen", connection="AzureWebJobsStorage")
async def orders(message: func.QueueMessage, out: func.Out[str]) -> None:
    """Pass on what came."""
    body = message.get_body()
    out.set(json.dumps({"body": body.decode("utf-8", "backslashreplace"), "dequeue_count": message.dequeue_count}))


@app.queue_trigger(arg_name="message", queue_name="%PREFIX%-failing", connection="AzureWebJobsStorage")
async def failing(message: func.QueueMessage) -> None:
    """Fail, saying which try it was."""
    raise ValueError(f"try {message.dequeue_count}")


@app.queue_trigger(arg_name="message", queue_name="%PREFIX%-slow", connection="AzureWebJobsStorage")
@app.queue_output(arg_name="out", queue_name="%PREFIX%-seen", connection="AzureWebJobsStorage")
async def slow(message: func.QueueMessage, out: func.Out[str]) -> None:
    """Take as long as the message says."""
    log.info("slow begins")
    await asyncio.sleep(float(message.get_body()))
    out.set(json.dumps({"slow": message.dequeue_count}))


@app.route("secured", methods=[func.HttpMethod.GET])
def secured(req: func.HttpRequest) -> func.HttpResponse:
    """Answer who has a function key; runs in a thread."""
    log.info("secured was asked by %s", req.method)
    print("printed by secured")
    return func.HttpResponse("welcome", headers={"X-Sample": "yes", "Set-Cookie": "a=b; HttpOnly; SameSite=Lax"})


@app.route("vault", auth_level=func.AuthLevel.ADMIN)
def vault(req: func.HttpRequest) -> func.HttpResponse:
    """Answer who has the master key."""
    return func.HttpResponse(req.method, status_code=201)


@app.route("jobs/{principal}/{job}/look", methods=[func.HttpMethod.POST], auth_level=func.AuthLevel.ANONYMOUS)
async def look(req: func.HttpRequest) -> func.HttpResponse:
    """Return the request as the function sees it."""
    seen = {
        "params": dict(req.route_params),
        "query": dict(req.params),
        "body": req.get_body().decode(),
        "header": req.headers.get("x-marker"),
        "url": req.url,
    }
    return func.HttpResponse(json.dumps(seen), mimetype="application/json")


@app.route("items/{id:int}", methods=[func.HttpMethod.GET], auth_level=func.AuthLevel.ANONYMOUS)
def item(req: func.HttpRequest) -> func.HttpResponse:
    """Answer for whole numbers."""
    return func.HttpResponse(f"item {req.route_params['id']}")


@app.route("items/newest", methods=[func.HttpMethod.GET], auth_level=func.AuthLevel.ANONYMOUS)
def newest(req: func.HttpRequest) -> func.HttpResponse:
    """Answer for the one name."""
    return func.HttpResponse(f"newest {req.method}")


@app.route("crash", auth_level=func.AuthLevel.ANONYMOUS)
def crash(req: func.HttpRequest) -> func.HttpResponse:
    """Fail."""
    raise RuntimeError(f"no answer to {req.method}")


@app.route("nap", auth_level=func.AuthLevel.ANONYMOUS)
def nap(req: func.HttpRequest) -> func.HttpResponse:
    """Block a thread for as long as the query says."""
    time.sleep(float(req.params["seconds"]))
    return func.HttpResponse("rested")
