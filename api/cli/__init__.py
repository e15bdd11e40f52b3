"""The commands of the server, added to `pricing` through the hook that any plugin uses: `serve` and `keys`."""
