"""
What ``check`` looks at, a module for each thing: the settings, database and groups, the spool, the service, the switch.

``switch`` asks a switch; what it answers is judged by pure modules: ``release``, ``offer``, ``switch_conf``,
``profiles`` and ``dialplan``. ``check``, beside this package, is the order in which all of it is looked at.
"""
