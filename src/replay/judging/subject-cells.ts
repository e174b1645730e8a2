/** Subjects are hashed into so many cells: bounded memory, and rows of one subject always share one. */
export const subjectCells = 1_024;
