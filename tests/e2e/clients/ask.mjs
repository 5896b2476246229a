// Prints what a URL answers.
try {
  process.stdout.write(await (await fetch(process.argv[2])).text())
} catch (error) {
  console.error(error.cause)
  process.exit(1)
}
