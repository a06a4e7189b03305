/** Numbers of system calls, by the kernel's name for an architecture. */
interface Calls {
  readonly architecture: number;
  readonly socket: number;
  readonly ptrace: number;
  readonly processVmWritev: number;
  /** The first of `add_key`, `request_key` and `keyctl`, which are consecutive. */
  readonly addKey: number;
  readonly ioSetup: number;
  readonly shmget: number;
  readonly semget: number;
  readonly msgget: number;
  /** On 32-bit x86, the older entry points for `socket` and System V IPC, whose arguments a filter cannot read. */
  readonly multiplexers?: readonly number[];
}

const ARM64 = {
  ...{ socket: 198, ptrace: 117, processVmWritev: 271, addKey: 217 },
  ...{ ioSetup: 0, shmget: 194, semget: 190, msgget: 186 },
};
const ARCHITECTURES: readonly Calls[] = [
  {
    architecture: 0xc000003e, // x86-64
    ...{ socket: 41, ptrace: 101, processVmWritev: 311, addKey: 248 },
    ...{ ioSetup: 206, shmget: 29, semget: 64, msgget: 68 },
  },
  {
    architecture: 0x40000003, // x86
    ...{ socket: 359, ptrace: 26, processVmWritev: 348, addKey: 286 },
    ...{ ioSetup: 245, shmget: 395, semget: 393, msgget: 399, multiplexers: [102, 117] },
  },
  { architecture: 0xc00000b7, ...ARM64 },
  {
    architecture: 0x40000028, // 32-bit ARM
    ...{ socket: 281, ptrace: 26, processVmWritev: 377, addKey: 309 },
    ...{ ioSetup: 243, shmget: 307, semget: 299, msgget: 303 },
  },
  { architecture: 0xc00000f3, ...ARM64 }, // 64-bit RISC-V
];
/** Creates sockets that no filter sees. The number is the same on every architecture. */
const IO_URING_SETUP = 425;
/** The first number of x32, an interface of x86-64 that few kernels support. */
const X32 = 0x40000000;
const AF_VSOCK = 40;
/** The first process of a box. When it dies, the box ends. */
const FIRST_PROCESS = 1;
/**
 * Limits of System V IPC. The kernel allows thousands of segments and sets, which outlive their processes and do not
 * count as any process's memory. PostgreSQL, for example, needs a segment of a few bytes.
 */
const LARGEST_SEGMENT_BYTES = 4096;
const LARGEST_SEMAPHORE_SET = 32;

// Instructions of the kernel's filter programs, the fields of a call that they load, and the result: an error or none.
const [LOAD, IF_EQUAL, IF_AT_LEAST, IF_MORE, RETURN] = [0x20, 0x15, 0x35, 0x25, 0x06];
const [NUMBER, ARCHITECTURE, ARGUMENTS] = [0, 4, 16];
const [FAIL, ALLOW] = [0x00050000, 0x7fff0000];
const [EPERM, ENOSPC, ENOSYS] = [1, 28, 38];

/**
 * Returns a seccomp program that refuses calls that no namespace isolates and no limit counts:
 *
 * - the kernel's keyrings: a box inherits the keyring of the session that started the server, with its passwords and
 * tickets;
 * - sockets between a virtual machine and its host;
 * - taking over the first process of a box, which would then outlive the server;
 * - memory of System V IPC, and contexts of asynchronous I/O, which are limited to 65,536 for the whole machine.
 */
export function syscallFilter(): Buffer {
  return Buffer.concat([...ARCHITECTURES.map(rulesFor), instruction(RETURN, ALLOW)]);
}

function rulesFor(calls: Calls): Buffer {
  const { architecture, socket, ptrace, processVmWritev, addKey, multiplexers = [] } = calls;
  const forbidden = [addKey, addKey + 1, addKey + 2, IO_URING_SETUP, ...multiplexers];
  const rules = Buffer.concat([
    refuse(IF_AT_LEAST, X32, EPERM),
    ...forbidden.map((call) => refuse(IF_EQUAL, call, EPERM)),
    // The error of a kernel without the call; programs then use another way.
    refuse(IF_EQUAL, calls.ioSetup, ENOSYS),
    refuse(IF_EQUAL, calls.msgget, ENOSPC),
    refuse(IF_EQUAL, calls.shmget, ENOSPC, {
      argument: 1,
      comparison: IF_MORE,
      value: LARGEST_SEGMENT_BYTES,
    }),
    // Sizes over 4 GiB use the upper half.
    refuse(IF_EQUAL, calls.shmget, ENOSPC, { argument: 1, half: "upper", comparison: IF_MORE, value: 0 }),
    refuse(IF_EQUAL, calls.semget, ENOSPC, {
      argument: 1,
      comparison: IF_MORE,
      value: LARGEST_SEMAPHORE_SET,
    }),
    refuse(IF_EQUAL, socket, EPERM, { argument: 0, comparison: IF_EQUAL, value: AF_VSOCK }),
    refuse(IF_EQUAL, ptrace, EPERM, { argument: 1, comparison: IF_EQUAL, value: FIRST_PROCESS }),
    refuse(IF_EQUAL, processVmWritev, EPERM, { argument: 0, comparison: IF_EQUAL, value: FIRST_PROCESS }),
  ]);
  const others = instruction(IF_EQUAL, architecture, rules.length / INSTRUCTION_BYTES);
  return Buffer.concat([instruction(LOAD, ARCHITECTURE), others, rules]);
}

interface Condition {
  readonly argument: number;
  /** Which half of the argument's 64 bits. @default "lower" */
  readonly half?: "lower" | "upper";
  readonly comparison: number;
  readonly value: number;
}

function refuse(comparison: number, call: number, error: number, condition?: Condition): Buffer {
  const checks: Buffer[] = [];
  if (condition !== undefined) {
    const offset = ARGUMENTS + 8 * condition.argument + (condition.half === "upper" ? 4 : 0);
    checks.push(instruction(LOAD, offset), instruction(condition.comparison, condition.value, 1));
  }
  const rest = Buffer.concat([...checks, instruction(RETURN, FAIL + error)]);
  const others = instruction(comparison, call, rest.length / INSTRUCTION_BYTES);
  return Buffer.concat([instruction(LOAD, NUMBER), others, rest]);
}

const INSTRUCTION_BYTES = 8;

/** @param otherwise - how many instructions to skip if the condition is false */
function instruction(code: number, value: number, otherwise = 0): Buffer {
  const encoded = Buffer.alloc(INSTRUCTION_BYTES);
  encoded.writeUInt16LE(code, 0);
  encoded.writeUInt8(otherwise, 3);
  encoded.writeUInt32LE(value, 4);
  return encoded;
}
