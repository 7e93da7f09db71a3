"""A small Functions app; the package marker is for the type checker, the worker imports `function_app` from here."""
