"""Topologies: what the branches are for. Knows no git."""
