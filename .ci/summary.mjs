// Prints jest's JSON result as "N passed, N failed, N skipped"; a suite that did not even load counts as one failure.
import { readFileSync } from 'node:fs';

const text = readFileSync(process.argv[2], 'utf8');
if (text === '') {
  console.log('0 passed, 1 failed, 0 skipped');
  process.exit(1);
}
const result = JSON.parse(text);
const failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
const skipped = result.numPendingTests + result.numTodoTests;
console.log(`${result.numPassedTests} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed === 0 && result.numPassedTests > 0 ? 0 : 1);
