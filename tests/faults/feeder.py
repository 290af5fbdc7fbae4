"""A messaging system: tells events to an ingest endpoint over a few connections, each again until it has its answer.

    feeder.py HOST:PORT FOLDER

FOLDER has `ca.pem`, `client.pem` and `client.key`; what was answered with 200 is noted in its `answered`, a line each. SIGTERM: nothing new is begun.
"""

import base64
import http.client
import json
import signal
import ssl
import sys
import threading
import time
from pathlib import Path

CONNECTIONS = 8
OVER = threading.Event()


def event(name: str) -> str:
    """An event with a content by which it is known again."""
    data = base64.b64encode(f"EVENT-{name};".encode()).decode()
    party = {"qualifier": "terminating-party", "identity": {"msisdn": "+31612345678"}}
    return json.dumps({
        "id": name, "system": "vm-1", "time": "2026-11-22T10:15:00Z", "status": "operation-succeeded", "trigger": "user",
        "event": {"message": "deposit"}, "parties": [party], "contents": [{"type": "text/plain", "data": data}],
    })


def tell(address: str, folder: Path, of: int, answered) -> None:
    host, port = address.split(":")
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    context.check_hostname = False
    context.load_cert_chain(folder / "client.pem", folder / "client.key")
    connection, count = None, 0
    while not OVER.is_set():
        name = f"{of}-{count}"
        while True:
            try:
                connection = connection or http.client.HTTPSConnection(host, int(port), timeout=15, context=context)
                connection.request("POST", "/v1/events", event(name), {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    break
                if answer.status != 503:
                    sys.exit(f"{name}: {answer.status}")
            except (OSError, http.client.HTTPException):
                connection = None
            time.sleep(0.05)
        answered.write(name + "\n")
        answered.flush()
        count += 1
        time.sleep(0.005)


def main() -> None:
    address, folder = sys.argv[1], Path(sys.argv[2])
    signal.signal(signal.SIGTERM, lambda *_: OVER.set())
    with open(folder / "answered", "a", encoding="ascii") as answered:
        threads = [threading.Thread(target=tell, args=(address, folder, of, answered)) for of in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


main()
