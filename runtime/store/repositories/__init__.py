"""The queries, a module for each thing that is kept. A tenant comes first in every call, and none crosses tenants."""
