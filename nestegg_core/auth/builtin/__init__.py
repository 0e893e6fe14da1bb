"""Sign-in that Nest Egg does itself: passwords, sessions, second factors, personal tokens.

Its settings stand here because they are read at every start, also where no token comes.
"""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class BuiltinSettings(BaseSettings):
    secret_key: SecretStr = Field(description="Signs access tokens and cursors.")
    secret_key_previous: SecretStr | None = Field(
        default=None, description="The SECRET_KEY before: what it signed is still believed."
    )
    access_token_minutes: int = Field(
        default=15, ge=1, le=1440, description="How long an access token is good, in minutes."
    )
