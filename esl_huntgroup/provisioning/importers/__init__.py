"""Users and groups from elsewhere: a table, FreeSWITCH's directory, FusionPBX. Each makes a ``draft`` of documents."""
