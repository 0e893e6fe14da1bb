"""What the operator sets."""

from uuid import UUID

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from nestegg_core import CommaList


class LegalHoldSettings(BaseSettings):
    """The plugin's one variable, and the core's that says which policies are in force."""

    legal_hold_organizations: CommaList = Field(
        default=(),
        description="Ids of the organizations whose records must stay, with commas.",
    )
    retention_policies: CommaList = Field(
        default=("transaction_age",), description="Retention policies in use."
    )

    @field_validator("legal_hold_organizations")
    @classmethod
    def _check_ids(cls, ids: tuple[str, ...]) -> tuple[str, ...]:
        for position, text in enumerate(ids, 1):
            try:
                UUID(text)
            except ValueError:
                raise ValueError(f"number {position} is no id of an organization") from None
        return ids

    @property
    def held(self) -> frozenset[UUID]:
        """The organizations under a hold."""
        return frozenset(map(UUID, self.legal_hold_organizations))
