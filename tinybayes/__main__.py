"""``python -m tinybayes`` is the ``tinybayes`` command."""

from tinybayes.cli import main

if __name__ == "__main__":
    main()
