"""`python -m semrouter_extproc` is the command `semrouter`."""

from semrouter_extproc.cli.app import main

if __name__ == "__main__":
    main()
