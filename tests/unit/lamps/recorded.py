"""
What FreeSWITCH 1.10.12 and 1.11.2 fire when a phone begins to watch 700, a number of which they know nothing.

Recorded from both, which differ in nothing here; without the headers that every event has.
"""

from __future__ import annotations

OF_DIALOGS = {
    "Event-Name": "PRESENCE_PROBE", "probe-type": "dialog", "proto": "sip", "login": "internal",
    "sip_profile": "internal", "from": "3001@lab.local", "to": "700@lab.local", "proto-specific-event-name": "dialog",
    "event_type": "presence", "alt_event_type": "dialog", "expires": "300", "sub-call-id": "7f58@127.0.0.1",
}  # fmt: skip
OF_PRESENCE = {
    "Event-Name": "PRESENCE_PROBE", "proto": "sip", "login": "internal", "sip_profile": "internal",
    "presence-source": "subscribe", "from": "3001@lab.local", "to": "700@lab.local", "expires": "300",
    "alt_event_type": "dialog", "rpid": "unknown", "status": "Registered", "sub-call-id": "4178@127.0.0.1",
}  # fmt: skip
PUT_OUT = {
    "Event-Name": "PRESENCE_IN", "proto": "sip", "login": "internal", "sip_profile": "internal",
    "from": "700@lab.local", "status": "Unregistered",
}  # fmt: skip
