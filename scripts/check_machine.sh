#!/bin/sh
# Checks that this machine has what trigml needs from the system: a C++ compiler and Python 3.11 to 3.13
# with venv. Prints what is missing and the command that installs it; with --python, prints the Python
# that fits. GHDL is optional: only the check of VHDL needs it.
set -u

python=""
for candidate in python3 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null 2>&1 &&
        "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
        python=$candidate
        break
    fi
done

if [ "${1:-}" = "--python" ]; then
    echo "$python"
    exit 0
fi

missing=""
if [ -z "$python" ]; then
    echo "trigml needs Python 3.11, 3.12 or 3.13; found: $(python3 --version 2>&1)" >&2
    missing="$missing python3 python3-venv"
elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "trigml needs Python's venv module; $python does not have it" >&2
    missing="$missing python3-venv"
fi
if ! command -v "${CXX:-g++}" >/dev/null 2>&1; then
    echo "trigml needs a C++ compiler to emulate HLS projects; ${CXX:-g++} was not found" >&2
    missing="$missing g++"
fi
if ! command -v ghdl >/dev/null 2>&1; then
    echo "optional: GHDL is not installed; RTL in VHDL is written, but not simulated (apt-get install ghdl)" >&2
fi
if [ -n "$missing" ]; then
    echo "install it, on Debian or Ubuntu, with:  sudo apt-get install$missing" >&2
    exit 2
fi
