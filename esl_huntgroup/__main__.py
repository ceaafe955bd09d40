"""``python -m esl_huntgroup``: the same as the command ``esl-huntgroup``."""

from esl_huntgroup.cli import main

if __name__ == "__main__":
    main()
