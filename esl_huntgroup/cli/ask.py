"""The question before a command does what it has just told."""

from __future__ import annotations

import click

from esl_huntgroup.cli import tree
from esl_huntgroup.errors import InputError


def ask(question: str) -> None:
    """Ask on standard error. Raises InputError for a no, and where nobody can answer."""
    if not tree.can_answer():
        raise InputError("nobody is there to ask: --yes is accepted; nothing changed")
    if not click.confirm(question, err=True):
        raise InputError("nothing changed")
