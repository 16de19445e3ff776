"""Networks of the published systems, as plain torch modules: what is trained, and by what, stands elsewhere."""
