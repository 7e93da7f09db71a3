"""The Functions app: registers the blueprints, nothing else."""

import azure.functions as func

from functions.alerts import alerts
from functions.operations import operations
from functions.signals import signals
from functions.timers import timers

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
for blueprint in (timers, signals, alerts, operations):
    app.register_functions(blueprint)
