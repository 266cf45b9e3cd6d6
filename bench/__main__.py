"""The command line as `python -m bench`: of a checkout that is not installed, or of the interpreter that is named."""

from bench.cli import main

if __name__ == "__main__":
    main()
