"""``python -m gensup``."""

from gensup.cli import main

if __name__ == "__main__":
    main()
