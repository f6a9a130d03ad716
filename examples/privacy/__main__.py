"""`python examples/privacy`: see README.md."""

from attacks.command import main

if __name__ == "__main__":
    main()
