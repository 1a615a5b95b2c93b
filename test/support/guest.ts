/** Talks to a guest of the demo image over HTTP, from inside the host's network namespace. */
import { fetchInside } from '../../scripts/lib/netns.ts';

/** How long an emulated guest may take to answer on a busy machine with two cores. */
const patienceSeconds = 90;

/** What /cgi-bin/info says: `hostname`, `boot_id`, `disk_vda_bytes`, `address_eth0`, `mac_eth0`, `cpus` and so on. */
export type GuestInfo = Readonly<Record<string, string | undefined>>;

export class Guest {
  readonly #netns: string;
  readonly #address: string;

  constructor(netns: string, address: string) {
    this.#netns = netns;
    this.#address = address;
  }

  /** The page at `path`, waited for until the guest serves it. */
  async page(path = '/'): Promise<string> {
    return fetchInside(this.#netns, `http://${this.#address}${path}`, patienceSeconds);
  }

  async info(): Promise<GuestInfo> {
    const text = await this.page('/cgi-bin/info');
    return Object.fromEntries(
      text
        .trim()
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  }

  /** Stores text on the guest's root disk; when this returns it has been synced there. */
  async write(text: string): Promise<void> {
    await this.page(`/cgi-bin/write?text=${encodeURIComponent(text)}`);
  }

  /** What {@link write} stored last, in this boot or an earlier one. */
  async read(): Promise<string> {
    return this.page('/cgi-bin/read');
  }
}
