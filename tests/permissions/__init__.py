"""One table of permissions: the code, the templates, the emulator and the page say the same."""
