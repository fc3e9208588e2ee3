"""Audit: what went wrong in this history."""
