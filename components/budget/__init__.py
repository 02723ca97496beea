"""The Budget page: what must hold, the search while it goes on, its answers, the map of layers."""
