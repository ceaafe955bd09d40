"""
``python -m esl_huntgroup.simulator.door``: the page of the demo, with a link for each person by which one is signed in.

The page itself has no such links: this process adds them to it. It reads what it needs from the first line of standard
input, JSON, and ends with standard input.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import flask
import gevent
import gevent.os
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from esl_huntgroup import logs
from esl_huntgroup.web.app import make_app
from esl_huntgroup.web.config import WebConfig
from esl_huntgroup.web.identity import require
from esl_huntgroup.web.identity.signing_in import begin_session
from esl_huntgroup.web.server import serve_app


def main() -> None:
    """Serve until standard input ends."""
    told: dict[str, Any] = json.loads(sys.stdin.readline())
    logs.set_up("warning", "text", "web")
    config = WebConfig(database=told["database"], listen=("127.0.0.1", told["port"]), language=told["language"])
    app = make_app(config)
    _open_doors(app, told["doors"])
    serve_app(app, config.listen, gevent.spawn(gevent.os.tp_read, sys.stdin.fileno(), 1))


def _open_doors(app: flask.Flask, doors: dict[str, int]) -> None:
    @require(anybody=True)
    def door(secret: str) -> Response:
        if secret not in doors:
            raise NotFound
        begin_session(doors[secret], "demo")
        return flask.redirect("/", 303)

    app.add_url_rule("/demo/<secret>", view_func=door)


if __name__ == "__main__":
    main()
