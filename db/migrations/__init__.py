"""
The versions of the database schema, one module each, applied in the order of their numbers.

A module is called ``mNNNN_name``. The first line of its docstring says what it brings, and ``statements(dialect)``
returns its SQL, in order, for ``sqlite``, ``postgresql`` or ``mariadb``. A published module is never changed again:
what comes later is a new module.

No statement contains a percent sign: two of the three drivers would take it for a placeholder.
"""
