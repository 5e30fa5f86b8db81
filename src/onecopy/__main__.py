"""Lets `python -m onecopy` be the command `onecopy`."""

from onecopy.cli.main import main

if __name__ == "__main__":
    main()
