"""Usage: what is stored, as a contract would be priced by it."""
