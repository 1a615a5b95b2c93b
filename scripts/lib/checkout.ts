import { resolve } from 'node:path';

/** The root of this checkout. */
export const checkout = resolve(import.meta.dirname, '../..');

/** Where slow things are kept between runs: `$PURLIN_CACHE_DIR`, or `.cache` in the checkout. */
export const cacheDir = resolve(process.env['PURLIN_CACHE_DIR'] ?? `${checkout}/.cache`);
