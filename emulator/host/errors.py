"""What stops the host from starting."""


class HostError(Exception):
    """The app or its settings cannot be served; the message names the place and says what is wrong."""
