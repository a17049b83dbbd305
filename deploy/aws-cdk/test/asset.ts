//! Assets as scripts/lambda-asset makes them, but with next to nothing inside.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';

const CERTIFICATES = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

const FOLDER = mkdtempSync(join(tmpdir(), 'doorward-cdk-'));
process.on('exit', () => rmSync(FOLDER, { recursive: true, force: true }));
let files = 0;

interface Contents {
  readonly machine?: number;
  readonly mode?: number;
  readonly certificates?: string | undefined;
}

/** The first bytes of a program for a machine: 62 is x86-64, 183 is arm64. */
export function program(machine: number): Buffer {
  const header = Buffer.alloc(64);
  header.write('\x7fELF', 'latin1');
  header.writeUInt16LE(machine, 18);
  return header;
}

/** A file that would do, but for what is said otherwise. */
export function asset({ machine = 62, mode = 0o100755, ...rest }: Contents = {}): string {
  const certificates = 'certificates' in rest ? rest.certificates : CERTIFICATES;
  const members: [string, Buffer, number][] = [['bootstrap', program(machine), mode]];
  if (certificates !== undefined) members.push(['global-bundle.pem', Buffer.from(certificates), 0o100644]);
  return file(zip(members));
}

/** A file of that content, for as long as the tests run. */
export function file(content: string | Buffer): string {
  files += 1;
  const path = join(FOLDER, `${files}.zip`);
  writeFileSync(path, content);
  return path;
}

function zip(members: readonly [string, Buffer, number][]): Buffer {
  const locals: Buffer[] = [];
  const entries: Buffer[] = [];
  let offset = 0;
  for (const [name, content, mode] of members) {
    const packed = deflateRawSync(content);
    // Version, flags, method, time, date, checksum, sizes, length of the name, length of what else there is.
    const common = Buffer.alloc(26);
    [20, 0, 8, 0, 0x21].forEach((value, index) => common.writeUInt16LE(value, 2 * index));
    [crc32(content), packed.length, content.length].forEach((value, index) => common.writeUInt32LE(value, 10 + 4 * index));
    common.writeUInt16LE(name.length, 22);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE((mode << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, Buffer.from(name), packed]);
    entries.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x03', 'latin1'), common, tail, Buffer.from(name)]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}
