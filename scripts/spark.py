"""Start a standalone Spark master, two workers and a Connect server on free loopback ports, run the conformance suite
against them, and end them by their process ids.

    scripts/spark.sh                       the whole conformance suite
    scripts/spark.sh tests/engine -k olist what pytest is told
    scripts/spark.sh --serve               only the servers, until Ctrl+C; for regard run --engine sc://...
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pyspark

HOME = Path(pyspark.__path__[0])
PATIENCE_S = 300.0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes], what: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if process.poll() is not None:
            sys.exit(f"{what} ended at once with code {process.returncode}.")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    sys.exit(f"{what} did not answer on port {port} within {PATIENCE_S:.0f} s.")


def main(arguments: Sequence[str]) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that the servers end with it
    logs = Path(tempfile.mkdtemp(prefix="regard-spark-"))
    env = os.environ | {"SPARK_HOME": str(HOME), "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str, *command: str) -> subprocess.Popen[bytes]:
        with (logs / f"{name}.log").open("wb") as log:
            started.append(subprocess.Popen(command, env=env, cwd=logs, stdout=log, stderr=subprocess.STDOUT))
        return started[-1]

    script = str(HOME / "bin" / "spark-class")
    master_port, connect_port = free_port(), free_port()
    address = f"spark://127.0.0.1:{master_port}"
    try:
        master = start("master", script, "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port",
                       str(master_port), "--webui-port", str(free_port()))  # fmt: skip
        wait_for(master_port, master, "The Spark master")
        for number in (1, 2):
            start(f"worker-{number}", script, "org.apache.spark.deploy.worker.Worker", "--host", "127.0.0.1",
                  "--cores", "1", "--memory", "2g", "--webui-port", str(free_port()),
                  "--work-dir", str(logs / f"work-{number}"), address)  # fmt: skip
        server = start("connect", str(HOME / "bin" / "spark-submit"), "--master", address,
                       "--class", "org.apache.spark.sql.connect.service.SparkConnectServer",
                       "--conf", f"spark.connect.grpc.binding.port={connect_port}",
                       "--conf", "spark.connect.grpc.binding.address=127.0.0.1",
                       "--conf", "spark.driver.host=127.0.0.1", "--conf", "spark.executor.memory=1500m",
                       "--conf", "spark.sql.shuffle.partitions=4", "--conf", "spark.ui.enabled=false",
                       "spark-internal")  # fmt: skip
        wait_for(connect_port, server, "The Spark Connect server")
        there = f"sc://127.0.0.1:{connect_port}"
        if list(arguments) == ["--serve"]:
            print(f"regard run --engine {there}", flush=True)
            return server.wait()
        command = [sys.executable, "-m", "pytest", "-m", "conformance", *(arguments or ["tests"])]
        return subprocess.run(command, env=env | {"REGARD_SPARK": there}, check=False).returncode
    except KeyboardInterrupt:
        return 0
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait(timeout=30)
        print(f"Logs of the servers: {logs}")


if __name__ == "__main__":
    assert shutil.which("java"), "Apache Spark needs Java 17."
    sys.exit(main(sys.argv[1:]))
