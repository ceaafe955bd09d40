"""
The API for programs, ``/api/v1``.

``routes`` has the addresses, ``schemas`` what goes in and out, ``operations`` how an address is described, ``openapi``
the document made of that, ``reader`` its page for people, ``responses`` what all answers share. Begin to read in
``routes``.
"""
