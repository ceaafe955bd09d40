"""
Who asks: passwords, sessions, tokens, and those who sign people in for us.

``guard`` stands before every request; views name with ``require`` who may use them, and ask ``asking`` for the
``person``. ``routes`` is where people sign in and see their account; ``validity`` tells open pages that they are over.
``accounts``, ``sessions`` and ``tokens`` are the database side, which commands use as well. Begin to read in ``guard``.
"""

from esl_huntgroup.web.identity.asking import csrf_token, language, person, somebody
from esl_huntgroup.web.identity.guard import require
from esl_huntgroup.web.identity.people import ANY_TOKEN, Person, Scope

__all__ = ["ANY_TOKEN", "Person", "Scope", "csrf_token", "language", "person", "require", "somebody"]
