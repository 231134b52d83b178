// Questions and short messages.
import { byId, element, icon } from './dom.js';

/** Asks before something that others notice; resolves to whether it shall be done. */
export function confirmed(title, text, yes) {
  byId('confirm-title').textContent = title;
  byId('confirm-text').textContent = text;
  byId('confirm-yes').textContent = yes;
  return answer(byId('confirm')).then(value => value === 'yes');
}

/** Asks for a label; resolves to its name, or to nothing. */
export async function askLabel(proposals, heard) {
  const input = byId('other-label');
  byId('other-title').textContent = 'It was not “' + heard + '”, but';
  byId('other-labels').replaceChildren(...proposals.map(label => element('option', { value: label })));
  input.value = '';
  const value = await answer(byId('other'));
  return value === 'yes' ? input.value.trim() : '';
}

function answer(dialog) {
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise(resolve => {
    dialog.onclose = () => resolve(dialog.returnValue);
    // A press beside the dialog closes it, as Escape does.
    dialog.onclick = event => { if (event.target === dialog) dialog.close(''); };
  });
}

let timer = 0;

/** Shows a message for some seconds, with a button for each of `actions`: its name, and what it does. */
export function toast(text, ...actions) {
  const place = byId('toast');
  clearTimeout(timer);
  place.replaceChildren(element('span', { textContent: text }));
  for (const [name, run, key] of actions) {
    const button = element('button', { type: 'button', 'aria-keyshortcuts': key || null }, name, key ? element('kbd', { textContent: key }) : null);
    button.onclick = () => { place.hidden = true; run(); };
    place.append(button);
  }
  const close = element('button', { type: 'button', class: 'round', 'aria-label': 'Close the message' }, icon('close'));
  close.onclick = () => { place.hidden = true; };
  place.append(close);
  place.hidden = false;
  timer = setTimeout(() => { place.hidden = true; }, actions.length ? 15000 : 7000);
}

byId('other-cancel').onclick = () => byId('other').close('');
