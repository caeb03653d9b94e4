"""The demo: the main job against the embedded simulator while things go wrong, and proof of it."""

from hookflash.adapters.demo.running import run_demo as run_demo
