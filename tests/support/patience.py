# SPDX-License-Identifier: MIT
"""How long a Python test waits before it gives up: bounds that an environment may stretch (patience.h is for C)."""
import os


def seconds(bound):
    """The bound in seconds, multiplied by PATIENCE_FACTOR of the environment, which an emulated machine sets."""
    return bound * int(os.environ.get("PATIENCE_FACTOR", 1))
