"""What a user does with the official command, `osb`."""

import json
import os
import tempfile
import time
import unittest

from click.testing import CliRunner
from opensandbox_cli.main import cli

from settings import HOST_FOLDER


def osb(*arguments, status=0):
    """Runs the command, in this process since its imports take seconds. Returns its output, read as JSON if it is."""
    ended = CliRunner().invoke(cli, ["--no-color", *arguments])
    if ended.exit_code != status:
        raise AssertionError(f"osb {arguments}: {ended.exit_code}\n{ended.output}")
    try:
        return json.loads(ended.stdout)
    except ValueError:
        return ended.stdout


class Command(unittest.TestCase):
    def test_a_day_with_it(self):
        request = {
            "image": {"uri": "python:3.11"},
            "entrypoint": ["tail", "-f", "/dev/null"],
            "resourceLimits": {"cpu": "1"},
            "timeout": 600,
            "metadata": {"from": "cli"},
            "volumes": [{"name": "v", "host": {"path": HOST_FOLDER}, "mountPath": "/mnt/v"}],
        }
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(request, file)
            file.flush()
            sandbox = osb("sandbox", "create", "-f", file.name, "-o", "json")["id"]
        try:
            self.use(sandbox)
        finally:
            osb("sandbox", "kill", sandbox)
        osb("sandbox", "get", sandbox, status=1)

    def use(self, sandbox):
        self.assertIn(sandbox, json.dumps(osb("sandbox", "list", "-m", "from=cli", "-o", "json")))
        osb("sandbox", "renew", sandbox, "-t", "20m")

        self.assertIn("hello", osb("command", "run", sandbox, "-o", "raw", "--", "echo", "hello"))
        started = osb("command", "run", sandbox, "-d", "-o", "json", "--", "echo", "behind")["execution_id"]
        while osb("command", "status", sandbox, started, "-o", "json")["running"]:
            time.sleep(0.05)
        self.assertIn("behind", str(osb("command", "logs", sandbox, started)))

        osb("file", "write", sandbox, "/workspace/file", "-c", "one")
        osb("file", "replace", sandbox, "/workspace/file", "--old", "one", "--new", "two")
        self.assertIn("file", json.dumps(osb("file", "search", sandbox, "/workspace", "-p", "fi*", "-o", "json")))
        with tempfile.TemporaryDirectory() as folder:
            local = os.path.join(folder, "local")
            osb("file", "download", sandbox, "/workspace/file", local)
            osb("file", "upload", sandbox, local, "/mnt/v/uploaded")
        with open(os.path.join(HOST_FOLDER, "uploaded")) as file:
            self.assertEqual(file.read(), "two")

        osb("sandbox", "pause", sandbox)
        osb("sandbox", "resume", sandbox)
        snapshot = osb("snapshot", "create", sandbox, "--name", "s", "-o", "json")["id"]
        # A snapshot that is being taken cannot be deleted.
        while osb("snapshot", "get", snapshot, "-o", "json")["status"]["state"] == "Creating":
            time.sleep(0.05)
        osb("snapshot", "delete", snapshot)
        self.assertIn("Running", str(osb("devops", "summary", sandbox)))


if __name__ == "__main__":
    unittest.main()
