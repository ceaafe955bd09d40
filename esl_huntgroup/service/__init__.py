"""
The processes of the service, and what they tell of themselves.

``run`` prepares, ``supervisor`` keeps the ``worker_pool`` (each ``worker`` a ``process``) and the sidecars beside it;
``metrics`` and ``health_server`` tell. Begin with ``supervisor``.
"""
