"""
Who is registered, and how each device is dialled.

``contacts`` reads what phones registered, which is hostile text; ``freeswitch`` asks a switch for it outside of a call.
"""
