"""Everything on one machine, without Docker: the servers, and all processes under a supervisor."""
