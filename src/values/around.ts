/** What a process changes the world through. */
export type PortName = 'hypervisor' | 'network' | 'storage' | 'fence' | 'orders' | 'api';

/**
 * Stands between a process and one of its ports. In production nothing does; the crash tests put something there that
 * stops the process at a given call.
 */
export type Around = <Port extends object>(name: PortName, port: Port) => Port;

export const nothingAround: Around = (_name, port) => port;
