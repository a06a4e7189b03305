/** The numbers of calls, by the kernel's name for an architecture. */
interface Calls {
  readonly architecture: number;
  readonly socket: number;
  readonly ptrace: number;
  readonly processVmWritev: number;
  /** The first of `add_key`, `request_key` and `keyctl`, which follow each other. */
  readonly addKey: number;
  /** The old way to `socket` of 32-bit x86, whose arguments a filter cannot see. */
  readonly socketcall?: number;
}

const ARM64 = { socket: 198, ptrace: 117, processVmWritev: 271, addKey: 217 };
const ARCHITECTURES: readonly Calls[] = [
  { architecture: 0xc000003e, socket: 41, ptrace: 101, processVmWritev: 311, addKey: 248 }, // x86-64
  { architecture: 0x40000003, socket: 359, ptrace: 26, processVmWritev: 348, addKey: 286, socketcall: 102 }, // x86
  { architecture: 0xc00000b7, ...ARM64 },
  { architecture: 0x40000028, socket: 281, ptrace: 26, processVmWritev: 377, addKey: 309 }, // 32-bit ARM
  { architecture: 0xc00000f3, ...ARM64 }, // 64-bit RISC-V
];
/** It makes sockets that no filter sees. Its number is the same everywhere. */
const IO_URING_SETUP = 425;
/** From here on numbers are those of x32, an interface of x86-64 that hardly a kernel has. */
const X32 = 0x40000000;
const AF_VSOCK = 40;
/** The first process of a box, whose death is the end of the box. */
const FIRST_PROCESS = 1;

// Instructions of the kernel's filter programs, what they load of a call, and what becomes of it: EPERM, or nothing.
const [LOAD, IF_EQUAL, IF_AT_LEAST, RETURN] = [0x20, 0x15, 0x35, 0x06];
const [NUMBER, ARCHITECTURE, ARGUMENTS] = [0, 4, 16];
const [REFUSE, ALLOW] = [0x00050001, 0x7fff0000];

/**
 * A seccomp program that refuses the calls for what no namespace separates: the kernel's keyrings, as a box inherits that
 * of the session in which the server was started, with the passwords and tickets that are in it; and the sockets between
 * a virtual machine and its host. Nor may code take over the first process of its box, which would then outlive the
 * server.
 */
export function syscallFilter(): Buffer {
  return Buffer.concat([...ARCHITECTURES.map(rulesFor), instruction(RETURN, ALLOW)]);
}

function rulesFor({ architecture, socket, ptrace, processVmWritev, addKey, socketcall }: Calls): Buffer {
  const calls = [addKey, addKey + 1, addKey + 2, IO_URING_SETUP, socketcall ?? []].flat();
  const rules = Buffer.concat([
    refuse(IF_AT_LEAST, X32),
    ...calls.map((call) => refuse(IF_EQUAL, call)),
    refuse(IF_EQUAL, socket, { argument: 0, is: AF_VSOCK }),
    refuse(IF_EQUAL, ptrace, { argument: 1, is: FIRST_PROCESS }),
    refuse(IF_EQUAL, processVmWritev, { argument: 0, is: FIRST_PROCESS }),
  ]);
  const others = instruction(IF_EQUAL, architecture, rules.length / INSTRUCTION_BYTES);
  return Buffer.concat([instruction(LOAD, ARCHITECTURE), others, rules]);
}

interface Condition {
  readonly argument: number;
  /** Of its lower half: these are numbers of 32 bits. */
  readonly is: number;
}

function refuse(comparison: number, call: number, condition?: Condition): Buffer {
  const rest = Buffer.concat([
    ...(condition === undefined
      ? []
      : [instruction(LOAD, ARGUMENTS + 8 * condition.argument), instruction(IF_EQUAL, condition.is, 1)]),
    instruction(RETURN, REFUSE),
  ]);
  const others = instruction(comparison, call, rest.length / INSTRUCTION_BYTES);
  return Buffer.concat([instruction(LOAD, NUMBER), others, rest]);
}

const INSTRUCTION_BYTES = 8;

/** @param otherwise - how many instructions to skip where a condition does not hold */
function instruction(code: number, value: number, otherwise = 0): Buffer {
  const encoded = Buffer.alloc(INSTRUCTION_BYTES);
  encoded.writeUInt16LE(code, 0);
  encoded.writeUInt8(otherwise, 3);
  encoded.writeUInt32LE(value, 4);
  return encoded;
}
