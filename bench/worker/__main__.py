"""`python -m bench.worker`: a worker process. It speaks the protocol on its standard streams and is started by executors."""

import argparse

from bench.domain.procedure import StartMethod
from bench.worker import nursery


def main() -> None:
    """Serve requests until the standard input ends, or, as a spawned child, carry out the one request that is handed over."""
    parser = argparse.ArgumentParser(prog="python -m bench.worker", description=__doc__)
    parser.add_argument("--start-method", type=StartMethod, choices=list(StartMethod), default=StartMethod.NURSERY)
    parser.add_argument("--child", metavar="FD", type=int, help="carry out one request: the descriptor that ends with the nursery")
    arguments = parser.parse_args()
    if arguments.child is not None:
        nursery.serve_once(arguments.child)
    else:
        nursery.serve(arguments.start_method)


if __name__ == "__main__":
    main()
