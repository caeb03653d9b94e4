"""Hold orchestration for contact centres."""
