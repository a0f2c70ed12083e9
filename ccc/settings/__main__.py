"""`python -m ccc.settings`: write the configuration's schema and the table of its keys.

Both lie in the checkout that this module is part of. `make settings` does the same.
"""

from ccc.settings.documents import write

if __name__ == "__main__":
    for path in write():
        print(path)
