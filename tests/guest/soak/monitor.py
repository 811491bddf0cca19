"""QEMU's monitor, for the tests that are run by hand."""

import json
import socket
import time


class Monitor:
    """QEMU's QMP over a socket."""

    def __init__(self, path, process):
        deadline = time.time() + 30
        while True:
            self.socket = socket.socket(socket.AF_UNIX)
            try:
                self.socket.connect(path)
                break
            except OSError:
                self.socket.close()
                if time.time() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.05)
        self.socket.settimeout(120)
        self.stream = self.socket.makefile("rw")
        self.stream.readline()
        self.execute("qmp_capabilities")

    def execute(self, command, **arguments):
        self.stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.stream.flush()
        while True:
            line = self.stream.readline()
            if not line:
                raise RuntimeError(f"QEMU is gone during {command}")
            answer = json.loads(line)
            if "error" in answer:
                raise RuntimeError(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
