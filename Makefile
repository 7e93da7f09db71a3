# One command each; every one of them sets up what it needs.
.PHONY: setup demo test check serve bench year lock format
.SILENT:

setup:
	scripts/setup

demo: setup
	./pratique demo

serve: setup
	./pratique serve

# Bytecode is kept even where a shell says not to: the tests start some hundred interpreters.
test: setup
	PYTHONDONTWRITEBYTECODE= .venv/bin/python -m pytest $(ARGS)

check: setup
	scripts/check

bench: setup
	.venv/bin/python -m bench

year: setup
	.venv/bin/python -m bench.year $(ARGS)

format: setup
	.venv/bin/ruff format --quiet .
	.venv/bin/ruff check --quiet --fix .

lock: setup
	scripts/lock
