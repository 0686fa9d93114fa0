"""The front door: what this is, a replay that plays by itself, and where to go from here."""
