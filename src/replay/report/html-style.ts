/** The page's style: light and dark by the reader's setting, and plain on paper. */
export const pageStyle = `
:root{color-scheme:light dark;--page:#fff;--text:#1b2430;--soft:#5a6675;--line:#d9dee5;--panel:#f6f7f9;--control:#4d6a8f;--candidate:#c2500a;
--good:#17703a;--bad:#b3221c;--open:#8a5a00;--bad-area:#b3221c1a;--good-area:#17703a14}
@media (prefers-color-scheme:dark){:root{--page:#12171e;--text:#e4e9f0;--soft:#9aa7b7;--line:#2e3947;--panel:#1a212b;--control:#8db4e2;--candidate:#f59b55;
--good:#5bc98a;--bad:#ff7b72;--open:#e3b341;--bad-area:#ff7b7226;--good-area:#5bc98a1c}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:15px/1.5 system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1020px;margin:0 auto;padding:24px 20px 48px}
h1{font-size:22px;line-height:1.35;margin:0 0 6px;font-weight:600}
h2{font-size:16px;margin:32px 0 10px;font-weight:600}
h3{font-size:13px;margin:0 0 4px;font-weight:600}
p{margin:4px 0}
.verdict{display:inline-block;padding:1px 10px 2px;border-radius:4px;color:var(--page);margin-right:6px;font-weight:700;letter-spacing:.02em}
.PASS .verdict,.PASS.tag{background:var(--good)}.FAIL .verdict,.FAIL.tag,.INVALID .verdict{background:var(--bad)}.INCONCLUSIVE .verdict,.INCONCLUSIVE.tag{background:var(--open)}
.tag{color:var(--page);border-radius:3px;padding:0 6px;font-size:12px;font-weight:700}
.soft{color:var(--soft)}.small{font-size:13px}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:20px 32px}
.two>section>h2:first-child{margin-top:20px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:14px}
.wide{width:100%}
th,td{padding:5px 10px;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th{font-weight:600;color:var(--soft);font-size:13px}
th:first-child,td:first-child{text-align:left;padding-left:0}
td.text,th.text{text-align:left}
.better{color:var(--good)}.worse{color:var(--bad)}
.matrix td{text-align:center;min-width:84px}.matrix .same{background:var(--panel)}
.gate{border:1px solid var(--line);border-radius:6px;padding:12px 16px 8px;margin:10px 0;max-width:640px}
svg{display:block;width:100%;max-width:560px;height:auto;overflow:visible}
svg text{fill:var(--soft);font:12px system-ui,"Segoe UI",Roboto,Arial,sans-serif}
.key{display:inline-block;width:14px;height:3px;vertical-align:middle;margin:0 5px 0 12px;border-radius:2px}
.key:first-child{margin-left:0}
.head td{border-bottom:0;padding-bottom:0;vertical-align:top}
.inputs{white-space:normal;font-size:12.5px;color:var(--soft)}
.inputs span{margin-right:12px;overflow-wrap:anywhere}.inputs b{font-weight:500;color:var(--text)}
code,.mono{font:12.5px/1.5 ui-monospace,"SF Mono",Menlo,Consolas,monospace;overflow-wrap:anywhere}
pre{background:var(--panel);border-radius:5px;padding:10px 12px;margin:6px 0;white-space:pre-wrap;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:3px 16px;margin:6px 0}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
ul{margin:4px 0;padding-left:20px}
.whisker{min-width:150px;padding:3px 10px}.whisker svg{max-width:200px}
.bar{display:block;height:7px;border-radius:2px;background:var(--control);min-width:1px}.bar.taken{background:var(--line)}
.fall td{border:0;padding:2px 10px 2px 0}.fall td:last-child{width:45%}
@media (max-width:560px){svg text{font-size:17px}.worst td:first-child{white-space:normal;min-width:170px;overflow-wrap:anywhere}main{padding:16px 14px 32px}h1{font-size:19px}th,td{padding:5px 7px}dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:6px}}
@media print{:root{color-scheme:light;--page:#fff;--text:#000;--soft:#444;--line:#bbb;--panel:#f2f2f2;--control:#4d6a8f;--candidate:#c2500a;
--good:#17703a;--bad:#b3221c;--open:#8a5a00}body{font-size:11px}main{max-width:none;padding:0}table{font-size:10px}
.scroll{overflow:visible}th,td{white-space:normal}section,.gate,tr{break-inside:avoid}.verdict,.tag,.bar,.same{print-color-adjust:exact}}
`;
