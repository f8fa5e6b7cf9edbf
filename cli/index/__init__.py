"""``intrex index``: one file for each kind of index."""
