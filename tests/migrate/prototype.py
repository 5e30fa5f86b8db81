"""Environment of the prototype's script."""

from urllib.parse import urlsplit

from tests.standins import Standin


def environment_of(database: str, standin: Standin) -> dict[str, str]:
    """Return the variables that name the prototype's database and the endpoint of AWS."""
    parts = urlsplit(database)
    return {
        "POSTGRES_USER": parts.username or "",
        "POSTGRES_PASSWORD": "anything",
        "POSTGRES_HOST": parts.hostname or "",
        "POSTGRES_PORT": str(parts.port),
        "POSTGRES_DATABASE": parts.path.strip("/"),
        "AWS_ENDPOINT_URL": standin.endpoint,
    }
