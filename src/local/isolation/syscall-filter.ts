/** Where each architecture has `add_key`, `request_key` and `keyctl`, which follow each other; by the kernel's name for it. */
const KEY_CALLS: readonly (readonly [architecture: number, first: number])[] = [
  [0xc000003e, 248], // x86-64, and x32 but for a bit
  [0x40000003, 286], // 32-bit x86
  [0xc00000b7, 217], // 64-bit ARM
  [0x40000028, 309], // 32-bit ARM
  [0xc00000f3, 217], // 64-bit RISC-V
];
const X32_BIT = 0x40000000;
const ALLOW = 0x7fff0000;
/** With EPERM. */
const REFUSE = 0x00050001;

// Instructions of the kernel's filter programs, and what they load of a call.
const [LOAD, AND, SUBTRACT, IF_EQUAL, IF_GREATER, RETURN] = [0x20, 0x54, 0x14, 0x15, 0x25, 0x06];
const [NUMBER, ARCHITECTURE] = [0, 4];

/**
 * A seccomp program that refuses the calls for the kernel's keyrings. No namespace separates these: a box inherits the
 * session's keyring of whoever started the server, with the passwords and tickets that are in it.
 */
export function keyringFilter(): Buffer {
  const program = KEY_CALLS.flatMap(([architecture, first]) => [
    instruction(LOAD, ARCHITECTURE),
    instruction(IF_EQUAL, architecture, { otherwise: 5 }),
    instruction(LOAD, NUMBER),
    instruction(AND, ~X32_BIT),
    instruction(SUBTRACT, first),
    instruction(IF_GREATER, 2, { skip: 1 }),
    instruction(RETURN, REFUSE),
  ]);
  return Buffer.concat([...program, instruction(RETURN, ALLOW)]);
}

/** @param jumps - how many instructions to skip where a condition holds, and where it does not */
function instruction(code: number, value: number, { skip = 0, otherwise = 0 } = {}): Buffer {
  const encoded = Buffer.alloc(8);
  encoded.writeUInt16LE(code, 0);
  encoded.writeUInt8(skip, 2);
  encoded.writeUInt8(otherwise, 3);
  encoded.writeUInt32LE(value >>> 0, 4);
  return encoded;
}
