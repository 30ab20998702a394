"""Imports modules and says which of them fail: `python try_imports.py FOLDER '["pandas", "helper"]'`.

`creditbot check` runs it by its path with the Python of a notebook, which may have no creditbot. FOLDER is searched
first, as a notebook's own folder is. The last line of the output is a JSON object: module -> the error.
"""

import importlib
import json
import sys


def main() -> None:
    """Reads the arguments, imports, and prints."""
    folder, names = sys.argv[1:]
    sys.path[0] = folder  # in place of the folder of this file
    failed = {}
    for name in json.loads(names):
        try:
            importlib.import_module(name)
        except BaseException as error:  # noqa: BLE001  # a module may raise SystemExit
            failed[name] = f"{type(error).__name__}: {error}"
    print()
    print(json.dumps(failed))


if __name__ == "__main__":
    main()
