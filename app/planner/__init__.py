"""Planner: whether a draft pays on a server, what to set there, and what its log should show."""
