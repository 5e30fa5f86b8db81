"""Runs the command `onecopy` for `python -m onecopy`."""

from onecopy.cli.main import main

if __name__ == "__main__":
    main()
