"""What happens in the library, into Python's logging."""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Callable
from typing import Union

from . import _abi
from ._library import check, library, text

_LEVELS = {
    _abi.LT_LOG_DEBUG: logging.DEBUG,
    _abi.LT_LOG_INFO: logging.INFO,
    _abi.LT_LOG_WARNING: logging.WARNING,
}

_lock = threading.Lock()
#: Every function that the library was given: a call on its way may still use one that was replaced.
_kept: list[object] = []


def set_log(
    target: Union[logging.Logger, Callable[[int, str], None], None] = logging.getLogger("longtail"),
    level: int = logging.INFO,
) -> None:
    """Hears of what happens in the library: models loaded, images that could not be read.

    Args:
        target: a logger, a function of (level of Python's logging, message), or None for silence, which is how it
            begins. It is called in the thread in which something happens and must not call this package.
        level: the least that is told; the logger's own level counts too.
    """
    if target is None:
        function = _abi.lt_log_function()
    else:

        def heard(_context: object, kind: int, message: bytes) -> None:
            own = _LEVELS.get(kind, logging.INFO)
            if own < level:
                return
            if isinstance(target, logging.Logger):
                target.log(own, "%s", text(message))
            else:
                target(own, text(message))

        function = _abi.lt_log_function(heard)
    least = min((own for own, python in _LEVELS.items() if python >= level), default=_abi.LT_LOG_WARNING)
    with _lock:
        check(library().lt_set_log(function, None, least))
        if target is not None:
            if not _kept:
                # A thread of the library's must not call into an interpreter that has ended.
                atexit.register(set_log, None)
            _kept.append(function)
