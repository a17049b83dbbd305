//! What is inside the zip file that becomes the function, so that a wrong one is refused here and not by a function that does
//! not start. Reads of the format what it needs: the central directory, and the beginning of a member.

import { readFileSync } from 'node:fs';
import { constants, inflateRawSync } from 'node:zlib';

/** Where the function finds the certificates of Amazon DocumentDB. */
export const CA_FILE = 'global-bundle.pem';

const PROGRAM = 'bootstrap';
const REMEDY = 'build it with scripts/lambda-asset';
/** `e_machine` of an ELF header. */
const MACHINES: Readonly<Record<number, string>> = { 62: 'x86_64', 183: 'arm64' };

interface Member {
  readonly mode: number;
  readonly start: Buffer;
}

/** What is wrong with an asset that should run on an architecture; nothing if it will do. */
export function inspect(path: string, architecture: string): string[] {
  const members = open(path);
  if (typeof members === 'string') return [members];
  const program = members.get(PROGRAM);
  const machine = program && machineOf(program.start);
  const mistakes = [];
  if (!program) mistakes.push(`${path} has no ${PROGRAM}; ${REMEDY}`);
  else if ((program.mode & 0o111) === 0) mistakes.push(`${path} has a ${PROGRAM} that may not be executed; ${REMEDY}`);
  else if (machine !== architecture) {
    mistakes.push(`${path} is for ${machine ?? 'no Linux'}, the function for ${architecture}; `
      + `${REMEDY} --arch ${architecture}${machine ? `, or give -c architecture=${machine}` : ''}`);
  }
  if (!members.get(CA_FILE)?.start.includes('-----BEGIN CERTIFICATE-----')) {
    mistakes.push(`${path} has no certificates in ${CA_FILE}, so the database could not be trusted; ${REMEDY} --ca FILE`);
  }
  return mistakes;
}

/** The members of a zip file, or what is wrong with it. */
function open(path: string): Map<string, Member> | string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return `${path} cannot be read; ${REMEDY}`;
  }
  try {
    return membersOf(bytes);
  } catch {
    return `${path} is no zip file; ${REMEDY}`;
  }
}

/** Throws if the bytes are no zip file. */
function membersOf(bytes: Buffer): Map<string, Member> {
  const members = new Map<string, Member>();
  const end = bytes.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  if (end < 0) throw new RangeError('no central directory');
  let entry = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left -= 1) {
    const name = bytes.toString('utf8', entry + 46, entry + 46 + bytes.readUInt16LE(entry + 28));
    const local = bytes.readUInt32LE(entry + 42);
    const data = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const packed = bytes.subarray(data, data + Math.min(bytes.readUInt32LE(entry + 20), 65_536));
    const isStored = bytes.readUInt16LE(entry + 10) === 0;
    // A beginning is enough, so its end need not be the end of the stream.
    const start = isStored ? packed : inflateRawSync(packed, { finishFlush: constants.Z_SYNC_FLUSH });
    members.set(name, { mode: bytes.readUInt32LE(entry + 38) >>> 16, start });
    entry += 46 + bytes.readUInt16LE(entry + 28) + bytes.readUInt16LE(entry + 30) + bytes.readUInt16LE(entry + 32);
  }
  return members;
}

function machineOf(program: Buffer): string | undefined {
  const isElf = program.length > 20 && program.toString('latin1', 0, 4) === '\x7fELF';
  return isElf ? MACHINES[program.readUInt16LE(18)] : undefined;
}
