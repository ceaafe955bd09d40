"""``esl-huntgroup web``."""

from __future__ import annotations

import signal

import click

from esl_huntgroup.cli.context import database_of, pass_settings
from esl_huntgroup.errors import SettingsError
from esl_huntgroup.settings import Settings


@click.command("web")
@pass_settings
def web_command(settings: Settings) -> None:
    """
    Serve the members' page alone, on any host that reaches the database, until SIGTERM or SIGINT.

    With web_listen the service serves it, too, and this command is not needed there.

    Example: esl-huntgroup --web-listen 127.0.0.1:8090 web
    """
    import gevent
    from gevent.event import Event

    from esl_huntgroup import logs
    from esl_huntgroup.web import server
    from esl_huntgroup.web.config import web_config

    if settings.web_listen is None:
        raise SettingsError("web_listen is not set: an address is needed, such as 127.0.0.1:8090")
    with database_of(settings):
        pass
    logs.set_up(settings.log_level, settings.log_format, "web")
    told = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, told.set)
    server.serve(web_config(settings, settings.web_listen), gevent.spawn(told.wait))
