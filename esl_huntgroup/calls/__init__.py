"""
One group call, from the switch's connection to its end.

``handler`` takes a connection, ``inbound_call`` reads who calls, ``controller`` carries messages; **``hunt`` decides**,
one of ``hunt_messages`` at a time. ``ring_plan`` says who rings, ``ring_strategy`` in which rounds, and ``dialstring``
writes it; ``esl_commands`` is what is said to the switch, ``esl_events`` what its events mean. Begin with ``hunt``.
"""
