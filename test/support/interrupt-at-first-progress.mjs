// Presses Ctrl-C, as far as the process can tell, when the first line of progress is written.
const write = process.stderr.write.bind(process.stderr);
let isPressed = false;
process.stderr.write = (text, ...rest) => {
  if (!isPressed && /^replaying \d+%/.test(String(text))) {
    isPressed = true;
    process.emit('SIGINT');
  }
  return write(text, ...rest);
};
