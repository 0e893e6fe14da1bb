"""What goes wrong with backups."""

from nestegg_core.errors import NestEggError


class BackupRefused(NestEggError):
    """A backup file cannot be believed or used; the message says why.

    Example:
        >>> raise BackupRefused("The file is cut off.")
        Traceback (most recent call last):
        nestegg_core.operations.errors.BackupRefused: The file is cut off.
    """


class BackupFailed(NestEggError):
    """A backup was not made; nothing of it is left."""
