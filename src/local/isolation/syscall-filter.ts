/** The numbers of calls, by the kernel's name for an architecture. */
interface Calls {
  readonly architecture: number;
  readonly socket: number;
  /** The first of `add_key`, `request_key` and `keyctl`, which follow each other. */
  readonly addKey: number;
}

const X86: Calls = { architecture: 0x40000003, socket: 359, addKey: 286 };
const ARCHITECTURES: readonly Calls[] = [
  { architecture: 0xc000003e, socket: 41, addKey: 248 }, // x86-64, and x32 but for a bit
  X86,
  { architecture: 0xc00000b7, socket: 198, addKey: 217 }, // 64-bit ARM
  { architecture: 0x40000028, socket: 281, addKey: 309 }, // 32-bit ARM
  { architecture: 0xc00000f3, socket: 198, addKey: 217 }, // 64-bit RISC-V
];
/** The old way to `socket` of 32-bit x86, whose arguments a filter cannot see. */
const SOCKETCALL = 102;
const X32_BIT = 0x40000000;
const AF_VSOCK = 40;
/** It makes sockets that no filter sees. Its number is the same everywhere. */
const IO_URING_SETUP = 425;

// Instructions of the kernel's filter programs, what they load of a call, and what becomes of it: EPERM, or nothing.
const [LOAD, AND, SUBTRACT, IF_EQUAL, IF_GREATER, RETURN] = [0x20, 0x54, 0x14, 0x15, 0x25, 0x06];
const [NUMBER, ARCHITECTURE, FIRST_ARGUMENT] = [0, 4, 16];
const [REFUSE, ALLOW] = [0x00050001, 0x7fff0000];

/**
 * A seccomp program that refuses the calls for what no namespace separates: the kernel's keyrings, as a box inherits that
 * of the session in which the server was started, with the passwords and tickets that are in it; and the sockets between
 * a virtual machine and its host.
 */
export function syscallFilter(): Buffer {
  return Buffer.concat([
    ...ARCHITECTURES.flatMap(({ architecture, socket, addKey }) => [
      instruction(LOAD, ARCHITECTURE),
      instruction(IF_EQUAL, architecture, { otherwise: 9 }),
      instruction(LOAD, NUMBER),
      instruction(AND, ~X32_BIT),
      instruction(IF_EQUAL, IO_URING_SETUP, { then: 5 }),
      instruction(IF_EQUAL, socket, { otherwise: 2 }),
      instruction(LOAD, FIRST_ARGUMENT),
      instruction(IF_EQUAL, AF_VSOCK, { then: 2, otherwise: 3 }),
      instruction(SUBTRACT, addKey),
      instruction(IF_GREATER, 2, { then: 1 }),
      instruction(RETURN, REFUSE),
    ]),
    instruction(LOAD, ARCHITECTURE),
    instruction(IF_EQUAL, X86.architecture, { otherwise: 3 }),
    instruction(LOAD, NUMBER),
    instruction(IF_EQUAL, SOCKETCALL, { otherwise: 1 }),
    instruction(RETURN, REFUSE),
    instruction(RETURN, ALLOW),
  ]);
}

/** How many instructions to skip where a condition holds, and where it does not. */
interface Jumps {
  readonly then?: number;
  readonly otherwise?: number;
}

function instruction(code: number, value: number, { then = 0, otherwise = 0 }: Jumps = {}): Buffer {
  const encoded = Buffer.alloc(8);
  encoded.writeUInt16LE(code, 0);
  encoded.writeUInt8(then, 2);
  encoded.writeUInt8(otherwise, 3);
  encoded.writeUInt32LE(value >>> 0, 4);
  return encoded;
}
