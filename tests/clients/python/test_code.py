"""What a user does with the official code interpreters, synchronous and asynchronous."""

import unittest
from datetime import timedelta

from code_interpreter import CodeInterpreter
from code_interpreter.sync.code_interpreter import CodeInterpreterSync
from opensandbox import Sandbox
from opensandbox.config import ConnectionConfig
from opensandbox.config.connection_sync import ConnectionConfigSync
from opensandbox.exceptions import SandboxApiException
from opensandbox.models.execd import ExecutionHandlers, RunCommandOpts
from opensandbox.models.execd_sync import ExecutionHandlersSync
from opensandbox.sync.sandbox import SandboxSync

from settings import LANGUAGES

IMAGE = "opensandbox/code-interpreter:v1.1.0"
ENTRYPOINT = ["/opt/code-interpreter/code-interpreter.sh"]
PROGRAMS = {
    "python": "print('hi')",
    "javascript": "console.log('hi')",
    "typescript": "const text: string = 'hi'; console.log(text)",
    "bash": "echo hi",
    "java": 'System.out.println("hi");',
    "go": 'package main\nimport "fmt"\nfunc main() { fmt.Println("hi") }',
}


def printed(execution):
    return "".join(message.text for message in execution.logs.stdout)


class Synchronous(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = SandboxSync.create(IMAGE, entrypoint=ENTRYPOINT, connection_config=ConnectionConfigSync())
        # Checks that something listens where Jupyter is expected.
        cls.interpreter = CodeInterpreterSync.create(cls.sandbox)
        cls.codes = cls.interpreter.codes

    @classmethod
    def tearDownClass(cls):
        cls.interpreter.close()
        cls.sandbox.kill()
        cls.sandbox.close()

    def test_healthy(self):
        self.assertTrue(self.interpreter.is_healthy())

    def test_languages(self):
        for language in LANGUAGES:
            with self.subTest(language):
                context = self.codes.create_context(language)
                execution = self.codes.run(PROGRAMS[language], context=context)
                self.assertIsNone(execution.error)
                self.assertEqual(printed(execution), "hi\n")

    def test_contexts(self):
        context = self.codes.create_context("python")
        self.codes.run("x = 41", context=context)
        self.assertEqual(self.codes.run("x + 1", context=context).result[0].text, "42")
        self.assertEqual(self.codes.get_context(context.id).language, "python")
        self.assertIn(context.id, [item.id for item in self.codes.list_contexts("python")])
        self.codes.delete_context(context.id)
        with self.assertRaises(SandboxApiException):
            self.codes.get_context(context.id)
        self.codes.run("y = 1", language="python")
        self.assertEqual(self.codes.run("y", language="python").result[0].text, "1")

    def test_error(self):
        execution = self.codes.run("1/0", language="python")
        self.assertEqual(execution.error.name, "ZeroDivisionError")
        self.assertTrue(execution.error.traceback)

    def test_interrupt(self):
        context = self.codes.create_context("python")
        ids = []
        handlers = ExecutionHandlersSync(
            on_init=lambda init: ids.append(init.id),
            on_stdout=lambda _message: self.codes.interrupt(ids[0]),
        )
        code = "import time\nprint('begun', flush=True)\ntime.sleep(300)"
        execution = self.codes.run(code, context=context, handlers=handlers)
        self.assertEqual(execution.error.name, "KeyboardInterrupt")
        self.assertEqual(self.codes.run("2", context=context).result[0].text, "2")


class Asynchronous(unittest.IsolatedAsyncioTestCase):
    async def test_a_program(self):
        sandbox = await Sandbox.create(IMAGE, entrypoint=ENTRYPOINT, connection_config=ConnectionConfig())
        async with sandbox:
            try:
                interpreter = await CodeInterpreter.create(sandbox)
                seen = []

                async def on_stdout(message):
                    seen.append(message.text)

                context = await interpreter.codes.create_context("python")
                code = "import sys\nfor n in range(3): print(n)\nn * 10"
                execution = await interpreter.codes.run(
                    code, context=context, handlers=ExecutionHandlers(on_stdout=on_stdout)
                )
                self.assertEqual("".join(seen), "0\n1\n2\n")
                self.assertEqual(execution.result[0].text, "20")

                await interpreter.files.write_file("/workspace/file", "content")
                options = RunCommandOpts(timeout=timedelta(seconds=30))
                execution = await interpreter.commands.run("cat /workspace/file", opts=options)
                self.assertEqual(execution.logs.stdout[0].text, "content")
                self.assertGreater((await sandbox.get_metrics()).cpu_count, 0)
            finally:
                await sandbox.kill()


if __name__ == "__main__":
    unittest.main()
