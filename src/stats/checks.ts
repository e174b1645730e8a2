/** Throws a RangeError that names the argument unless `value` is finite. */
export function checkFinite(name: string, value: number): void {
  if (!Number.isFinite(value)) throw new RangeError(`${name} is ${value}; expected a finite number`);
}

/** Throws a RangeError that names the argument unless `value` is a whole number, 0 or more, that a double holds exactly. */
export function checkCount(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${name} is ${value}; expected a whole number, 0 or more`);
  }
}

/** Throws a RangeError that names the argument unless `value` lies strictly between 0 and 1. */
export function checkOpenUnit(name: string, value: number): void {
  if (!(value > 0 && value < 1)) {
    throw new RangeError(`${name} is ${value}; expected a number between 0 and 1, both excluded`);
  }
}

/** Throws a RangeError that names the argument unless `value` lies in [0, 1]. */
export function checkUnit(name: string, value: number): void {
  if (!(value >= 0 && value <= 1)) throw new RangeError(`${name} is ${value}; expected a number from 0 to 1`);
}

/** Throws a RangeError that names both arguments unless the two lengths agree. */
export function checkSameLength(names: string, first: number, second: number): void {
  if (first !== second)
    throw new RangeError(`${names} have ${first} and ${second} entries; expected the same number`);
}
