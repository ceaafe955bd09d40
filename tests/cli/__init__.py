"""The commands as programs of their own: who runs them, where they write, and what a terminal shows of them."""
