"""Networks that frontends are made of. Importing one loads torch, so they are imported where one is needed."""
