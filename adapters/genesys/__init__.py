"""Genesys as the engine sees it: one package for each protocol."""
