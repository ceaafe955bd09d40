"""How a call is written into a stream: as JSON for programs."""

from __future__ import annotations

import json
from dataclasses import asdict

from esl_huntgroup.web.live.audience import View


def as_json(view: View, _user_id: int) -> str:
    """Return a call as one sees it, on one line."""
    return json.dumps(asdict(view.row), ensure_ascii=False)
