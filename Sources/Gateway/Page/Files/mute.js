// Muted labels: hidden on this page, in this browser. What mutes a label for everyone is a setting of astd, shown to copy.
import { announce, byId, element, icon, write } from './dom.js';
import { toast } from './dialogs.js';
import { isMuted, mutedLabels, setMuted } from './memory.js';

const WHERE = ' on this page, in this browser only.';

export function toggleMuted(label) {
  const on = !isMuted(label);
  setMuted(label, on);
  const text = label + (on ? ' is muted' : ' is shown again') + WHERE;
  toast(text, ['Undo', () => setMuted(label, !on)], ...(on ? [['Mute for everyone…', () => explain([label])]] : []));
  announce(text);
}

/** A line that says what is muted, and how to end it. */
export function showMuted(place) {
  const labels = mutedLabels();
  place.hidden = !labels.length;
  const shown = JSON.stringify(labels);
  if (place.dataset.shown === shown) return;
  place.dataset.shown = shown;
  const buttons = labels.map(label => {
    const button = element('button', { type: 'button', title: 'Show ' + label + ' again' }, icon('muted'), label,
      element('span', { class: 'unseen', textContent: ': show it again' }));
    button.onclick = () => toggleMuted(label);
    return button;
  });
  const more = element('button', { type: 'button', textContent: 'Mute for everyone…' });
  more.onclick = () => explain(labels);
  place.replaceChildren('Muted in this browser: ', ...buttons.flatMap(button => [button, ' ']), more);
}

/** A word of YAML as it is where that is safe, otherwise in quotes, in which JSON and YAML agree. */
const quote = label => /^[A-Za-z][A-Za-z _-]*[A-Za-z]$/.test(label) && !/^(true|false|yes|no|on|off|null)$/i.test(label) ? label : JSON.stringify(label);

function explain(labels) {
  byId('mute-what').replaceChildren(...labels.flatMap((label, at) => [at ? ', ' : '', element('strong', { textContent: label })]));
  byId('mute-line').textContent = 'detection:\n  deny: [' + labels.map(quote).join(', ') + ']';
  write(byId('mute-copied'), '');
  byId('mute').showModal();
}

async function copy() {
  const line = byId('mute-line');
  let isCopied = true;
  try {
    await navigator.clipboard.writeText(line.textContent + '\n');
  } catch {
    // Browsers give the clipboard only to encrypted pages and to those of the same machine.
    getSelection().selectAllChildren(line);
    isCopied = document.execCommand('copy');
  }
  write(byId('mute-copied'), isCopied ? 'Copied.' : 'Not copied: select the lines yourself.');
}

byId('mute-copy').onclick = copy;
byId('mute').onclick = event => { if (event.target === byId('mute')) byId('mute').close(); };
