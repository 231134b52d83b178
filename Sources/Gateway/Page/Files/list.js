// A list of thousands of rows of equal height, of which only those in view are in the document.
import { element, set } from './dom.js';

const MORE = 6;         // rows above and below the view

/**
 * A listbox: one stop for the tab key, arrows to move.
 *
 * `options.row(item)` returns what a row shows, `options.title(item)` its name for screen readers,
 * `options.onSelect(item)` is called when another row is selected.
 */
export class RowList {
  constructor(scroller, options) {
    this.options = options;
    this.scroller = scroller;
    this.body = element('div', { class: 'rows', role: 'listbox', tabIndex: 0, 'aria-label': options.label });
    scroller.replaceChildren(this.body);
    this.items = [];
    this.made = new Map();
    this.selected = -1;
    this.anchor = 0;      // where the selected row would be, if it is not in the list
    this.tall = 0;
    scroller.addEventListener('scroll', () => this.render(), { passive: true });
    new ResizeObserver(() => { this.tall = 0; this.render(); }).observe(scroller);
    this.body.onclick = event => {
      const row = event.target.closest('[role=option]');
      if (row) this.select(Number(row.dataset.at));
    };
    this.body.onkeydown = event => {
      const page = Math.max(1, Math.floor(scroller.clientHeight / this.height()) - 1);
      const to = { ArrowDown: this.selected + 1, ArrowUp: this.selected - 1, PageDown: this.selected + page,
        PageUp: this.selected - page, Home: 0, End: this.items.length - 1 }[event.key];
      if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.select(Math.min(this.items.length - 1, Math.max(0, to)));
    };
  }

  height() {
    // From the style sheet; it is another one on a phone.
    if (!this.tall) this.tall = parseFloat(getComputedStyle(this.body).getPropertyValue('--row')) || 48;
    return this.tall;
  }

  /** Replaces the items; `selected` is the position of the selected one; -1: none, then `anchor` is where it would be. */
  show(items, selected, anchor = 0) {
    this.items = items;
    this.selected = selected;
    this.anchor = anchor;
    this.made.forEach(row => row.remove());
    this.made.clear();
    this.render();
  }

  /** Draws the row of an item again, after a change. */
  refresh(item) {
    const at = this.items.indexOf(item);
    if (!this.made.has(at)) return;
    this.made.get(at).remove();
    this.made.delete(at);
    this.render();
  }

  select(at, isQuiet = false) {
    if (at < 0 || at >= this.items.length) return;
    this.selected = at;
    const top = at * this.height(), bottom = top + this.height();
    const view = this.scroller.scrollTop, end = view + this.scroller.clientHeight, far = 2 * this.height();
    // A step scrolls as little as necessary; a row from far away is brought to the middle.
    if (top < view - far || bottom > end + far) this.scroller.scrollTop = (top + bottom - this.scroller.clientHeight) / 2;
    else if (top < view) this.scroller.scrollTop = top;
    else if (bottom > end) this.scroller.scrollTop = bottom - this.scroller.clientHeight;
    this.render();
    if (!isQuiet) this.options.onSelect(this.items[at]);
  }

  move(by) {
    const to = this.selected < 0 ? this.anchor - (by < 0 ? 1 : 0) : this.selected + by;
    if (to >= 0 && to < this.items.length) this.select(to);
  }

  render() {
    const height = this.height();
    this.body.style.height = Math.max(1, this.items.length * height) + 'px';
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / height) - MORE);
    const last = Math.min(this.items.length, Math.ceil((this.scroller.scrollTop + this.scroller.clientHeight) / height) + MORE);
    for (const [at, row] of this.made) {
      if ((at < first || at >= last) && at !== this.selected) {
        row.remove();
        this.made.delete(at);
      }
    }
    for (let at = first; at < last; at++) this.make(at, height);
    if (this.selected >= 0 && this.selected < this.items.length) this.make(this.selected, height);
    this.made.forEach((row, at) => {
      const isSelected = at === this.selected;
      if (row.getAttribute('aria-selected') !== String(isSelected)) row.setAttribute('aria-selected', String(isSelected));
    });
    set(this.body, { 'aria-activedescendant': this.selected >= 0 ? 'row-' + this.selected : null });
  }

  make(at, height) {
    if (this.made.has(at)) return;
    const item = this.items[at];
    const row = element('div', { class: 'row', role: 'option', id: 'row-' + at, data: { at: String(at) }, 'aria-setsize': this.items.length,
      'aria-posinset': at + 1, 'aria-label': this.options.title(item) }, ...this.options.row(item));
    row.style.transform = 'translateY(' + at * height + 'px)';
    this.made.set(at, row);
    this.body.append(row);
  }
}
