"""The operator's command line. `main` knows every command; each command is a module of its own."""
