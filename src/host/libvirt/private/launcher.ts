/**
 * Runs inside the new mount namespace of a private libvirt: binds our directories over libvirt's fixed
 * ones and starts the daemons, which detach and keep the namespace alive. A program of its own because
 * a namespace belongs to a process, and Node cannot enter one.
 *
 * Its only argument is a JSON {@link LaunchPlan}.
 */
import { execa } from 'execa';

export interface LaunchPlan {
  mounts: readonly { source: string; target: string }[];
  commands: readonly (readonly [string, ...string[]])[];
}

async function launch(plan: LaunchPlan): Promise<void> {
  for (const { source, target } of plan.mounts) {
    await execa('/usr/bin/mount', ['--bind', '--', source, target], { extendEnv: false });
  }
  for (const [program, ...args] of plan.commands) {
    await execa(program, args, {
      // The daemons keep what they inherit, and outlive us: no pipe of ours may stay open in them.
      stdio: 'ignore',
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' },
      extendEnv: false,
      cwd: '/',
    });
  }
}

await launch(JSON.parse(process.argv[2] ?? '') as LaunchPlan);
