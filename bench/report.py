"""Writes what was measured: a table in Markdown between two marks, and a plot as SVG."""

import statistics

BEGIN, END = "<!-- proxies: begin -->", "<!-- proxies: end -->"
GOALS = [
    ("small", "Doorward, signed in, EdDSA", "nginx, proxy_pass", "at most 1.15, aim 1.0"),
    ("small", "Doorward, signed in, HS256", "nginx, proxy_pass", "at most 1.15, aim 1.0"),
    ("small", "Doorward, signed in, EdDSA, no access log", "nginx, proxy_pass, no access log", "at most 1.15, aim 1.0"),
    ("small", "Doorward, signed in, HS256", "HAProxy, jwt_verify, HS256", "at most 0.55"),
    ("small", "Doorward, signed in, EdDSA", "HAProxy, jwt_verify, RS256", "at most 0.55"),
    ("small", "Doorward, signed in, HS256", "nginx, auth_request, HS256", "at most 0.4"),
    ("large", "Doorward, signed in, EdDSA", "nginx, proxy_pass", "at most 0.9"),
]


def table(found, ratio, spread):
    """All of it as Markdown."""
    parts = []
    for part, title in (("small", "1 KiB of JSON, 32 connections"), ("large", "1 MiB, 8 connections")):
        if found[part]:
            lines = [f"**{title}**", "", "| proxy | µs CPU per request | median latency, ms |", "| --- | --- | --- |"]
            for one in sorted(found[part], key=lambda one: statistics.median(one.cpu)):
                lines.append(f"| {one.name} | {spread(one.cpu)} | {statistics.median(one.p50) / 1000:.2f} |")
            parts.append("\n".join(lines))
    goals = [(part, a, b, goal, ratio(found[part], a, b)) for part, a, b, goal in GOALS]
    goals = [row for row in goals if row[-1]]
    if goals:
        lines = ["| | against | ratio | goal |", "| --- | --- | --- | --- |"]
        for part, a, b, goal, values in goals:
            body = ", 1 MiB" if part == "large" else ""
            lines.append(f"| {a}{body} | {b} | {spread(values)} | {goal} |")
        parts.append("\n".join(lines))
    if found["streams"]:
        count = found["streams"][0][2]
        lines = ["| streams | first event later by, ms | MB resident before | "
                 f"with {count:,} idle streams | scaled to 10,000 |", "| --- | --- | --- | --- | --- |"]
        for name, extra, count, before, after in found["streams"]:
            scaled = before + (after - before) * 10_000 / count
            lines.append(f"| {name} | {extra:.2f} | {before:.0f} | {after:.0f} | {scaled:.0f} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def plot(bars):
    """Horizontal bars, the cheapest on top; ours in another colour."""
    bars = sorted(bars, key=lambda bar: bar[1])
    most = max(value for _, value in bars)
    height = 40 + 26 * len(bars)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="760" height="{height}" fill="#ffffff"/>',
        '<text x="12" y="22" font-weight="bold">CPU per proxied request, µs (1 KiB of JSON, one core)</text>',
    ]
    for row, (name, value) in enumerate(bars):
        top, width = 34 + 26 * row, 380 * value / most
        colour = "#1f6f5c" if name.startswith("Doorward") else "#9aa5ad"
        lines.append(f'<text x="306" y="{top + 14}" text-anchor="end" fill="#222222">{name}</text>')
        lines.append(f'<rect x="314" y="{top}" width="{width:.1f}" height="19" fill="{colour}"/>')
        lines.append(f'<text x="{320 + width:.1f}" y="{top + 14}" fill="#222222">{value:.1f}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def write(docs, text, bars):
    """Replaces what stands between the marks of docs/performance.md, and the plot."""
    page = docs / "performance.md"
    before, rest = page.read_text().split(BEGIN)
    after = rest.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")
    if bars:
        (docs / "performance-proxies.svg").write_text(plot(bars))
