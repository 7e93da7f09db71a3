"""A local functions host: loads a Functions app with the real Python worker runtime and fires its triggers.

It serves what a development machine needs: timer triggers, Storage queue triggers and outputs, HTTP triggers with
function keys, and `POST /admin/functions/{name}`. What the app sees (indexing, bindings, invocation) is Microsoft's
own `azure-functions-runtime`, the package that runs in Azure from Python 3.13 on. What surrounds it is written here
after the documentation and the public sources of the Functions host, and is smaller.

It does not imitate: the scale controller and several instances; blob, Event Hub, Event Grid, Service Bus, Cosmos DB
and Durable triggers (such functions are indexed and never fired); input bindings and output bindings other than queue
and HTTP (refused at start); function-level retry policies; timers that remember their last run (so nothing is ever
past due) and the blob lease that keeps a timer on one instance; where keys are kept and per-function keys; App
Service authentication, CORS and proxies; `functionTimeout`; Application Insights; of storage connections by identity
what `connections.py` does not name (refused at start). A known route with another method is answered 405 where the
Functions host answers 404.
"""
