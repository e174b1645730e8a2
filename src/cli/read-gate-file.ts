import { GateFile } from '../schemas/gate-file.js';
import { errors } from '../services/platform/errors.js';
import { readYamlFile } from '../services/platform/yaml-file.js';

/** Throws GATE_FILE_INVALID with the line and field at fault. */
export async function readGateFile(path: string): Promise<GateFile> {
  const file = await readYamlFile(path, GateFile);
  switch (file.kind) {
    case 'read':
      return file.value;
    case 'absent':
      throw errors.GATE_FILE_INVALID({ path, problem: 'there is no such file' });
    case 'invalid':
      throw errors.GATE_FILE_INVALID({ path, problem: file.problem });
  }
}
