"""Events: usage in, one batch a request."""
