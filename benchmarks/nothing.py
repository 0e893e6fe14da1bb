"""What bare RQ is measured with, in a module that imports nothing."""


def nothing(number: int) -> None:
    """Do nothing, so that only the queue costs anything."""
