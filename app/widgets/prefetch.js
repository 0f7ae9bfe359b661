// Keeps results that were sent ahead, by channel, where the strip of that channel finds them.

export default function ({ data }) {
  window.cbamLensAhead ??= new Map();
  const kept = window.cbamLensAhead.get(data.channel);
  if (kept?.of !== data.of) window.cbamLensAhead.set(data.channel, { of: data.of, results: JSON.parse(data.results) });
}
