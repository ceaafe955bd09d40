"""
A simulated FreeSWITCH: the dialplan, the phones, and mod_event_socket's side of the outbound socket.

It drives the real service over real TCP, in the demo and in the tests, and is held against recorded streams of
FreeSWITCH 1.10.12. What it does not know it refuses loudly; it never guesses in the service's favour.
"""

from __future__ import annotations
