"""
What the page and the API show, read from the database.

``rights`` says what somebody may see, ``filters`` reads what is asked for, ``journal`` has the pages (``own_page``,
``group_page``), ``details`` one call, ``statistics`` the figures of a group; ``rows`` are what they return, and
``present`` says how that is shown to people. Begin to read in ``journal``.
"""
