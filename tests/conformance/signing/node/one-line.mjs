// Writes an error as one line, without the object and the stack.
process.on('uncaughtException', (error) => {
  console.error(`${error.name}: ${error.message.split('\n')[0]}`);
  process.exit(1);
});
