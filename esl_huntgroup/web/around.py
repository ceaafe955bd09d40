"""What every request has around it: the configuration, the database, the switches."""

from __future__ import annotations

from collections import Counter

import flask
import peewee

from esl_huntgroup.web.config import WebConfig
from esl_huntgroup.web.switches import Switches

_KEY = "esl_huntgroup"


class Around:
    """What every request has around it."""

    def __init__(self, config: WebConfig, db: peewee.Database) -> None:
        """Take the configuration and the database."""
        self.config = config
        self.db = db
        self.switches = Switches(config.switches)
        self.marked = Counter({"handled": 0, "reopened": 0})
        """How many missed calls were dealt with by hand in this process, and how many of these marks taken back."""


def surround(app: flask.Flask, config: WebConfig, db: peewee.Database) -> None:
    """Give every request of the application these around it."""
    app.extensions[_KEY] = Around(config, db)


def around() -> Around:
    """Return what the request of now has around it."""
    found: Around = flask.current_app.extensions[_KEY]
    return found
