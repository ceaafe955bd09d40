"""The event socket of FreeSWITCH: ``wire`` knows the bytes, ``session`` and ``server`` own the sockets."""
