"""Gives birth to execution environments: a process that has imported the third-party packages forks for each of them.

A fork starts in 20 ms what takes a fresh Python 300 ms, so a burst does not begin with a queue of imports. Our own modules
and the handler are imported after the fork, so nothing of a connection, a client or a setting is ever shared.

Started by `nursery` as ``python -m ringback_local.nursery_process FD``: over that socket comes one request a packet, with two pipes.
"""

import importlib
import json
import os
import signal
import socket
import sys

from ringback_local import handler_process

PRELOADED = (
    "aws_lambda_powertools",
    "boto3",
    "exotelpy",
    "phonenumbers",
    "pynamodb.models",
    "pynamodb.transactions",
    "requests",
)


def main() -> None:
    orders = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system buries our children
    for module in PRELOADED:
        importlib.import_module(module)
    while True:
        packet, pipes, _, _ = socket.recv_fds(orders, 1 << 16, 2)
        if not packet:
            return
        pid = os.fork()
        if pid == 0:
            orders.close()
            become(json.loads(packet), *pipes)
            os._exit(0)
        for pipe in pipes:
            os.close(pipe)
        orders.send(str(pid).encode())


def become(order: dict[str, object], stdin: int, stdout: int) -> None:
    """Turn this process into an environment: its pipes, its variables, its folder; then serve until the parent goes."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for pipe, number in ((stdin, 0), (stdout, 1)):
        os.dup2(pipe, number)
        os.close(pipe)
    environment = order["environment"]
    assert isinstance(environment, dict)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(str(order["folder"]))
    sys.path[:0] = environment["PYTHONPATH"].split(os.pathsep)
    handler_process.main(str(order["handler"]))


if __name__ == "__main__":
    main()
