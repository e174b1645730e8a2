// Preloaded by a test: throws where nothing of the program can catch it, after the program has installed its handlers.
const planted = process.on;
process.on = function on(name, listener) {
  const result = planted.call(this, name, listener);
  if (name === 'unhandledRejection') {
    queueMicrotask(() => {
      throw new Error('planted fault');
    });
  }
  return result;
};
