import { InvalidArgumentError, Option } from 'commander';
import type { ReportFormat } from '../replay/report/render-report.js';
import { reportFormats } from '../replay/report/render-report.js';

/** `--report json,html`. */
export function reportOption(): Option {
  return new Option('--report <formats>', `comma-separated: ${reportFormats.join(', ')}`)
    .argParser(parseFormats)
    .default([], 'none is written');
}

/** Formats of reports with commas between, each once. */
function parseFormats(text: string): ReportFormat[] {
  const named = text.split(',').map((name) => {
    const format = reportFormats.find((each) => each === name.trim());
    if (format === undefined)
      throw new InvalidArgumentError(`"${name}" is no report format; ${reportFormats.join(', ')} are`);
    return format;
  });
  return [...new Set(named)];
}
