"""Training of networks: steps that a killed run continues, on as many processes as there are."""
