"""What the page and the API show, read from the database."""
