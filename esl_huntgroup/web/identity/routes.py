"""The addresses at which people sign in and see their account: a module for each kind, all in one blueprint."""

from esl_huntgroup.web.identity import account as _account  # noqa: F401  # for its addresses
from esl_huntgroup.web.identity import by_provider as _by_provider  # noqa: F401
from esl_huntgroup.web.identity.signing_in import blueprint

__all__ = ["blueprint"]
