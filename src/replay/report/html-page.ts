import type { Markup } from './html-markup.js';
import { html } from './html-markup.js';
import { pageStyle } from './html-style.js';

/** A whole page that needs no network and no script. */
export function htmlPage(title: string, content: Markup): string {
  const page = html`<html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width,initial-scale=1" />
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
      <title>${title}</title>
      <style>
        ${{ markup: pageStyle }}
      </style>
    </head>
    <body>
      <main>${content}</main>
    </body>
  </html>`;
  return `<!doctype html>\n${page.markup}\n`;
}
