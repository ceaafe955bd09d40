"""
The journal: what is kept of every group call, and how people read it.

A call hands ``records`` to the ``recorder``, which puts each as a line (``codec``) into the ``spool`` (``appender``); a
process of its own, the ``writer``, stores them (``store``). ``query`` and ``view`` read, ``prune`` deletes what is old.
"""
