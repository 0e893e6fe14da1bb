"""Encryption at rest: cipher, keyring, the Fernet backend and the blind index."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nestegg_core.contracts.operations import JobRegistration

if TYPE_CHECKING:
    from nestegg_core.application import Kernel, Sealed
    from nestegg_core.database.rows import SealedRows
    from nestegg_core.encryption.blind_index import BlindIndex
    from nestegg_core.encryption.key_check import KeyCheck
    from nestegg_core.encryption.key_maintenance import Keys
    from nestegg_core.encryption.keyring import Keyring
    from nestegg_core.settings import Settings


@dataclass(frozen=True)
class EncryptionServices:
    rows: "SealedRows"
    index: "BlindIndex"
    keys: "Keys"
    check_keys: "KeyCheck"


def wire(kernel: "Kernel") -> EncryptionServices:
    from nestegg_core.database.rows import SealedRows
    from nestegg_core.encryption.blind_index import BlindIndex, stored_root
    from nestegg_core.encryption.cipher import FieldCipher
    from nestegg_core.encryption.key_check import KeyCheck
    from nestegg_core.encryption.key_maintenance import Keys

    storage, clock, backend = kernel.storage, kernel.clock, kernel.settings.encryption_backend
    keyring = _keyring(kernel.settings)
    backends = kernel.guarded.encryption_backends()
    rows = SealedRows(FieldCipher(keyring, backends, backend, kernel.metrics))
    index = BlindIndex(lambda: stored_root(storage, rows))
    return EncryptionServices(
        rows=rows,
        index=index,
        keys=Keys(storage, rows, keyring, backend, clock),
        check_keys=KeyCheck(storage, keyring, rows, index, clock),
    )


def jobs(kernel: "Sealed", reindex: Callable[[], object]) -> Sequence[JobRegistration]:
    """Those that seal anew what another key has sealed, and count values by their key. `reindex`
    brings the blind indexes of addresses up to the present rules.
    """
    from nestegg_core.encryption.rewrap import rewrap
    from nestegg_core.encryption.usage import status
    from nestegg_core.observability.metrics import DAILY, MEASURE_KEYS, JobMetrics

    keys, daily = kernel.keys, JobMetrics(kernel.metrics, kernel.clock)

    def measure(_: Mapping[str, Any]) -> None:
        reindex()
        counted = status(keys)
        daily.keys(counted.counts, keys.backend, [key.version for key in counted.keys])

    def run(arguments: Mapping[str, Any]) -> None:
        rewrap(keys)
        measure(arguments)

    return [
        JobRegistration("rewrap", run, queue="heavy"),
        JobRegistration(MEASURE_KEYS, measure, queue="heavy", schedule=DAILY),
    ]


def _keyring(settings: "Settings") -> "Keyring":
    from nestegg_core.encryption.keyring import Keyring, key_bytes

    version = settings.encryption_current_version
    secrets = {**settings.encryption_keys, version: settings.master_encryption_key}
    return Keyring(version, {n: key_bytes(key.get_secret_value()) for n, key in secrets.items()})
