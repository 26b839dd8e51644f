package graph

// statusColor is the colour of what became of a step, to be seen on light and on dark.
type statusColor struct{ status, color string }

func statusColors() []statusColor {
	return []statusColor{{"succeeded", "#2da44e"}, {"failed", "#e5484d"}, {"cancelled", "#bf8700"}, {"skipped", "#8c959f"}, {"waiting", "#8c959f"}, {"running", "#218bff"}}
}

// style are the colours of a picture, for light and for dark. There are no variables in it: not every program that shows a
// picture knows them. Every rule is of the picture alone, which may stand in a page of others.
const style = `
.flowrun text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; fill: #1f2328 }
.flowrun .t { font-size: 13px; font-weight: 600 }
.flowrun .c { font-size: 11px; font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #424a53 }
.flowrun .m, .flowrun .p { font-size: 11px; fill: #656d76 }
.flowrun .p { font-style: italic }
.flowrun .k { font-size: 10px; fill: #424a53 }
.flowrun .paper { fill: #ffffff }
.flowrun .card { fill: #ffffff; stroke: #b7bec6 }
.flowrun .block { fill: #818b98; fill-opacity: 0.07; stroke: #c6cdd5 }
.flowrun .deck { fill: #ffffff; stroke: #c6cdd5 }
.flowrun .more { fill: none; stroke: #b7bec6; stroke-dasharray: 2 4 }
.flowrun .back { stroke-dasharray: 5 3 }
.flowrun .pill { fill: #eaeef2 }
.flowrun .a { fill: none; stroke: #8c959f; stroke-width: 1.4 }
.flowrun .h { fill: #8c959f }
.flowrun .life { fill: none; stroke: #8c959f; stroke-width: 1.4; stroke-dasharray: 2 4 }
.flowrun .cut { stroke: #c6cdd5; stroke-dasharray: 3 3 }
.flowrun .a.needs, .flowrun .a.reads { stroke: #0969da } .flowrun .h.needs, .flowrun .h.reads { fill: #0969da }
.flowrun .a.reads { stroke-dasharray: 5 3 }
.flowrun .a.awaits { stroke: #8250df; stroke-dasharray: 2 3 } .flowrun .h.awaits { fill: #8250df }
.flowrun .a.cancels { stroke: #cf222e; stroke-dasharray: 2 3 } .flowrun .h.cancels { fill: #cf222e }
.flowrun .k-gather > .block { fill: #0969da; stroke: #9cc4f2 } .flowrun .k-gather > .pill { fill: #0969da }
.flowrun .k-taskgroup > .block { fill: #8250df; stroke: #c9b3ef } .flowrun .k-taskgroup > .pill { fill: #8250df }
.flowrun .k-wait > .block { fill: #1b7c83; stroke: #93cbd0 } .flowrun .k-wait > .pill { fill: #1b7c83 }
.flowrun .k-gather > .k, .flowrun .k-taskgroup > .k, .flowrun .k-wait > .k { fill: #ffffff }
.flowrun .k-run > .pill { fill: #dafbe1 } .flowrun .k-http > .pill { fill: #fff8c5 } .flowrun .k-call > .pill { fill: #fff1e5 } .flowrun .k-fail > .pill { fill: #ffebe9 }
@media (prefers-color-scheme: dark) {
.flowrun text { fill: #e6edf3 }
.flowrun .c { fill: #c3ccd6 }
.flowrun .m, .flowrun .p { fill: #8d96a0 }
.flowrun .k { fill: #c3ccd6 }
.flowrun .paper { fill: #0d1117 }
.flowrun .card { fill: #161b22; stroke: #444c56 }
.flowrun .block { stroke: #3d444d }
.flowrun .deck { fill: #161b22; stroke: #3d444d }
.flowrun .more { stroke: #444c56 }
.flowrun .pill { fill: #2b323b }
.flowrun .a, .flowrun .life { stroke: #768390 } .flowrun .h { fill: #768390 }
.flowrun .cut { stroke: #3d444d }
.flowrun .a.needs, .flowrun .a.reads { stroke: #4493f8 } .flowrun .h.needs, .flowrun .h.reads { fill: #4493f8 }
.flowrun .a.awaits { stroke: #ab7df8 } .flowrun .h.awaits { fill: #ab7df8 }
.flowrun .a.cancels { stroke: #f85149 } .flowrun .h.cancels { fill: #f85149 }
.flowrun .k-gather > .block { fill: #388bfd; stroke: #24497a } .flowrun .k-gather > .pill { fill: #1f6feb }
.flowrun .k-taskgroup > .block { fill: #a371f7; stroke: #4b3a75 } .flowrun .k-taskgroup > .pill { fill: #8957e5 }
.flowrun .k-wait > .block { fill: #39c5cf; stroke: #1f5a5f } .flowrun .k-wait > .pill { fill: #1b7c83 }
.flowrun .k-run > .pill { fill: #12351f } .flowrun .k-http > .pill { fill: #3b2f0b } .flowrun .k-call > .pill { fill: #43290f } .flowrun .k-fail > .pill { fill: #4c1a1c }
}
`
