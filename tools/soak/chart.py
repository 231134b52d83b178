"""A line over time as SVG."""


def write(path: str, title: str, unit: str, points: list[tuple[float, float]]) -> None:
    """Points are (minutes, value)."""
    width, height, left, bottom = 900, 320, 70, 40
    last = max(points[-1][0], 1e-9)
    low = min(value for _, value in points) * 0.98
    high = max(value for _, value in points) * 1.02
    span = max(high - low, 1e-9)

    def place(minute: float, value: float) -> str:
        x = left + (width - left - 20) * minute / last
        y = height - bottom - (height - bottom - 40) * (value - low) / span
        return f"{x:.1f},{y:.1f}"

    line = " ".join(place(*point) for point in points)
    marks = "".join(
        f'<text x="{left - 8}" y="{float(place(0, value).split(",")[1]) + 4:.1f}" text-anchor="end">{value:.1f}</text>'
        for value in (low, (low + high) / 2, high)
    ) + "".join(
        f'<text x="{place(last * part, low).split(",")[0]}" y="{height - 16}" text-anchor="middle">{last * part:.0f}</text>'
        for part in (0, 0.25, 0.5, 0.75, 1)
    )
    with open(path, "w") as file:
        file.write(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">'
            f'<rect width="100%" height="100%" fill="white"/>'
            f'<text x="{left}" y="22" font-size="14">{title} ({unit}) over minutes</text>{marks}'
            f'<polyline points="{line}" fill="none" stroke="#0a6" stroke-width="1.5"/></svg>\n'
        )
