"""Plugins: what this server was started with."""
