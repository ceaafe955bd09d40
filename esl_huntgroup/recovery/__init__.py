"""
Calls whose service died: what the switch knows of them completes the journal.

``reconciler`` is a process that asks a switch, ``channel_state`` (PURE) says what the journal lacks, ``open_calls``
finds the rows without an end and completes them.
"""
