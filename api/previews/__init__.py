"""Previews: what usage costs, before anything is kept."""
