/** Each project is one layer of proof; `npm test` runs them all, `npm run check` the first three. */
const layer = (name, options = {}) => ({
  displayName: name,
  testEnvironment: 'node',
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2024', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
  ...options,
});

export default {
  // A commit that waits for a slow disk is no failure; a test that hangs is one also after half a minute.
  testTimeout: 30_000,
  projects: [
    layer('unit'),
    layer('contract'),
    layer('scenario'),
    layer('simulation'),
    layer('campaign'),
    layer('e2e'),
  ],
};
