"""What nobody may do, as tables: each row names the risk, the request and what is answered."""
