import { expect, test } from "@jest/globals";
import { plainText, userTraceback } from "../../src/agents/traceback.js";

const RED = "\u001b[0;31m";
const OFF = "\u001b[0m";

test("keeps the user's frames of an IPython traceback, without colours and separators", () => {
  const traceback = [
    `${RED}${"-".repeat(75)}${OFF}`,
    `${RED}JSONDecodeError${OFF}      Traceback (most recent call last)`,
    `Cell ${RED}In[2], line 3${OFF}\n      2 x = 1\n${RED}----> 3 ${OFF}json.loads('{')\n`,
    `File ${RED}/usr/lib/python3.11/json/__init__.py:346${OFF}, in loads(s)\n    345 a\n${RED}--> 346 ${OFF}    return b\n`,
    `File ${RED}/usr/lib/python3.11/json/decoder.py:337${OFF}, in decode(s)\n${RED}--> 337 ${OFF}    c\n`,
    `${RED}JSONDecodeError${OFF}: Expecting value`,
  ];
  expect(userTraceback(traceback).split("\n")).toEqual([
    "JSONDecodeError      Traceback (most recent call last)",
    "Cell In[2], line 3",
    "      2 x = 1",
    "----> 3 json.loads('{')",
    "",
    "    [2 library frames]",
    "JSONDecodeError: Expecting value",
  ]);
});

test("keeps the user's frames of a plain Python traceback", () => {
  const traceback = [
    "Traceback (most recent call last):",
    '  File "<cell-1>", line 2, in <module>',
    "    json.loads('{')",
    '  File "/usr/lib/python3.11/json/decoder.py", line 337, in decode',
    "    obj, end = self.raw_decode(s)",
    "ValueError: bad",
  ];
  expect(userTraceback(traceback).split("\n")).toEqual([
    "Traceback (most recent call last):",
    '  File "<cell-1>", line 2, in <module>',
    "    json.loads('{')",
    "    [1 library frame]",
    "ValueError: bad",
  ]);
});

test("keeps the user's frames of a JavaScript stack", () => {
  const traceback = [
    "Error: no",
    "    at f (<cell-1>:1:7)",
    "    at node:internal/process/task_queues:95:5",
    "    at Object.run (/workspace/node_modules/lib/index.js:3:1)",
  ];
  expect(userTraceback(traceback).split("\n")).toEqual([
    "Error: no",
    "    at f (<cell-1>:1:7)",
    "    [2 library frames]",
  ]);
});

test("keeps the last frame if none is the user's", () => {
  const traceback = [
    '  File "/usr/lib/python3.11/a.py", line 1',
    "    a()",
    '  File "/usr/lib/python3.11/b.py", line 2',
    "    b()",
    "E: x",
  ];
  expect(userTraceback(traceback)).toBe(
    '[1 library frame]\n  File "/usr/lib/python3.11/b.py", line 2\n    b()\nE: x',
  );
});

test("shows of a progress bar its last state", () => {
  expect(plainText("10%\r50%\r100%\ndone\r\n")).toBe("100%\ndone\n");
});
