"""Genesys Cloud's public platform, as the engine sees it."""
