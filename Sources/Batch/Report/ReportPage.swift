/// The parts of the report's page between which the data stands.
enum ReportPage {
    static let head = #"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; media-src * file: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
        <title>astd report</title>
        <style>
        \#(style)
        </style>
        </head>
        <body>
        <header>
        <h1>astd report</h1>
        <p id="totals"></p>
        <button id="theme" type="button" title="Light or dark">◐</button>
        </header>
        <section id="labels"></section>
        <nav>
        <input id="search" type="search" placeholder="Search files, labels, errors" aria-label="Search">
        <span role="group" aria-label="Sort by">
        <button type="button" data-sort="order">Order</button>
        <button type="button" data-sort="file">Name</button>
        <button type="button" data-sort="seconds">Length</button>
        <button type="button" data-sort="label">Label</button>
        <button type="button" data-sort="score">Score</button>
        <button type="button" data-sort="error">Errors</button>
        </span>
        <span id="count" role="status"></span>
        </nav>
        <main id="list"></main>
        <p><button id="more" type="button">Show more</button></p>
        <script type="application/json" id="model">
        """#

    static let beforeFiles = "</script>\n<script type=\"application/x-ndjson\" id=\"files\">\n"

    static let afterFiles = "</script>\n<script>\n"

    static let tail = "</script>\n</body>\n</html>\n"

    private static let style = """
        :root { color-scheme: light; --page: #f6f6f4; --card: #fff; --text: #1c1c1c; --dim: #5c5c58; --line: #dcdcd6;
          --accent: #0b63b5; --bad: #a3221a; --track: #ececE6; --bars: 62% 40%; }
        :root[data-theme=dark] { color-scheme: dark; --page: #141416; --card: #1e1e22; --text: #ececec; --dim: #a2a2a8;
          --line: #35353b; --accent: #7ab8f5; --bad: #ff8d80; --track: #2a2a30; --bars: 60% 62%; }
        * { box-sizing: border-box; }
        body { margin: 0 auto; max-width: 76rem; padding: 1rem; background: var(--page); color: var(--text);
          font: 15px/1.4 system-ui, sans-serif; }
        header { display: flex; gap: 1rem; align-items: baseline; flex-wrap: wrap; }
        h1 { font-size: 1.3rem; margin: 0; }
        #totals { margin: 0; color: var(--dim); flex: 1; }
        button, input { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line);
          border-radius: .35rem; padding: .25rem .6rem; }
        button { cursor: pointer; }
        button[aria-pressed=true], button[aria-sort] { border-color: var(--accent); color: var(--accent); }
        :focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
        #labels { display: flex; flex-wrap: wrap; gap: .35rem; margin: .8rem 0; }
        #labels button { display: flex; gap: .5rem; align-items: center; font-size: .88rem; }
        .dot { width: .7rem; height: .7rem; border-radius: 50%; flex: none; }
        nav { display: flex; gap: .6rem; flex-wrap: wrap; align-items: center; position: sticky; top: 0; padding: .5rem 0;
          background: var(--page); z-index: 1; }
        #search { flex: 1; min-width: 12rem; }
        #count, .dim { color: var(--dim); font-size: .88rem; }
        article { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem;
          margin: .5rem 0; display: grid; grid-template-columns: 15rem 1fr; gap: .3rem 1rem; }
        article h2 { font-size: .95rem; margin: 0; overflow-wrap: anywhere; }
        .folder { margin: 0; overflow-wrap: anywhere; }
        .error { color: var(--bad); overflow-wrap: anywhere; grid-column: 1 / -1; margin: 0; }
        .time { position: relative; cursor: pointer; min-width: 0; padding-left: 8.5rem; }
        .time img { display: block; width: 100%; height: 56px; image-rendering: auto; border-radius: .2rem; }
        .track { position: relative; height: 1.15rem; margin-top: 2px; background: var(--track); border-radius: .2rem; }
        .track canvas { position: absolute; inset: 0; width: 100%; height: 100%; }
        .track span { position: absolute; right: 100%; width: 8.2rem; padding-right: .5rem; text-align: right; font-size: .8rem;
          white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
        .axis { display: flex; justify-content: space-between; font-size: .75rem; color: var(--dim); }
        .head { position: absolute; top: 0; bottom: 0; width: 2px; background: var(--accent); pointer-events: none; }
        audio { width: 100%; height: 2.2rem; grid-column: 1 / -1; }
        [hidden] { display: none !important; }
        @media (max-width: 46rem) { article { grid-template-columns: 1fr; } .time { padding-left: 0; }
          .track span { position: static; display: block; width: auto; text-align: left; mix-blend-mode: normal; padding-left: .3rem; z-index: 1; }
          .track canvas { opacity: .5; } }
        @media print { nav, #theme, #more { display: none; } }
        """
}
