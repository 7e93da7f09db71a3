"""Makes the package that is deployed where nothing is built remotely: what runs, its libraries and their bytecode."""
