"""
Who is registered, and how each device is dialled.

Begin with ``registrar``, which says what has to be known of any; ``freeswitch`` is the one there is. ``contacts`` and
``registrations`` read what phones registered, which is hostile text; ``ask`` asks a switch for it outside of a call.
"""
