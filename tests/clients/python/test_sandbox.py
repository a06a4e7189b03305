"""What a user does with the official synchronous client, on the server that the environment names."""

import base64
import time
import unittest
import urllib.error
import urllib.request
from datetime import timedelta

from opensandbox.config.connection_sync import ConnectionConfigSync
from opensandbox.exceptions import SandboxApiException
from opensandbox.models.execd import RunCommandOpts
from opensandbox.models.filesystem import (
    ContentReplaceEntry,
    DirectoryListEntry,
    MoveEntry,
    SearchEntry,
    SetPermissionEntry,
    WriteEntry,
)
from opensandbox.models.sandboxes import (
    PVC,
    Host,
    NetworkPolicy,
    NetworkRule,
    PlatformSpec,
    SandboxFilter,
    SnapshotFilter,
    Volume,
)
from opensandbox._pool_store import InMemoryPoolStateStore
from opensandbox.pool_types import PoolCreationSpec
from opensandbox.sync.manager import SandboxManagerSync
from opensandbox.sync.pool import SandboxPoolSync
from opensandbox.sync.sandbox import SandboxSync

from settings import HOST_FOLDER

IMAGE = "opensandbox/code-interpreter:v1.1.0"


def connection(**options):
    return ConnectionConfigSync(**options)


def text(execution):
    return "\n".join(message.text for message in execution.logs.stdout)


def wait_for(look):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("the condition did not come true")


