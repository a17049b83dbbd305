// The verifier of the documentation at work. Usage: verify_assertion.mjs BASE AUDIENCE ASSERTION
// Prints the claims as JSON, or {"refused": CODE}.

// scripts/test links the examples beside this folder.
import { verifier } from '../examples/verify_assertion.mjs';

const [base, audience, assertion] = process.argv.slice(2);

try {
  console.log(JSON.stringify(await verifier(base, audience)(assertion)));
} catch (error) {
  console.log(JSON.stringify({ refused: error.code }));
}
