import { Buffer } from 'node:buffer';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { findQemuIdentity, type QemuIdentity } from './private/qemu-identity.ts';

export interface KvmProbeResult {
  works: boolean;
  /** in words, for `Host.status` */
  reason: string;
}

/**
 * Whether a guest really runs on this machine's KVM. A device that opens proves nothing: /dev/kvm can
 * run real-mode firmware and satisfy libvirt's capabilities while every kernel hangs on it. So a tiny
 * firmware enters long mode, works a little, and says so through QEMU's exit status.
 *
 * @param accelerator `tcg` runs the same firmware under emulation, which proves the probe itself
 */
export async function probeKvm(accelerator: 'kvm' | 'tcg' = 'kvm'): Promise<KvmProbeResult> {
  const directory = await mkdtemp(join(tmpdir(), 'purlin-kvm-probe-'));
  try {
    const firmware = join(directory, 'firmware.rom');
    await chmod(directory, 0o711);
    await writeFile(firmware, probeFirmware(), { mode: 0o644 });
    return await run(accelerator, firmware, await findQemuIdentity());
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** As the user that guests run as: what root may open proves nothing for them. */
async function run(
  accelerator: 'kvm' | 'tcg',
  firmware: string,
  { uid, gid }: QemuIdentity,
): Promise<KvmProbeResult> {
  const machine = ['-machine', `pc,accel=${accelerator}`, '-m', '16'];
  const nothingElse = [
    '-nodefaults',
    '-no-user-config',
    '-display',
    'none',
    '-monitor',
    'none',
    '-serial',
    'none',
  ];
  const exitDevice = ['-device', 'isa-debug-exit,iobase=0xf4,iosize=4'];
  const result = await execa(qemu, [...machine, ...nothingElse, ...exitDevice, '-bios', firmware], {
    uid,
    gid,
    cwd: '/',
    timeout: timeLimitMs,
    killSignal: 'SIGKILL',
    reject: false,
    stdin: 'ignore',
    extendEnv: false,
    env: {},
  });
  const name = accelerator.toUpperCase();
  if (result.exitCode === successStatus) return { works: true, reason: `a probe guest ran on ${name}` };
  if (result.timedOut) return { works: false, reason: `a probe guest hung on ${name} for ${timeLimitMs} ms` };
  const detail =
    result.stderr.trim().split('\n').at(-1) || result.shortMessage || `status ${result.exitCode}`;
  return { works: false, reason: `a probe guest did not run on ${name}: ${detail}` };
}

const qemu = '/usr/bin/qemu-system-x86_64';

/** The firmware needs 42 ms under emulation; where it takes two seconds, no kernel would come up. */
const timeLimitMs = 2_000;

/** isa-debug-exit ends QEMU with 2·value+1, and the firmware writes 0x10. */
const successStatus = 33;

const romBytes = 0x10000;

/**
 * A ROM that ends at the top of 4 GiB, where a processor begins at its last 16 bytes.
 *
 *   .code16
 *   start: cli
 *          lgdtl  %cs:gdtr
 *          movl   %cr0, %eax; orl $1, %eax; movl %eax, %cr0       # protected mode
 *          ljmpl  $8, $0xffff0000 + pm
 *   .code32
 *   pm:    movw   $16, %ax; movw %ax, %ds; movw %ax, %es; movw %ax, %ss
 *          movl   $0x10000, %edi; xorl %eax, %eax; movl $0x1000, %ecx; rep stosl
 *          movl   $0x11003, 0x10000                                # page tables: the first 2 MiB and
 *          movl   $0x12003, 0x11000; movl $0x13003, 0x11018        # the last 2 MiB below 4 GiB, where
 *          movl   $0x83, 0x12000; movl $0xffe00083, 0x13ff8        # this code runs
 *          movl   %cr4, %eax; orl $0x20, %eax; movl %eax, %cr4     # PAE
 *          movl   $0x10000, %eax; movl %eax, %cr3
 *          movl   $0xc0000080, %ecx; rdmsr; orl $0x100, %eax; wrmsr   # EFER.LME
 *          movl   %cr0, %eax; orl $0x80000000, %eax; movl %eax, %cr0  # paging: long mode
 *          ljmpl  $24, $0xffff0000 + lm
 *   .code64
 *   lm:    movl   $200000, %ecx
 *   1:     decl   %ecx; jnz 1b
 *          xorl   %eax, %eax; cpuid
 *          movb   $0x10, %al; outb %al, $0xf4                      # isa-debug-exit
 *          hlt
 *   .align 8
 *   gdt:   .quad  0, 0x00cf9a000000ffff, 0x00cf92000000ffff, 0x00af9a000000ffff
 *   gdtr:  .word  31; .long 0xffff0000 + gdt
 *   .org 0xfff0
 *          jmp    start
 */
export function probeFirmware(): Buffer {
  const rom = Buffer.alloc(romBytes);
  rom.set(Buffer.from(program.join(''), 'hex'), 0);
  rom.set(Buffer.from(resetVector, 'hex'), romBytes - 16);
  return rom;
}

const program = [
  'fa2e660f0116c8000f20c06683c8010f22c066ea1a00ffff080066b810008ed88ec08ed0bf000001',
  '0031c0b900100000f3abc7050000010003100100c7050010010003200100c7051810010003300100',
  'c7050020010083000000c705f83f01008300e0ff0f20e083c8200f22e0b8000001000f22d8b98000',
  '00c00f320d000100000f300f20c00d000000800f22c0ea9500ffff1800b9400d0300ffc975fc31c0',
  '0fa2b010e6f4f4900000000000000000ffff0000009acf00ffff00000092cf00ffff0000009aaf00',
  '1f00a800ffff',
];

/** jmp start */
const resetVector = 'e90d00';