class WithSandbox(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = SandboxSync.create(
            IMAGE, env={"GREETING": "hello"}, metadata={"team": "tests"}, connection_config=connection()
        )

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.kill()
        cls.sandbox.close()

    def run_command(self, command, **options):
        return self.sandbox.commands.run(command, opts=RunCommandOpts(**options))


class Lifecycle(WithSandbox):
    def test_info_metadata_and_list(self):
        info = self.sandbox.get_info()
        self.assertEqual(info.status.state, "Running")
        self.assertEqual(info.metadata, {"team": "tests"})
        self.sandbox.patch_metadata({"team": None, "stage": "a-b-c"})
        self.assertEqual(self.sandbox.get_info().metadata, {"stage": "a-b-c"})
        manager = SandboxManagerSync.create(connection())
        found = manager.list_sandbox_infos(SandboxFilter(metadata={"stage": "a-b-c"}, states=["Running"]))
        self.assertEqual([item.id for item in found.sandbox_infos], [self.sandbox.id])

    def test_renew(self):
        before = self.sandbox.get_info().expires_at
        self.assertGreater(self.sandbox.renew(timedelta(minutes=30)).expires_at, before)

    def test_pause_and_resume(self):
        self.sandbox.pause()
        self.assertEqual(self.sandbox.get_info().status.state, "Paused")
        resumed = SandboxSync.resume(self.sandbox.id, connection())
        self.assertEqual(text(resumed.commands.run("echo again")), "again")
        resumed.close()

    def test_connect_through_the_proxy_of_the_server(self):
        connected = SandboxSync.connect(self.sandbox.id, connection(use_server_proxy=True))
        self.assertTrue(connected.is_healthy())
        self.assertEqual(text(connected.commands.run("echo $GREETING")), "hello")
        connected.close()

    def test_endpoint_of_a_server_in_the_sandbox(self):
        self.run_command("cd /usr/share && python3 -m http.server 8123", background=True)
        endpoint = self.sandbox.get_endpoint(8123)

        def get():
            request = urllib.request.Request(f"http://{endpoint.endpoint}/", headers=endpoint.headers or {})
            try:
                return urllib.request.urlopen(request).status == 200
            except urllib.error.HTTPError:
                return False

        wait_for(get)

    def test_metrics(self):
        metrics = self.sandbox.get_metrics()
        self.assertGreater(metrics.cpu_count, 0)
        self.assertGreater(metrics.memory_total_in_mib, 0)

    def test_snapshot(self):
        manager = SandboxManagerSync.create(connection())
        self.sandbox.files.write_file("/workspace/kept", "content")
        snapshot = self.sandbox.create_snapshot("first")
        wait_for(lambda: manager.get_snapshot(snapshot.id).status.state == "Ready")
        listed = manager.list_snapshots(SnapshotFilter(sandbox_id=self.sandbox.id))
        self.assertIn(snapshot.id, [item.id for item in listed.snapshot_infos])
        copy = SandboxSync.create(snapshot_id=snapshot.id, connection_config=connection())
        self.assertEqual(copy.files.read_file("/workspace/kept"), "content")
        copy.kill()
        manager.delete_snapshot(snapshot.id)
        with self.assertRaises(SandboxApiException):
            manager.get_snapshot(snapshot.id)

    def test_options(self):
        sandbox = SandboxSync.create(
            "python:3.11",
            resource={"cpu": "500m", "memory": "512Mi"},
            platform=PlatformSpec(os="linux", arch="amd64"),
            timeout=None,
            extensions={"opensandbox.extensions.owner": "tests"},
            connection_config=connection(),
        )
        info = sandbox.get_info()
        self.assertIsNone(info.expires_at)
        self.assertEqual(info.platform.os, "linux")
        self.assertEqual(info.extensions, {"opensandbox.extensions.owner": "tests"})
        sandbox.kill()

    def test_pool_of_the_client(self):
        pool = SandboxPoolSync(
            pool_name="tests",
            max_idle=1,
            state_store=InMemoryPoolStateStore(),
            connection_config=connection(),
            creation_spec=PoolCreationSpec(image=IMAGE),
        )
        pool.start()
        try:
            wait_for(lambda: pool.snapshot().idle_count == 1)
            sandbox = pool.acquire()
            self.assertEqual(text(sandbox.commands.run("echo pooled")), "pooled")
            sandbox.kill()
            pool.release_all_idle()
        finally:
            pool.shutdown()


class Commands(WithSandbox):
    def test_foreground(self):
        execution = self.run_command("echo out; echo err >&2; exit 3")
        self.assertEqual(text(execution), "out")
        self.assertEqual(execution.logs.stderr[0].text, "err")
        self.assertEqual(execution.exit_code, 3)

    def test_list_of_arguments(self):
        self.assertEqual(text(self.sandbox.commands.run(["printf", "%s|", "a b", "$HOME"])), "a b|$HOME|")

    def test_options(self):
        options = {"working_directory": "$PLACE", "envs": {"PLACE": "/tmp"}, "uid": 1000, "gid": 1000}
        self.assertEqual(text(self.run_command("pwd; id -u", **options)), "/tmp\n1000")
        self.assertIsNotNone(self.run_command("sleep 60", timeout=timedelta(milliseconds=100)).error)

    def test_background(self):
        started = self.run_command("echo one; until [ -e /tmp/go ]; do sleep 0.02; done; echo two", background=True)
        commands = self.sandbox.commands
        self.assertTrue(commands.get_command_status(started.id).running)
        self.sandbox.files.write_file("/tmp/go", "")
        wait_for(lambda: not commands.get_command_status(started.id).running)
        first = commands.get_background_command_logs(started.id)
        self.assertEqual(first.content, "one\ntwo\n")
        rest = commands.get_background_command_logs(started.id, cursor=first.cursor)
        self.assertEqual(rest.content, "")
        self.assertEqual(commands.get_command_status(started.id).exit_code, 0)

    def test_interrupt(self):
        started = self.run_command("sleep 300", background=True)
        self.sandbox.commands.interrupt(started.id)
        wait_for(lambda: not self.sandbox.commands.get_command_status(started.id).running)

    def test_environment_that_stays(self):
        for value in ["plain", "it's $HOME", 'a "b"\n\tc\\', "$HOME"]:
            self.sandbox.commands.set_env("STAYS", value)
            printed = text(self.run_command("printf '%s' \"$STAYS\" | base64 -w0"))
            decoded = base64.b64decode(printed).decode()
            expected = value.replace("$HOME", "/workspace") if "'" in value else value
            self.assertEqual(decoded, expected)

    def test_session(self):
        commands = self.sandbox.commands
        session = commands.create_session(working_directory="/tmp")
        commands.run_in_session(session, "export KEPT=5; cd /")
        self.assertEqual(text(commands.run_in_session(session, "echo $KEPT; pwd")), "5\n/")
        commands.delete_session(session)
        with self.assertRaises(SandboxApiException):
            commands.run_in_session(session, "true")


class Files(WithSandbox):
    def test_everything(self):
        files = self.sandbox.files
        binary = bytes(range(256)) * 1000
        files.create_directories([WriteEntry(path="/workspace/d/sub", mode=750)])
        files.write_files(
            [
                WriteEntry(path="/workspace/d/text", data="héllo\nworld\n", mode=640),
                WriteEntry(path="/workspace/d/binary", data=binary, owner="sandbox", group="sandbox"),
            ]
        )
        self.assertEqual(files.read_file("/workspace/d/text"), "héllo\nworld\n")
        self.assertEqual(files.read_file("/workspace/d/text", offset=2, limit=1).strip(), "world")
        self.assertEqual(files.read_bytes("/workspace/d/binary"), binary)
        self.assertEqual(b"".join(files.read_bytes_stream("/workspace/d/binary", chunk_size=1000)), binary)
        self.assertEqual(files.read_bytes("/workspace/d/binary", range_header="bytes=1-3"), b"\1\2\3")
        information = files.get_file_info(["/workspace/d/text"])["/workspace/d/text"]
        self.assertEqual((information.mode, information.size), (640, 13))
        files.set_permissions([SetPermissionEntry(path="/workspace/d/text", mode=600)])
        self.assertEqual(files.get_file_info(["/workspace/d/text"])["/workspace/d/text"].mode, 600)
        change = ContentReplaceEntry(path="/workspace/d/text", old_content="world", new_content="moon")
        self.assertEqual(files.replace_contents_detailed([change])[0].replaced_count, 1)
        files.move_files([MoveEntry(src="/workspace/d/text", dest="/workspace/d/moved.txt")])
        self.assertEqual(files.read_file("/workspace/d/moved.txt"), "héllo\nmoon\n")
        found = files.search(SearchEntry(path="/workspace/d", pattern="*.txt"))
        self.assertEqual([entry.path for entry in found], ["/workspace/d/moved.txt"])
        listed = files.list_directory(DirectoryListEntry(path="/workspace/d", depth=1))
        kinds = {entry.path: entry.entry_type for entry in listed}
        self.assertEqual(kinds["/workspace/d/sub"], "directory")
        self.assertEqual(len(kinds), 3)
        files.delete_files(["/workspace/d/moved.txt"])
        files.delete_directories(["/workspace/d"])
        with self.assertRaises(SandboxApiException) as missing:
            files.read_file("/workspace/d/moved.txt")
        self.assertEqual(missing.exception.status_code, 404)

    def test_as_a_user(self):
        files = self.sandbox.files_with_identity(1000, 1000)
        files.write_file("/workspace/own", "mine", mode=644)
        self.assertEqual(files.read_file("/workspace/own"), "mine")
        self.assertEqual(files.get_file_info(["/workspace/own"])["/workspace/own"].owner, "sandbox")
        with self.assertRaises(SandboxApiException) as refused:
            self.sandbox.files_with_identity(0, 0).write_file("/workspace/other", "")
        self.assertEqual(refused.exception.status_code, 403)


class Network(unittest.TestCase):
    def test_policy(self):
        rule = NetworkRule(action="allow", target="example.com")
        policy = NetworkPolicy(default_action="deny", egress=[rule])
        sandbox = SandboxSync.create("python:3.11", network_policy=policy, connection_config=connection())
        try:
            self.assertEqual(sandbox.get_egress_policy().default_action, "deny")
            sandbox.patch_egress_rules([NetworkRule(action="allow", target="example.org")])
            targets = {item.target for item in sandbox.get_egress_policy().egress}
            self.assertEqual(targets, {"example.com", "example.org"})
        finally:
            sandbox.kill()


class Volumes(unittest.TestCase):
    def create(self, *volumes):
        sandbox = SandboxSync.create("python:3.11", volumes=list(volumes), connection_config=connection())
        self.addCleanup(sandbox.close)
        self.addCleanup(sandbox.kill)
        return sandbox

    def test_host(self):
        folder = Host(path=HOST_FOLDER)
        writer = self.create(Volume(name="v", host=folder, mount_path="/mnt/v", sub_path="sub"))
        reader = self.create(Volume(name="v", host=folder, mount_path="/mnt/v", read_only=True))
        writer.files.write_file("/mnt/v/file", "shared")
        self.assertEqual(reader.files.read_file("/mnt/v/sub/file"), "shared")
        with open(f"{HOST_FOLDER}/sub/file") as file:
            self.assertEqual(file.read(), "shared")
        with self.assertRaises(SandboxApiException):
            reader.files.write_file("/mnt/v/file", "")

    def test_host_that_is_not_allowed(self):
        with self.assertRaisesRegex(SandboxApiException, "VOLUME::HOST_PATH_NOT_ALLOWED"):
            self.create(Volume(name="v", host=Host(path="/etc"), mount_path="/mnt/v"))

    def test_named(self):
        volume = Volume(name="v", pvc=PVC(claim_name="tests"), mount_path="/mnt/v")
        first = SandboxSync.create("python:3.11", volumes=[volume], connection_config=connection())
        first.files.write_file("/mnt/v/file", "outlives")
        first.kill()
        self.assertEqual(self.create(volume).files.read_file("/mnt/v/file"), "outlives")


if __name__ == "__main__":
    unittest.main()
