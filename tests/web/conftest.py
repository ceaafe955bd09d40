"""The page on SQLite, PostgreSQL and MariaDB, asked as a browser would ask it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import flask
import peewee
import pytest
from flask.testing import FlaskClient

from esl_huntgroup.web.app import make_app
from esl_huntgroup.web.config import WebConfig
from tests.database.conftest import (  # noqa: F401  # the databases, for everything here
    database,
    new_mariadb,
    new_postgresql,
    queries,
    sqlite,
    sqlite_url,
    url,
)
from tests.database.rows import insert
from tests.web import signed_in

CONFIG = WebConfig(database="sqlite:///unused", listen=("127.0.0.1", 8090))
USERS = {1: ("anna", "Anna Berg"), 2: ("bernd", "Bernd Wolf"), 3: ("chef", "Carla Chef"), 4: ("dora", "Dora Fremd")}
"""Two members, the leader, and somebody of another group."""


@pytest.fixture
def firm(database: peewee.Database) -> peewee.Database:  # noqa: F811
    """Give a database with a few users."""
    for key, (name, display_name) in USERS.items():
        insert(database, "users", id=key, name=name, display_name=display_name)
    return database


@pytest.fixture
def make(firm: peewee.Database) -> Callable[..., flask.Flask]:
    """Give what makes the application, with these settings."""

    def make(**settings: Any) -> flask.Flask:
        app = make_app(dataclasses.replace(CONFIG, **settings), firm)
        app.testing = True
        return app

    return make


@pytest.fixture
def app(make: Callable[..., flask.Flask]) -> flask.Flask:
    return make()


@pytest.fixture
def anna(app: flask.Flask) -> FlaskClient:
    """Give a browser in which Anna is signed in."""
    return signed_in.browser(app, "anna")


@pytest.fixture
def nobody(app: flask.Flask) -> FlaskClient:
    return signed_in.browser(app)
