"""Who asks: passwords, sessions, tokens, and those who sign people in for us."""
