"""
The lamps of groups: phones that watch a group number are told whether it rings, and who calls, or talks.

One process (``process``) reads the journal as the page does, by what has changed in it, and so knows the calls of all
services and switches (``board``). What a lamp shows then is decided in ``lamp`` (PURE). A greenlet for each switch
(``switch``) has the switch tell its phones, and answers for phones that begin to watch; what it says is written in
``presence`` and remembered in ``announcer`` (both PURE). At Kamailio a ``publisher`` tells it: what it sends is decided
in ``publication`` and written in ``dialog_info`` (both PURE). Begin to read in ``lamp``.
"""
