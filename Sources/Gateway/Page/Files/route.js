// The address: #VIEW?NAME=VALUE&... What equals its default is left out.

export function readRoute() {
  const text = location.hash.slice(1), mark = text.indexOf('?');
  return { view: mark < 0 ? text : text.slice(0, mark), query: new URLSearchParams(mark < 0 ? '' : text.slice(mark + 1)) };
}

export function routeText(view, values = {}, defaults = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value && value !== defaults[name]) query.set(name, value);
  const text = query.toString();
  return '#' + view + (text ? '?' + text : '');
}

/** Changes the address. With `isStep`, it is a step that the button Back undoes, and the view is opened again. */
export function writeRoute(view, values, defaults, isStep = false) {
  const text = routeText(view, values, defaults);
  if (isStep) location.hash = text;
  else if (text !== location.hash) {
    try {
      history.replaceState(null, '', text);
    } catch {
      // A browser allows only so many changes in a time, such as those of a slider; the next one is shown again.
    }
  }
}
