"""The contract's program, tests/reference.py, as a module: its name is that of this folder too."""
import importlib.util
import os

_PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "reference.py")
_SPEC = importlib.util.spec_from_file_location("contract", _PATH)
contract = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(contract)
