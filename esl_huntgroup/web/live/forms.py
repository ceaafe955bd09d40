"""How a call is written into a stream: as JSON for programs, in the form that the API has everywhere."""

from __future__ import annotations

import json

from esl_huntgroup.web import clock
from esl_huntgroup.web.api import shown
from esl_huntgroup.web.api.schemas import CallOut
from esl_huntgroup.web.live.audience import View

_schema = CallOut()


def as_json(view: View, _user_id: int) -> str:
    """Return a call as one sees it, on one line."""
    return json.dumps(_schema.dump(shown.row(view.row, clock.now_ms())), ensure_ascii=False)
