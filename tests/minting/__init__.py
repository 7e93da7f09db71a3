"""Tokens minted at vendors' APIs."""
