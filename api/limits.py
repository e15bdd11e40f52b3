"""Every bound of the API, named once; those that a host decides are settings."""

from __future__ import annotations

from typing import Final

SOURCE_CHARACTERS_MAX: Final = 500_000
"""Length of a program that is sent here: what bounds the time and memory of compiling it."""

FILES_MAX: Final = 16
"""Data files of one program."""

FILE_CHARACTERS_MAX: Final = 4_000_000
"""Length of one data file."""

COMPILES_AT_ONCE_MAX: Final = 1
"""Programs that are compiled at once: the rest of the machine answers previews meanwhile."""

COMPILES_WAITING_MAX: Final = 8
"""Programs that wait to be compiled; more are answered 503."""

INLINE_KEPT: Final = 16
"""Inline programs that a process keeps compiled."""

BATCH_MAX: Final = 1_000
"""Previews of one request."""

BATCH_INLINE_MAX: Final = 4
"""Different inline programs of one batch of previews."""

JOB_PIECES_MAX: Final = 1_000_000
"""Customers times periods of one job."""

THREADS_MAX: Final = 12
"""Requests that wait for the store at once: fewer than the connections of its pool."""

WATCHERS_MAX: Final = 32
"""Jobs that are watched at once."""

WATCH_SECONDS_MAX: Final = 600
"""How long one request watches a job; then it asks again."""

BODIES_IN_WORK_MAX: Final = 4
"""Bodies of the largest size that are held at once: more bytes than that are answered 503."""

SWITCH_SECONDS: Final = 0.001
"""How long a thread computes before another one may: what a preview waits for while a program is compiled."""
