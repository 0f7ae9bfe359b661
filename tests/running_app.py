"""The server in a process of its own, with any page, for tests of what it sends."""

import os
import re
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect


class Running:
    """A server in a process of its own."""

    def __init__(self, process, log):
        self.process = process
        self.log_file = log
        self.lines = []

    def read_until_ready(self, address=r"ready at http://([^/\s]+)(\S*)"):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if found := re.search(address, line):
                self.host, self.path = found.groups()
                return
        raise AssertionError(f"the server ended: {self.lines}\n{self.log}")

    @property
    def log(self):
        return self.log_file.read_text()

    def get(self, path, **headers):
        request = urllib.request.Request(f"http://{self.host}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def connect(self, origin=None):
        return connect(
            f"ws://{self.host}{self.path}/_stcore/stream",
            origin=origin or f"http://{self.host}",
            subprotocols=["streamlit"],
            max_size=None,
        )

    def visit(self, query=""):
        """What one visitor of the page receives, from opening it to the end of the script."""
        with self.connect() as connection:
            hello = BackMsg()
            hello.rerun_script.query_string = query
            connection.send(hello.SerializeToString())
            messages = []
            while not messages or messages[-1].WhichOneof("type") != "script_finished":
                messages.append(ForwardMsg.FromString(connection.recv(timeout=30)))
            return messages


@contextmanager
def running(tmp_path, page="", *, arguments="", before="", environment=None, cwd=None, ready=True):
    """Starts `serve` on a free loopback port with a page of its own; stops it at the end."""
    script = tmp_path / "page.py"
    script.write_text(textwrap.dedent(page))
    program = f"""
from pathlib import Path
from app.server.launch import serve
from cbam_core.errors import CheckpointError
def warm_up():
    print("warming up", flush=True)
{before}
serve(port=0, script=Path({str(script)!r}), warm_up=warm_up, {arguments})
"""
    log = tmp_path / "log"
    root = Path(__file__).resolve().parents[1]
    environment = {**os.environ, "PYTHONPATH": str(root), **(environment or {})}
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=cwd or tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        server = Running(process, log)
        try:
            if ready:
                server.read_until_ready()
            yield server
        finally:
            process.terminate()
            process.wait(20)


def texts(messages):
    return [m.delta.new_element.text.body for m in messages if m.delta.new_element.HasField("text")]


def alerts(messages):
    return [m.delta.new_element.alert.body for m in messages if m.delta.new_element.HasField("alert")]
