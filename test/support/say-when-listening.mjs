// Preloaded by a test: says on standard error when the program has begun to listen for Ctrl-C.
const original = process.on;
process.on = function on(name, listener) {
  const result = original.call(this, name, listener);
  if (name === 'SIGINT') setImmediate(() => process.stderr.write('listening\n'));
  return result;
};
