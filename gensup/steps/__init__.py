"""What gensup does, a module a command: the only room that knows all others."""
