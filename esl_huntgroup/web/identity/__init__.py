"""
Who asks: passwords, sessions, tokens, and those who sign people in for us.

``guard`` stands before every request; views ask it for the ``person`` and name with ``require`` who may use them.
``pages`` is where people sign in and see their account. ``accounts``, ``invitations``, ``sessions`` and ``tokens`` are
the database side, which commands use as well. Begin to read in ``guard``.
"""

from esl_huntgroup.web.identity.guard import csrf_token, language, person, require, somebody
from esl_huntgroup.web.identity.people import ANY_TOKEN, Person, Scope

__all__ = ["ANY_TOKEN", "Person", "Scope", "csrf_token", "language", "person", "require", "somebody"]
