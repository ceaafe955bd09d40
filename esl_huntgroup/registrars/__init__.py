"""
Who is registered, and how each device is dialled.

Begin with ``registrar``, which says what has to be known of any; ``freeswitch`` and ``kamailio`` are the two there are,
and ``by_domain`` divides lines among them. ``contacts`` and ``registrations`` read what phones registered at
FreeSWITCH, ``lookups`` (and ``device``, ``gruu``) what Kamailio says, which is hostile text as well; ``http_reader``
takes its answers apart. ``ask`` asks outside of a call. ``notice_feed`` hears from Kamailio that a phone has
registered, as ``notices`` has it.
"""
