"""Every test that takes ``database`` runs on SQLite, PostgreSQL and MariaDB, as in ``tests/database``."""

from tests.database.conftest import database, new_mariadb, new_postgresql, sqlite, sqlite_url, url

__all__ = ["database", "new_mariadb", "new_postgresql", "sqlite", "sqlite_url", "url"]
