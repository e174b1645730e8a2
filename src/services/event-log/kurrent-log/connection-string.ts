import { errors } from '../../platform/errors.js';

/** Settings of the client that would break what this log promises, and what to set instead. */
const refusedSettings: Readonly<Record<string, string>> = {
  'throwonappendfailure=false': 'a failed append would be answered like a stored one; leave it out',
  'tlsverifycert=false': 'any server could pass for the cluster; name its authority with tlsCaFile',
};

/** Throws CONFIG_INVALID for a connection string with a setting that the log cannot work with. The password is not repeated. */
export function assertConnectionString(connectionString: string): void {
  if (!/^(?:kurrentdb|kurrent|kdb|esdb)(?:\+discover)?:\/\//.test(connectionString))
    throw errors.CONFIG_INVALID({ source: 'log', problem: 'it does not begin with kurrentdb://' });
  const settings = connectionString.split('?')[1]?.toLowerCase().split('&') ?? [];
  const preference = settings.find((setting) => setting.startsWith('nodepreference='));
  if (preference !== undefined && preference !== 'nodepreference=leader') {
    const problem = `${preference} cannot be used: what was acknowledged could be missing from the next read; leave it out`;
    throw errors.CONFIG_INVALID({ source: 'log', problem });
  }
  for (const [setting, why] of Object.entries(refusedSettings)) {
    if (settings.includes(setting))
      throw errors.CONFIG_INVALID({ source: 'log', problem: `${setting} cannot be used: ${why}` });
  }
}

/** Hosts and ports as they are written, without what tells a user and password. */
export function hostsOf(connectionString: string): string {
  const authority = connectionString.replace(/^.*?:\/\//, '').split(/[/?]/)[0] ?? '';
  return authority.slice(authority.lastIndexOf('@') + 1);
}
